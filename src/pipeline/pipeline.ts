/**
 * Changes in, outcomes out.
 *
 * A change is finished when each of its submissions is persisted, unchanged or ignored, or when the change was handed over to the
 * engine. Passing faults are tried again in place for some seconds; what fails then, and what no waiting mends, is handed
 * over. In an outage the feed comes to a stand behind what is held (`outages.ts`). Nothing is ever skipped: what is not
 * finished when the process ends is read again after the start.
 */
import pLimit from 'p-limit';
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { Change } from '../submission/change.ts';
import type { Found } from '../submission/split-convention.ts';
import { pause } from '../time/pause.ts';
import type { EngineFaults } from './engine-faults.ts';
import type { HandOver } from './hand-over.ts';
import { decideOutcome } from './outcome.ts';
import type { createPreparation, PreparedChange, Topic } from './prepare-changes.ts';
import {
  type Failure,
  failureOf,
  NOTHING_KNOWN,
  type Running,
  type RunResult,
  type RunSignals,
  runInPlace,
} from './run-in-place.ts';

export type Pipeline = ReturnType<typeof createPipeline>;

/** One time as a leader. */
export type Term = RunSignals & {
  /** By the engine's clock: what happened before may have been handed over by an earlier leader. */
  readAgainUntilMs: number;
};

type Finish = (change: Change) => void;
/** A change of which little may be known. */
type OneChange = Pick<PreparedChange, 'change' | 'topic'> & Partial<PreparedChange>;

const QUEUED_SUBMISSIONS = 256;
const MAX_BYTES_IN_FLIGHT = 64_000_000;
const MAX_HELD = 1_000;
/** Runs wait for the engine too, when there is much to hand over. */
const MAX_RUNS = 2_000;
/** How often a batch is read that fails for no known reason, before each of its changes is read by itself. */
const READS_TOGETHER = 4;
const LOOK_FOR_ROOM_MS = 10;
const TELL_EVERY_MS = 60_000;
const REFUSED_PAUSE_MS = 10_000;

