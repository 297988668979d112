import { setImmediate } from 'node:timers/promises';

/** A clock that stands still until it is told to run, and the pauses that hang on it. */
export type VirtualTime = ReturnType<typeof createVirtualTime>;

type Sleeper = { untilMs: number; wake: () => void };

export function createVirtualTime(startMs: number) {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();

  function nextSleeper() {
    let next: Sleeper | undefined;
    for (const each of sleepers) if (next === undefined || each.untilMs < next.untilMs) next = each;
    return next;
  }

  return {
    nowMs: () => nowMs,

    pause(ms: number, signal: AbortSignal): Promise<void> {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const sleeper = { untilMs: nowMs + ms, wake };
        function wake(): void {
          sleepers.delete(sleeper);
          signal.removeEventListener('abort', wake);
          resolve();
        }
        sleepers.add(sleeper);
        signal.addEventListener('abort', wake);
      });
    },

    /** Stands in for the global `setTimeout`. */
    setTimeout(run: () => void, ms = 0): NodeJS.Timeout {
      const sleeper = {
        untilMs: nowMs + ms,
        wake: () => {
          sleepers.delete(sleeper);
          run();
        },
      };
      sleepers.add(sleeper);
      return { unref: () => undefined } as unknown as NodeJS.Timeout;
    },

    /** How many pauses have not ended. */
    sleeping: () => sleepers.size,

    /** Lets everything run that happens up to a time. */
    async runUntil(untilMs: number): Promise<void> {
      for (;;) {
        await setImmediate();
        const next = nextSleeper();
        if (next === undefined || next.untilMs > untilMs) break;
        nowMs = Math.max(nowMs, next.untilMs);
        next.wake();
      }
      nowMs = Math.max(nowMs, untilMs);
      await setImmediate();
    },
  };
}
