/**
 * One external task to its report.
 *
 * A task of our own process stands for one change, which is read from the engine again; any other is a checkpoint, which stands
 * for everything of its kind in its process instance. What cannot be kept is tried MAX_ATTEMPTS times, then an incident
 * stands. Above OUTAGE_LIMIT incidents for one cause it waits without one, until `recovery.ts` or its time wakes it.
 */
import pLimit from 'p-limit';
import type { EngineExternalTasks } from '../engine/engine-external-tasks.ts';
import { OWN_PROCESS_KEY } from '../engine/history-rows.ts';
import { FormvaultError, failureCodeOf } from '../errors.ts';
import { incidentMessage } from '../incidents/incident-message.ts';
import { parseSource } from '../incidents/source-variable.ts';
import { errorText } from '../observability/error-text.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { EngineFaults } from '../pipeline/engine-faults.ts';
import { isOutage, type Outages } from '../pipeline/outages.ts';
import { decideOutcome } from '../pipeline/outcome.ts';
import { type Failure, failureOf, NOTHING_KNOWN } from '../pipeline/run-in-place.ts';
import { pause } from '../time/pause.ts';
import type { KeepChanges } from './keep-changes.ts';
import { IN_HAND_AT_THE_END, type LeftBehind, RETRIES_RUNNING, RETRIES_WAITING, wasInHand } from './left-behind.ts';
import type { OpenIncidents } from './open-incidents.ts';
import type { LockedTask, TaskReport } from './topic-worker.ts';

export type TaskRunner = ReturnType<typeof createTaskRunner>;

type FailReport = Extract<TaskReport, { kind: 'fail' }>;

/** A report keeps a task from being fetched for so long, unless its cause is gone before. */
const WAITING_MS = 300_000;
/** What may have ended a worker comes back within this time, each task at its own. */
const APART_MS = 20_000;

