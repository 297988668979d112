/** Waits until somebody calls; a call that comes while nobody waits is not lost. */
export type WakeUp = {
  wake(): void;
  /** Also returns when the signal aborts, or when the pause ends. */
  wait(signal: AbortSignal, pause?: (ending: AbortSignal) => Promise<void>): Promise<void>;
};

export function createWakeUp(): WakeUp {
  let isCalled = false;
  let call = (): void => undefined;

  return {
    wake() {
      isCalled = true;
      call();
    },
    async wait(signal, pause) {
      const ending = new AbortController();
      if (!isCalled && !signal.aborted) {
        await new Promise<void>((resolve) => {
          call = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true, signal: ending.signal });
          void pause?.(ending.signal).then(resolve);
        });
      }
      ending.abort();
      isCalled = false;
    },
  };
}
