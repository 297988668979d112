import { setImmediate } from 'node:timers/promises';

/** A clock that stands still until it is told to run, and the pauses that hang on it. */
export type VirtualTime = ReturnType<typeof createVirtualTime>;

export function createVirtualTime(startMs: number) {
  let nowMs = startMs;
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();

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

    /** How many pauses have not ended. */
    sleeping: () => sleepers.size,

    /** Lets everything run that happens up to a time. */
    async runUntil(untilMs: number): Promise<void> {
      for (;;) {
        await setImmediate();
        const next = [...sleepers].sort((a, b) => a.untilMs - b.untilMs)[0];
        if (next === undefined || next.untilMs > untilMs) break;
        nowMs = Math.max(nowMs, next.untilMs);
        next.wake();
      }
      nowMs = Math.max(nowMs, untilMs);
      await setImmediate();
    },
  };
}
