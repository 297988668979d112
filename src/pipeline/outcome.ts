import { FAILURES, failureCodeOf } from '../errors.ts';
import { backOffMs } from '../time/back-off.ts';

/** How one run of a submission or a change ended. */
export type Outcome =
  | 'persisted'
  | 'unchanged'
  | 'ignored'
  | 'handed_over'
  | 'retry'
  | 'incident'
  | 'waiting'
  | 'interrupted';

/** What to do about a failure. */
export type Decision =
  | { kind: 'retry'; pauseMs: number }
  /** No use in trying again here: over to the engine, or to a person. */
  | { kind: 'incident' }
  /** Somebody else has it. */
  | { kind: 'discard' }
  | { kind: 'interrupted' };

/** One attempt of several: its number from 1, and whether a passing fault may be tried again after it. */
export type Attempt = { number: number; isLast: boolean };

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/** The one place that decides what becomes of a failure. */
export function decideOutcome(error: unknown, attempt: Attempt): Decision {
  const code = failureCodeOf(error);
  const { disposition } = FAILURES[code];
  switch (disposition) {
    case 'retry': {
      // Without the engine there is nobody to hand anything to.
      if (attempt.isLast && code !== 'ENGINE_UNAVAILABLE') return { kind: 'incident' };
      const floorMs = (error as { retryAfterMs?: number } | null)?.retryAfterMs ?? 0;
      const pauseMs = Math.max(floorMs, backOffMs(attempt.number - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
      return { kind: 'retry', pauseMs };
    }
    case 'incident':
    case 'crash':
      return { kind: 'incident' };
    case 'discard':
    case 'step-down':
      return { kind: 'discard' };
    case 'interrupt':
      return { kind: 'interrupted' };
    default:
      return disposition satisfies never;
  }
}