export function createPipeline(
  options: Running & {
    preparation: ReturnType<typeof createPreparation>;
    engineFaults: EngineFaults;
    handOver: HandOver;
    /** `queue`: every change becomes an external task. */
    dispatch: 'direct' | 'queue';
    concurrency: number;
  },
) {
  const { preparation, handOver, outages, engineFaults, log, metrics } = options;
  const limit = pLimit(options.concurrency);
  const runs = new Set<Promise<void>>();
  let bytesInFlight = 0;

  /** Runs each submission; one variable may hold a million of them, which are found as there is room for them. */
  async function runAll(prepared: PreparedChange, unfinished: Iterable<Found>, term: Term) {
    const failures: (Failure & { found: Found })[] = [];
    let isInterrupted = false;
    const started = new Set<Promise<void>>();
    for (const found of unfinished) {
      const run = limit(async () => {
        const result = await runInPlace(prepared, found, options, term);
        if (result === 'interrupted') isInterrupted = true;
        else if (result !== 'kept') failures.push({ ...result, found });
      }).finally(() => started.delete(run));
      started.add(run);
      while (started.size >= options.concurrency) await Promise.race(started);
      if (term.abort.aborted) isInterrupted = true;
      if (isInterrupted) break;
    }
    await Promise.all(started);
    return { failures, isInterrupted };
  }

  async function runChange(prepared: PreparedChange, finish: Finish, term: Term): Promise<void> {
    let unfinished: Iterable<Found> = prepared.found;
    await untilFinal(prepared, finish, term, async () => {
      const { failures, isInterrupted } = await runAll(prepared, unfinished, term);
      unfinished = failures.map(({ found }) => found);
      if (isInterrupted) return 'interrupted';
      // What no waiting mends goes first: there is no use in holding the change for the others.
      return failures.find(({ cause }) => cause === null) ?? failures[0] ?? 'kept';
    });
  }

  /** A change that the engine refuses to tell about does not hold up the others of its batch. */
  async function prepareAlone(change: Change, finish: Finish, term: Term): Promise<void> {
    const topic = topicByKind(change);
    await untilFinal({ change, topic }, finish, term, async () => {
      const judgeFault = engineFaults.watch();
      for (let attempt = 1; !term.stopRetrying.aborted; attempt++) {
        try {
          const { changes } = await preparation.prepare([change], term.abort);
          for (const prepared of changes) await runChange(prepared, finish, term);
          return changes.length === 0 ? 'kept' : 'interrupted'; // finished, or not, by its own run
        } catch (thrown) {
          const error = await judgeFault(thrown, term.stopRetrying);
          const decision = decideOutcome(error, { number: attempt, isLast: true });
          if (decision.kind === 'incident') return failureOf(error, NOTHING_KNOWN);
          if (decision.kind !== 'retry') break;
          await pause(decision.pauseMs, term.stopRetrying);
        }
      }
      return 'interrupted';
    });
  }

  async function untilFinal(of: OneChange, finish: Finish, term: Term, run: () => Promise<RunResult>): Promise<void> {
    const { change, topic } = of;
    for (;;) {
      const result = await run();
      if (result === 'interrupted') return;
      if (result === 'kept') return finish(change);
      const verdict = await outages.decide(result.cause, term.stopRetrying);
      if (verdict === 'stopped') return;
      if (verdict === 'try-again') continue;
      const { error: err, about } = result;
      if (!(await handOverForSure(of, about, term))) return;
      metrics.changeEnded(topic, 'handed_over', null);
      const fields = { source: change.ref, topic, code: failureCodeOf(err), outcome: 'handed_over', err };
      log.warn(fields, 'change handed over to the engine');
      return finish(change);
    }
  }

  /** Tries as long as the engine is away or refuses; false when that was interrupted. */
  async function handOverForSure(
    { change, topic, circumstances }: OneChange,
    about: Failure['about'],
    term: Term,
    suspect?: true,
  ): Promise<boolean> {
    const userTask = change.kind === 'task' ? change.task : (circumstances?.userTask ?? null);
    const details = {
      ...about,
      topic,
      activityId: userTask?.definitionKey ?? null,
      taskId: userTask?.id ?? null,
      ...(suspect === undefined ? {} : { suspect }),
    };
    for (let attempt = 1; !term.stopRetrying.aborted; attempt++) {
      try {
        await handOver.handOver(change, details, term.abort);
        return true;
      } catch (err) {
        const decision = decideOutcome(err, { number: attempt, isLast: false });
        if (decision.kind === 'interrupted' || decision.kind === 'discard') return false;
        const pauseMs = decision.kind === 'retry' ? decision.pauseMs : REFUSED_PAUSE_MS;
        const fields = { err, code: failureCodeOf(err), source: change.ref, attempt, pauseMs };
        log.error(fields, 'change cannot be handed over to the engine; trying again');
        await pause(pauseMs, term.stopRetrying);
      }
    }
    return false;
  }

  async function queue(prepared: PreparedChange, finish: Finish, term: Term): Promise<void> {
    const about = { form: null, caseId: prepared.circumstances.case.caseId };
    if (!(await handOverForSure(prepared, about, term))) return;
    metrics.changeEnded(prepared.topic, 'handed_over', null);
    finish(prepared.change);
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

  /** Those of a batch that have something to keep; what an earlier leader handed over is finished. */
  async function prepareBatch(changes: Change[], finish: Finish, term: Term): Promise<PreparedChange[]> {
    const judgeFault = engineFaults.watch();
    for (let attempt = 1; !term.stopRetrying.aborted; attempt++) {
      try {
        const left = await withoutHandedOver(changes, finish, term);
        const prepared = await preparation.prepare(left, term.stopRetrying);
        for (const change of prepared.ignored) {
          metrics.changeEnded(topicByKind(change), 'ignored', null);
          finish(change);
        }
        return prepared.changes;
      } catch (thrown) {
        const err = await judgeFault(thrown, term.stopRetrying);
        const decision = decideOutcome(err, { number: attempt, isLast: attempt >= READS_TOGETHER });
        if (decision.kind === 'interrupted' || decision.kind === 'discard' || term.stopRetrying.aborted) break;
        const failure = { err, code: failureCodeOf(err), changes: changes.length, attempt };
        if (decision.kind === 'incident') {
          log.error(failure, 'changes cannot be read together; reading each by itself');
          for (const change of changes) track(change, prepareAlone(change, finish, term));
          break;
        }
        log.warn({ ...failure, pauseMs: decision.pauseMs }, 'changes will be read again');
        await pause(decision.pauseMs, term.stopRetrying);
      }
    }
    return [];
  }

  async function withoutHandedOver(changes: Change[], finish: Finish, term: Term): Promise<Change[]> {
    const readAgain = changes.filter(({ timeMs }) => timeMs <= term.readAgainUntilMs);
    if (readAgain.length === 0) return changes;
    const refs = readAgain.map(({ ref }) => ref);
    const handedOver = await handOver.findHandedOver(refs, term.stopRetrying);
    for (const change of readAgain) if (handedOver.has(change.ref)) finish(change);
    return changes.filter(({ ref }) => !handedOver.has(ref));
  }

  async function waitForRoom(signal: AbortSignal): Promise<void> {
    const isFull = () =>
      limit.pendingCount > QUEUED_SUBMISSIONS ||
      bytesInFlight > MAX_BYTES_IN_FLIGHT ||
      outages.held() > MAX_HELD ||
      runs.size > MAX_RUNS;
    const sinceMs = performance.now();
    let toldMs = sinceMs;
    while (isFull() && !signal.aborted) {
      await pause(LOOK_FOR_ROOM_MS, signal);
      if (performance.now() - toldMs < TELL_EVERY_MS) continue;
      toldMs = performance.now();
      const fields = { inFlight: runs.size, sinceMs: Math.round(toldMs - sinceMs) };
      log.error(fields, 'feed stands still behind what cannot be kept');
    }
  }

  return {
    /**
     * Takes changes on, once there is room, and calls `finish` for each when its outcome is final. Never throws; what was
     * not finished when the signals abort is left to the next start.
     */
    async submit(changes: Change[], finish: Finish, term: Term): Promise<void> {
      for (const prepared of await prepareBatch(changes, finish, term)) {
        await waitForRoom(term.stopRetrying);
        if (term.stopRetrying.aborted) return;
        const run = options.dispatch === 'queue' ? queue : runChange;
        track(prepared.change, run(prepared, finish, term));
      }
    },

    /** A change that ended the process twice is not run here any more. */
    handOverSuspect(change: Change, finish: Finish, term: Term): void {
      const topic = topicByKind(change);
      const run = async (): Promise<void> => {
        if (!(await handOverForSure({ change, topic }, NOTHING_KNOWN, term, true))) return;
        metrics.changeEnded(topic, 'handed_over', null);
        const err = new FormvaultError('UNEXPECTED', 'could not keep a change during which Formvault ended twice');
        log.error(
          { err, source: change.ref, topic, outcome: 'handed_over' },
          'suspect change handed over to the engine',
        );
        finish(change);
      };
      track(change, run());
    },

    inFlight: () => runs.size,

    /** Waits until every run has ended, or the signal aborts. */
    async drain(signal: AbortSignal): Promise<void> {
      // Not a pause: its timer would keep the process running for as long as it is set.
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      while (runs.size > 0 && !signal.aborted) await Promise.race([Promise.all(runs), aborted]);
    },
  };
}

/** Where nothing more is known of a change. */
function topicByKind({ kind }: Change): Topic {
  return kind === 'task' ? 'user-task-completed' : 'convention-variable';
}
