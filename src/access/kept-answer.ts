import { failureCodeOf } from '../errors.ts';
import { createSharedRequests } from '../http/shared-requests.ts';

/**
 * An answer of the engine that many ask for, and that may be somewhat old while the engine is away.
 *
 *   age    0 ─────────── freshMs ───────────────────── usableMs ────────────▶
 *          used as it is         asked again; used as it is    asked again; fails where
 *                                where the engine is away      the engine is away
 *
 * The age counts from the question. All who wait share one request. A refusal is an answer too: nothing old is used then.
 */
export type KeptAnswer<T> = {
  /** @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED */
  read(signal: AbortSignal): Promise<T>;
  /** Without asking; `null` where there is none, or none that may still be used. */
  peek(): T | null;
  /** Whether the engine did not answer when it was asked last. */
  isStale(): boolean;
};

export type KeptAnswerOptions<T> = {
  ask(signal: AbortSignal): Promise<T>;
  freshMs: number;
  usableMs: number;
  nowMs: () => number;
};

export function createKeptAnswer<T>({ ask, freshMs, usableMs, nowMs }: KeptAnswerOptions<T>): KeptAnswer<T> {
  const requests = createSharedRequests<T>();
  let kept: { answer: T; askedMs: number; tookMs: number } | null = null;
  let failedMs: number | null = null;

  async function askAgain(signal: AbortSignal): Promise<T> {
    const askedMs = nowMs();
    try {
      const answer = await ask(signal);
      kept = { answer, askedMs, tookMs: nowMs() - askedMs };
      failedMs = null;
      return answer;
    } catch (error) {
      const code = failureCodeOf(error);
      if (code === 'ENGINE_UNAVAILABLE') failedMs = nowMs();
      else if (code !== 'SHUTTING_DOWN') kept = null;
      throw error;
    }
  }

  function keptFor(ageMs: number) {
    return kept !== null && nowMs() - kept.askedMs <= ageMs ? kept : null;
  }

  return {
    async read(signal) {
      // A long answer is asked for less often: the engine has other work.
      const found = keptFor(Math.max(freshMs, 2 * (kept?.tookMs ?? 0)));
      if (found !== null) return found.answer;
      const old = keptFor(usableMs);
      if (old !== null && failedMs !== null && nowMs() - failedMs <= freshMs) return old.answer;
      try {
        return await requests.share('', askAgain, signal);
      } catch (error) {
        const stillUsable = failureCodeOf(error) === 'ENGINE_UNAVAILABLE' ? keptFor(usableMs) : null;
        if (stillUsable === null) throw error;
        return stillUsable.answer;
      }
    },

    peek: () => keptFor(usableMs)?.answer ?? null,
    isStale: () => failedMs !== null,
  };
}
