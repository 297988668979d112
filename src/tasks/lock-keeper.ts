/**
 * Keeps the lock of one external task while somebody works on it.
 *
 * The lock is extended at a third of its life. It is lost when the engine says so, or when its life is over by our own clock
 * without a word from the engine. Somebody else may then have the task, so the work is aborted.
 */
import { FormvaultError } from '../errors.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';

export type KeptLock = {
  /** Aborts with LOCK_LOST. */
  signal: AbortSignal;
  /** How long the lock lives without another extension. */
  leftMs(): number;
  /** No more extensions: the engine would refuse a report that meets one. */
  end(): void;
};

export type LockKeeping = {
  lockMs: number;
  extend(signal: AbortSignal): Promise<'done' | 'lost'>;
  time?: { nowMs(): number; pause(ms: number, signal: AbortSignal): Promise<void> };
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
const CLOCK = { nowMs: () => performance.now(), pause };

/** For a lock that was taken just now. */
export function keepLock({ lockMs, extend, time = CLOCK }: LockKeeping): KeptLock {
  const ended = new AbortController();
  const lost = new AbortController();
  let endsMs = time.nowMs() + lockMs;

  /** `null` when there was no answer. */
  async function extendInTime(): Promise<'done' | 'lost' | null> {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort();
    const askedMs = time.nowMs();
    ended.signal.addEventListener('abort', giveUp);
    void time.pause(endsMs - askedMs, attempt.signal).then(giveUp);
    try {
      const answer = await extend(attempt.signal);
      if (answer === 'done') endsMs = askedMs + lockMs;
      return answer;
    } catch {
      return null;
    } finally {
      ended.signal.removeEventListener('abort', giveUp);
      giveUp();
    }
  }

  async function keep(): Promise<void> {
    let failures = 0;
    while (!ended.signal.aborted) {
      const pauseMs =
        failures === 0
          ? backOffMs(0, lockMs / 3, lockMs / 3)
          : backOffMs(failures - 1, Math.min(FIRST_PAUSE_MS, lockMs / 10), LONGEST_PAUSE_MS);
      await time.pause(Math.max(0, Math.min(pauseMs, endsMs - time.nowMs())), ended.signal);
      if (ended.signal.aborted) return;
      const answer = time.nowMs() < endsMs ? await extendInTime() : 'lost';
      if (ended.signal.aborted) return;
      failures = answer === null ? failures + 1 : 0;
      if (answer === 'lost') {
        ended.abort();
        lost.abort(new FormvaultError('LOCK_LOST', 'could not keep the lock of an external task'));
      }
    }
  }
  void keep();

  return {
    signal: lost.signal,
    leftMs: () => endsMs - time.nowMs(),
    end: () => ended.abort(),
  };
}
