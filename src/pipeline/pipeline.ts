/**
 * Changes in, outcomes out.
 *
 * A change is finished when each of its submissions is persisted, unchanged or ignored. Passing faults are tried again in
 * place and keep their slot, so that in an outage the feed comes to a stand behind them. What needs a person waits outside of
 * the slots and is tried again now and then; the others go on, the position of the feed does not. Nothing is ever skipped:
 * what is not finished when the process ends is read again after the start.
 */
import pLimit from 'p-limit';
import { failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import type { Change } from '../submission/change.ts';
import type { Found } from '../submission/split-convention.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { decideOutcome, type Outcome } from './outcome.ts';
import type { createPreparation, PreparedChange } from './prepare-changes.ts';
import { type Processing, processSubmission } from './process-submission.ts';

export type Pipeline = ReturnType<typeof createPipeline>;

/** Signals of one time as a leader. */
export type RunSignals = {
  /** Aborts the runs themselves. */
  abort: AbortSignal;
  /** No more second attempts: what fails now is left to the next start. */
  stopRetrying: AbortSignal;
};

const QUEUED_SUBMISSIONS = 256;
const MAX_BYTES_IN_FLIGHT = 64_000_000;
const MAX_WAITING = 1_000;
/** A JSON pointer can be as long as the variable is deep. */
const MAX_SOURCE_LENGTH = 200;
const LOOK_FOR_ROOM_MS = 10;
const TELL_EVERY_MS = 60_000;
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 300_000;

export function createPipeline(options: {
  preparation: ReturnType<typeof createPreparation>;
  processing: Processing;
  concurrency: number;
  log: Log;
}) {
  const { preparation, processing, log } = options;
  const limit = pLimit(options.concurrency);
  const runs = new Set<Promise<void>>();
  let bytesInFlight = 0;
  let waiting = 0;

  async function runToOutcome(prepared: PreparedChange, found: Found, signals: RunSignals): Promise<Outcome> {
    const { change, topic, circumstances } = prepared;
    const source = 'submission' in found ? found.submission.source.slice(0, MAX_SOURCE_LENGTH) : change.ref;
    for (let attempt = 1; ; attempt++) {
      if (signals.abort.aborted) return 'interrupted';
      const startedMs = performance.now();
      const measure = () => ({ source, topic, attempt, durationMs: Math.round(performance.now() - startedMs) });
      try {
        const { result, bucket, bytes } = await processSubmission(
          found,
          change,
          circumstances,
          processing,
          signals.abort,
        );
        log.info({ ...measure(), outcome: result, bucket, bytes }, 'submission kept');
        return result;
      } catch (err) {
        const decision = decideOutcome(err, attempt);
        if (decision.kind === 'interrupted' || signals.abort.aborted) return 'interrupted';
        const failure = { ...measure(), code: failureCodeOf(err), err };
        if (decision.kind === 'wait') {
          log.error({ ...failure, outcome: 'waiting' }, 'submission cannot be kept yet');
          return 'waiting';
        }
        if (signals.stopRetrying.aborted) return 'interrupted';
        log.warn({ ...failure, outcome: 'retry', pauseMs: decision.pauseMs }, 'submission will be tried again');
        await pause(decision.pauseMs, signals.stopRetrying);
      }
    }
  }

  /** Runs the submissions of a change; those that end in `waiting` again after a while, until none is left. */
  async function runChange(prepared: PreparedChange, finish: () => void, signals: RunSignals): Promise<void> {
    let unfinished: Iterable<Found> = prepared.found;
    for (let round = 0; ; round++) {
      const left: Found[] = [];
      let isInterrupted = false;
      const started = new Set<Promise<void>>();
      for (const found of unfinished) {
        const run = limit(async () => {
          const outcome = await runToOutcome(prepared, found, signals);
          if (outcome === 'waiting') left.push(found);
          if (outcome === 'interrupted') isInterrupted = true;
        }).finally(() => started.delete(run));
        started.add(run);
        // One variable may hold a million submissions: they are found as there is room for them.
        while (started.size >= options.concurrency) await Promise.race(started);
        if (signals.abort.aborted) {
          isInterrupted = true;
          break;
        }
      }
      await Promise.all(started);
      if (isInterrupted) return;
      if (left.length === 0) return finish();
      await waitForAPerson(round, signals);
      if (signals.stopRetrying.aborted) return;
      unfinished = left;
    }
  }

  /** A change that the engine refuses to tell about does not hold up the others of its batch. */
  async function prepareLater(change: Change, finish: (change: Change) => void, signals: RunSignals): Promise<void> {
    for (let round = 0; !signals.stopRetrying.aborted; round++) {
      await waitForAPerson(round, signals);
      if (signals.stopRetrying.aborted) return;
      try {
        const { changes, ignored } = await preparation.prepare([change], signals.abort);
        for (const each of ignored) finish(each);
        for (const each of changes) await runChange(each, () => finish(each.change), signals);
        return;
      } catch (err) {
        if (decideOutcome(err, round + 1).kind === 'interrupted') return;
        log.error(
          { err, code: failureCodeOf(err), source: change.ref, outcome: 'waiting' },
          'change cannot be kept yet',
        );
      }
    }
  }

  async function waitForAPerson(round: number, signals: RunSignals): Promise<void> {
    waiting++;
    await pause(backOffMs(round, FIRST_WAIT_MS, LONGEST_WAIT_MS), signals.stopRetrying);
    waiting--;
  }

  /** Keeps count of a run until it ends; the value of its variable is held in memory that long. */
  function track(change: Change, running: Promise<void>): void {
    const bytes = change.kind === 'variable' ? change.text.length : 0;
    bytesInFlight += bytes;
    const run = running
      .catch((err: unknown) => log.error({ err, source: change.ref }, 'change left to the next start'))
      .finally(() => {
        bytesInFlight -= bytes;
        runs.delete(run);
      });
    runs.add(run);
  }

  async function prepareBatch(
    changes: Change[],
    finish: (change: Change) => void,
    signals: RunSignals,
  ): Promise<PreparedChange[]> {
    for (let attempt = 1; !signals.stopRetrying.aborted; attempt++) {
      try {
        const prepared = await preparation.prepare(changes, signals.stopRetrying);
        for (const change of prepared.ignored) finish(change);
        return prepared.changes;
      } catch (err) {
        const decision = decideOutcome(err, attempt);
        if (decision.kind === 'interrupted' || signals.stopRetrying.aborted) break;
        const failure = { err, code: failureCodeOf(err), changes: changes.length, attempt };
        if (decision.kind === 'wait') {
          log.error({ ...failure, outcome: 'waiting' }, 'changes cannot be read yet');
          if (changes.length === 1) for (const change of changes) track(change, prepareLater(change, finish, signals));
          else return (await Promise.all(changes.map((each) => prepareBatch([each], finish, signals)))).flat();
          break;
        }
        log.warn({ ...failure, pauseMs: decision.pauseMs }, 'changes will be read again');
        await pause(decision.pauseMs, signals.stopRetrying);
      }
    }
    return [];
  }

  async function waitForRoom(signal: AbortSignal): Promise<void> {
    const isFull = () =>
      limit.pendingCount > QUEUED_SUBMISSIONS || bytesInFlight > MAX_BYTES_IN_FLIGHT || waiting > MAX_WAITING;
    const sinceMs = performance.now();
    let toldMs = sinceMs;
    while (isFull() && !signal.aborted) {
      await pause(LOOK_FOR_ROOM_MS, signal);
      if (performance.now() - toldMs < TELL_EVERY_MS) continue;
      toldMs = performance.now();
      log.error(
        { inFlight: runs.size, sinceMs: Math.round(toldMs - sinceMs) },
        'feed stands still behind what cannot be kept',
      );
    }
  }

  return {
    /**
     * Takes changes on, once there is room, and calls `finish` for each when its outcome is final. Never throws; what was
     * not finished when the signals abort is left to the next start.
     */
    async submit(changes: Change[], finish: (change: Change) => void, signals: RunSignals): Promise<void> {
      for (const prepared of await prepareBatch(changes, finish, signals)) {
        await waitForRoom(signals.abort);
        track(
          prepared.change,
          runChange(prepared, () => finish(prepared.change), signals),
        );
      }
    },

    inFlight: () => runs.size,
    waiting: () => waiting,

    /** Waits until every run has ended, or the signal aborts. */
    async drain(signal: AbortSignal): Promise<void> {
      // Not a pause: its timer would keep the process running for as long as it is set.
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      while (runs.size > 0 && !signal.aborted) await Promise.race([Promise.all(runs), aborted]);
    },
  };
}