export function createTaskRunner(options: {
  keep: KeepChanges;
  externalTasks: Pick<EngineExternalTasks, 'setRetries'>;
  outages: Outages;
  engineFaults: EngineFaults;
  openIncidents: OpenIncidents;
  leftBehind: Pick<LeftBehind, 'take'>;
  maxAttempts: number;
  /** Pauses between attempts; the last one is repeated. */
  retrySeconds: readonly number[];
  log: Log;
  metrics: Metrics;
}) {
  const { keep, externalTasks, outages, engineFaults, openIncidents, leftBehind } = options;
  const { maxAttempts, retrySeconds, log, metrics } = options;

  /** For what was in hand when a worker ended. */
  const oneAtATime = pLimit(1);

  function retryPauseMs(retriesLeft: number, error: unknown): number {
    const failed = Math.max(0, maxAttempts - retriesLeft - 1);
    const seconds = retrySeconds[Math.min(failed, retrySeconds.length - 1)] ?? 0;
    return Math.max(seconds * 1000, (error as { retryAfterMs?: number } | null)?.retryAfterMs ?? 0);
  }

  function failReport({ error, about }: Failure, retries: number, retryTimeoutMs: number): FailReport {
    const errorMessage = incidentMessage(error, about);
    return { kind: 'fail', errorMessage, errorDetails: errorText(error), retries, retryTimeoutMs };
  }

  /** An incident, or a wait without one where there are enough of them. */
  async function giveUp(task: LockedTask, failure: Failure, signal: AbortSignal): Promise<TaskReport> {
    const { error: err, cause } = failure;
    const fields = { err, code: failureCodeOf(err), externalTaskId: task.id, topic: task.topic };
    if (cause !== null && !(await openIncidents.claim(task.id, cause, signal))) {
      outages.noteTrouble(cause);
      metrics.changeEnded(task.topic, 'waiting', null);
      log.warn({ ...fields, outcome: 'waiting' }, 'external task waits for the end of an outage');
      return failReport(failure, 1, Math.round(WAITING_MS * (1 - Math.random() / 4)));
    }
    if (cause !== null && isOutage(cause.code)) outages.noteTrouble(cause);
    metrics.changeEnded(task.topic, 'incident', null);
    metrics.incidentRaised(fields.code);
    log.error({ ...fields, outcome: 'incident' }, 'incident raised');
    return failReport(failure, 0, 0);
  }

  async function reportFailure(task: LockedTask, failure: Failure, signal: AbortSignal): Promise<TaskReport> {
    const retriesLeft = (task.retries ?? maxAttempts) - 1;
    const attempt = maxAttempts - retriesLeft;
    const decision = decideOutcome(failure.error, { number: attempt, isLast: retriesLeft <= 0 });
    switch (decision.kind) {
      case 'retry': {
        const pauseMs = retryPauseMs(retriesLeft, failure.error);
        const fields = { err: failure.error, code: failureCodeOf(failure.error), externalTaskId: task.id, attempt };
        metrics.changeEnded(task.topic, 'retry', null);
        log.warn({ ...fields, topic: task.topic, pauseMs, outcome: 'retry' }, 'external task will be tried again');
        return failReport(failure, retriesLeft, pauseMs);
      }
      case 'incident':
        return giveUp(task, failure, signal);
      case 'discard':
        return { kind: 'drop' };
      case 'interrupted':
        return { kind: 'release' };
      default:
        return decision satisfies never;
    }
  }

  /** A change that ended the process twice runs only when a person wants it, and with its incident standing meanwhile. */
  async function guardAgainstDeath(task: LockedTask, signal: AbortSignal): Promise<TaskReport | null> {
    if (wasInHand(task)) await externalTasks.setRetries([task.id], RETRIES_RUNNING, signal);
    if (sourceOf(task).suspect !== true) return null;
    if (task.retries !== null) {
      await externalTasks.setRetries([task.id], 0, signal);
      return null;
    }
    const error = new FormvaultError('UNEXPECTED', 'could not keep a change during which Formvault ended twice', {
      hint: 'Look for the reason in the log and the memory limits of Formvault, then retry.',
    });
    // It never waits without an incident: it would be run when its time is over.
    return giveUp(task, { error, about: aboutOf(task), cause: null }, signal);
  }

  /** What was in hand when the worker before ended: once more, at a time of its own; the second time it is an incident. */
  async function countDeath(task: LockedTask, signal: AbortSignal): Promise<TaskReport> {
    if (wasInHand(task)) return giveUp(task, inHandAtTheEnd(task), signal);
    const pauseMs = Math.round(Math.random() * APART_MS);
    metrics.changeEnded(task.topic, 'retry', null);
    const fields = { externalTaskId: task.id, topic: task.topic, pauseMs, outcome: 'retry' };
    log.warn(fields, 'external task was in hand when Formvault ended; it will be tried again');
    return failReport(inHandAtTheEnd(task), RETRIES_WAITING, pauseMs);
  }

  async function run(task: LockedTask, signal: AbortSignal): Promise<TaskReport> {
    if (leftBehind.take(task)) return countDeath(task, signal);
    if (!wasInHand(task)) return runToReport(task, signal);
    // One of them may end us: those that wait for it here are not being run, and will not count as what ended two.
    return oneAtATime(() => runToReport({ ...task, retries: RETRIES_RUNNING }, signal));
  }

  async function runToReport(task: LockedTask, signal: AbortSignal): Promise<TaskReport> {
    const judgeFault = engineFaults.watch();
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) return { kind: 'release' };
      try {
        const refused = await guardAgainstDeath(task, signal);
        if (refused !== null) return refused;
        const isOwn = task.processDefinitionKey === OWN_PROCESS_KEY;
        const failure = isOwn ? await keep.keepChange(task, signal) : await keep.keepInstance(task, signal);
        if (failure === null) {
          openIncidents.release(task.id);
          return { kind: 'complete' };
        }
        if (failureCodeOf(failure.error) === 'ENGINE_UNAVAILABLE') throw failure.error;
        const about = failure.about === NOTHING_KNOWN ? aboutOf(task) : failure.about;
        return await reportFailure(task, { ...failure, about }, signal);
      } catch (thrown) {
        const error = await judgeFault(thrown, signal);
        // Without the engine there is nobody to report to: the lock is kept for as long as it lives.
        if (failureCodeOf(error) !== 'ENGINE_UNAVAILABLE') {
          return reportFailure(task, failureOf(error, aboutOf(task)), signal);
        }
        const decision = decideOutcome(error, { number: attempt, isLast: false });
        await pause(decision.kind === 'retry' ? decision.pauseMs : 0, signal);
      }
    }
  }

  return {
    run,

    /** For what `run` itself did not foresee. */
    reportThrown(error: unknown, task: LockedTask): TaskReport {
      const retriesLeft = Math.max(0, (task.retries ?? maxAttempts) - 1);
      const failure = failureOf(error, aboutOf(task));
      log.error({ err: error, externalTaskId: task.id, topic: task.topic }, 'external task failed unexpectedly');
      metrics.changeEnded(task.topic, retriesLeft === 0 ? 'incident' : 'retry', null);
      if (retriesLeft === 0) metrics.incidentRaised(failureCodeOf(error));
      return failReport(failure, retriesLeft, retriesLeft === 0 ? 0 : retryPauseMs(retriesLeft, error));
    },
  };
}

function inHandAtTheEnd(task: LockedTask): Failure {
  const error = new FormvaultError('UNEXPECTED', IN_HAND_AT_THE_END, {
    hint: 'Look for the reason in the log and the memory limits of Formvault, then retry.',
  });
  return { error, about: aboutOf(task), cause: null };
}

function aboutOf(task: LockedTask): Failure['about'] {
  const { form, case: caseId } = sourceOf(task);
  return { form, caseId: caseId ?? task.businessKey };
}

/** A variable of that name in a modeller's own process is none of ours, and may hold answers. */
function sourceOf({ processDefinitionKey, source }: LockedTask) {
  return parseSource(processDefinitionKey === OWN_PROCESS_KEY ? source : null);
}
