import { FAILURES, failureCodeOf } from '../errors.ts';
import { backOffMs } from '../time/back-off.ts';

/** How one run of a submission or a change ended. */
export type Outcome = 'persisted' | 'unchanged' | 'ignored' | 'waiting' | 'interrupted';

/** What to do about a failure. */
export type Decision =
  | { kind: 'retry'; pauseMs: number }
  /** Needs a person: the change waits and is tried again now and then; the position stays before it. */
  | { kind: 'wait' }
  | { kind: 'interrupted' };

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const UNEXPECTED_ATTEMPTS = 5;

/** The one place that decides about retries. `attempt` counts from 1. */
export function decideOutcome(error: unknown, attempt: number): Decision {
  const code = failureCodeOf(error);
  const { disposition } = FAILURES[code];
  switch (disposition) {
    case 'retry': {
      if (code === 'UNEXPECTED' && attempt >= UNEXPECTED_ATTEMPTS) return { kind: 'wait' };
      const floorMs = (error as { retryAfterMs?: number } | null)?.retryAfterMs ?? 0;
      return { kind: 'retry', pauseMs: Math.max(floorMs, backOffMs(attempt - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)) };
    }
    case 'incident':
    case 'crash':
      return { kind: 'wait' };
    case 'interrupt':
    case 'step-down':
    case 'discard':
      return { kind: 'interrupted' };
    default:
      return disposition satisfies never;
  }
}
