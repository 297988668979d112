/**
 * While a service is away, everybody waits behind one probe.
 *
 *   open ──3 failures in a row──▶ closed ──the pause is over──▶ one request goes through
 *    ▲                              ▲                                  │
 *    │                              └──────── it fails: longer pause ──┤
 *    └───────────────────────────────── it is answered: all go on ─────┘
 *
 * What waits has asked for nothing yet, so it loses nothing by waiting. Closed, only the probe decides: what was under way when
 * the gate closed counts as a failure, but neither makes the pause longer nor opens the gate. A `Retry-After` is a floor for
 * whatever comes next, whoever got it.
 */
import { type FailureContext, FormvaultError, failureCodeOf } from '../errors.ts';
import { backOffMs } from '../time/back-off.ts';

export type RecoveryGate = {
  /** Runs the request when its turn has come. Rejects with SHUTTING_DOWN when `signal` aborts before that. */
  pass<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T>;
  isOpen(): boolean;
  /** In a row, up to now. */
  failures(): number;
};

const FAILURES_TO_CLOSE = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

type Closed = { probes: number; untilMs: number; isProbing: boolean };

export function createRecoveryGate(): RecoveryGate {
  /** In the order in which they came; each is told whether it is the probe. */
  const waiting = new Set<(isProbe: boolean) => void>();
  let failures = 0;
  let floorMs = 0;
  let closed: Closed | null = null;
  let timer: NodeJS.Timeout | undefined;

  function close(probes: number): void {
    closed = {
      probes,
      untilMs: performance.now() + backOffMs(probes, FIRST_PAUSE_MS, LONGEST_PAUSE_MS),
      isProbing: false,
    };
  }

  function open(): void {
    closed = null;
    failures = 0;
    floorMs = 0;
    clearTimeout(timer);
    for (const go of waiting) go(false);
    waiting.clear();
  }

  /** Lets the one who waits longest through when the pause is over, else looks again then. */
  function admitProbe(): void {
    clearTimeout(timer);
    const [first] = waiting;
    if (first === undefined || closed === null || closed.isProbing) return;
    const leftMs = Math.max(closed.untilMs, floorMs) - performance.now();
    if (leftMs > 0) {
      timer = setTimeout(admitProbe, Math.ceil(leftMs));
      return;
    }
    closed.isProbing = true;
    waiting.delete(first);
    first(true);
  }

  /** Whether the request is the probe. */
  async function awaitTurn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) throw stoppedWaiting();
    const turn = Promise.withResolvers<boolean>();
    const leave = () => {
      waiting.delete(turn.resolve);
      turn.reject(stoppedWaiting());
      admitProbe();
    };
    waiting.add(turn.resolve);
    signal.addEventListener('abort', leave, { once: true });
    admitProbe();
    try {
      return await turn.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  function noteAnswer(isProbe: boolean): void {
    if (closed === null || isProbe) open();
  }

  function noteFailure(error: unknown, isProbe: boolean): void {
    if (isAnswer(error)) {
      noteAnswer(isProbe);
    } else if (isAway(error)) {
      failures++;
      floorMs = Math.max(floorMs, performance.now() + (error.retryAfterMs ?? 0));
      if (isProbe) close((closed?.probes ?? 0) + 1);
      else if (closed === null && failures >= FAILURES_TO_CLOSE) close(0);
    } else if (isProbe) {
      close(0); // its caller was stopped, which says nothing about the service
    }
    admitProbe();
  }

  return {
    async pass(request, signal) {
      const isProbe = closed !== null && (await awaitTurn(signal));
      let answer: Awaited<ReturnType<typeof request>>;
      try {
        answer = await request();
      } catch (error) {
        noteFailure(error, isProbe);
        throw error;
      }
      noteAnswer(isProbe);
      return answer;
    },
    isOpen: () => closed === null,
    failures: () => failures,
  };
}

function isAway(error: unknown): error is { retryAfterMs?: number } {
  return failureCodeOf(error).endsWith('_UNAVAILABLE');
}

/** An engine answers with status 500 when two changes met each other, too. */
function isAnswer(error: unknown): boolean {
  const { type } = (error as { context?: FailureContext } | null)?.context ?? {};
  return failureCodeOf(error).endsWith('_REJECTED') || type === 'OptimisticLockingException';
}

function stoppedWaiting(): FormvaultError {
  return new FormvaultError('SHUTTING_DOWN', 'stopped waiting for a service that is away');
}
