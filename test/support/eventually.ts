import { setTimeout as timeout } from 'node:timers/promises';

/** Repeats an assertion until it holds and returns what it returned; fails with its last failure. */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  { withinMs = 5_000, everyMs = 25 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await timeout(everyMs);
  }
}
