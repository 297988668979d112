/**
 * "Now" by the engine's clock (F5), from the `Date` header of its answers.
 *
 * The header has whole seconds, so each answer says how far the engine's clock is ahead *at least*; the largest of the
 * recent ones is right to a few milliseconds. `nowMs` may be a little behind, never ahead.
 */
export type EngineClock = {
  observe(dateMs: number | null): void;
  nowMs(): number;
};

const REMEMBER_MS = 60_000;

export function createEngineClock(localNowMs: () => number = Date.now): EngineClock {
  let best = { aheadMs: Number.NEGATIVE_INFINITY, atMs: 0 };
  let next = best; // the best since half of the time to remember, so that a clock that is set back is believed in time
  return {
    observe(dateMs) {
      if (dateMs === null) return;
      const atMs = localNowMs();
      const seen = { aheadMs: dateMs - atMs, atMs };
      if (atMs - best.atMs > REMEMBER_MS) best = next;
      if (atMs - next.atMs > REMEMBER_MS / 2 || seen.aheadMs > next.aheadMs) next = seen;
      if (seen.aheadMs >= best.aheadMs) best = seen;
    },
    nowMs: () => localNowMs() + (Number.isFinite(best.aheadMs) ? best.aheadMs : 0),
  };
}
