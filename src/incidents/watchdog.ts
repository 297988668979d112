/**
 * Puts back what the engine dropped: incidents of our own tasks and their marks on source instances.
 *
 *   own task without retries, no incident   it went away with a mark: both are made again
 *   own incident in its second pass         once: does the source carry its mark?
 *   custom incident whose task is over      removed
 *
 * Whatever is made is made under a lock on the task after a second look, so that two Formvaults do not both make it. A new
 * incident is left alone for one pass: whoever reported the failure may be making its mark just now.
 * An idle Formvault sends one request for each topic in a pass, and one more in every fifth.
 */
import type { EngineExternalTasks, FailedTask } from '../engine/engine-external-tasks.ts';
import { type EngineIncidents, EXTERNAL_TASK_FAILED, type Incident } from '../engine/engine-incidents.ts';
import type { EngineProcesses } from '../engine/engine-processes.ts';
import { OWN_PROCESS_KEY } from '../engine/history-rows.ts';
import { failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import {
  CUSTOM_TYPE,
  type SourceIncidentMode,
  type SourceIncidents,
  taskOfCustom,
  withdrawIncidents,
} from './source-incidents.ts';
import { parseSource, SOURCE_VARIABLE } from './source-variable.ts';

export type Watchdog = {
  /** All tasks of the topics that have no retries left, checkpoints of other processes too. Not twice at the same time. */
  pass(signal: AbortSignal): Promise<FailedTask[]>;
};

type Options = {
  externalTasks: Pick<EngineExternalTasks, 'findFailed' | 'lock' | 'unlock'>;
  incidents: EngineIncidents;
  processes: Pick<EngineProcesses, 'readVariable'>;
  sourceIncidents: SourceIncidents;
  mode: SourceIncidentMode;
  topics: readonly string[];
  /** Of this process; it may be the topic worker's. */
  workerId: string;
  log: Log;
  nowMs?: () => number;
};

/** What is known of the mark of one incident; an incident that was made anew has another id. */
type Known = { incidentId: string; mark: 'not looked for' | 'standing' | 'not needed' };

const LOCK_MS = 10_000;
const CUSTOM_EVERY_PASSES = 5;
const MAX_FAILURES_IN_A_ROW = 3;

export function createWatchdog(options: Options): Watchdog {
  const { externalTasks, incidents, processes, sourceIncidents, mode, log } = options;
  // A worker may take over its own lock: under the same name the watchdog would unlock what the worker is busy with.
  const lockOwner = `${options.workerId}-watchdog`;
  const nowMs = options.nowMs ?? (() => performance.now());
  let known = new Map<string, Known>();
  let passes = 0;
  let hadCustom = false;

  async function readFailed(signal: AbortSignal): Promise<FailedTask[]> {
    const failed: FailedTask[] = [];
    for (const topic of options.topics) {
      for await (const task of externalTasks.findFailed({ topic, retriesLeft: false }, signal)) failed.push(task);
    }
    return failed;
  }

  /** The incident that stands on each own task. */
  async function readOwnIncidents(signal: AbortSignal): Promise<Map<string, Incident>> {
    const byTask = new Map<string, Incident>();
    const filter = { processDefinitionKey: OWN_PROCESS_KEY };
    for await (const incident of incidents.findOfType(EXTERNAL_TASK_FAILED, filter, signal)) {
      if (incident.configuration !== null) byTask.set(incident.configuration, incident);
    }
    return byTask;
  }

  /** The tasks that have a custom incident; one of a task that is over is removed. */
  async function tidyCustomIncidents(failed: FailedTask[], attempts: Attempts, signal: AbortSignal) {
    const waiting = new Set(failed.map(({ id }) => id));
    const found = new Map<string, string>();
    for await (const { id, configuration } of incidents.findOfType(CUSTOM_TYPE, {}, signal)) {
      const taskId = taskOfCustom(configuration);
      if (taskId !== null) found.set(taskId, id);
    }
    for (const [taskId, incidentId] of found) {
      if (waiting.has(taskId)) continue;
      await attempts.attempt(async () => {
        // Read after its incident: a task that is not there now was there before, and never comes back.
        if ((await incidents.readRetriesLeft(taskId, signal)) !== 'gone') return;
        await incidents.remove(incidentId, signal);
        found.delete(taskId);
      });
    }
    return new Set(found.keys());
  }

  async function underLock<T>(task: FailedTask, work: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
    const lockedMs = nowMs();
    if ((await externalTasks.lock(task.id, lockOwner, LOCK_MS, signal)) === 'lost') return null;
    try {
      return await work();
    } finally {
      // The engine asks nobody who unlocks; a lock that ran out may be a worker's by now.
      if (nowMs() - lockedMs < LOCK_MS / 2) await externalTasks.unlock(task.id, signal).catch(() => undefined);
    }
  }

  async function putIncidentBack(task: FailedTask, signal: AbortSignal): Promise<void> {
    if ((await incidents.readRetriesLeft(task.id, signal)) !== 'none') return;
    const findOwn = async (): Promise<Incident[]> =>
      (await incidents.findByConfiguration(task.id, signal)).filter(
        ({ processInstanceId }) => processInstanceId === task.processInstanceId,
      );
    if ((await findOwn()).length > 0) return;
    const incident = { type: EXTERNAL_TASK_FAILED, configuration: task.id, message: task.errorMessage };
    if ((await incidents.create(task.executionId, incident, signal)) !== 'created') return;
    // It may have been tried again in between, and may even have failed again; the next pass looks anew.
    const isFailedStill = (await incidents.readRetriesLeft(task.id, signal)) === 'none';
    if (!isFailedStill || (await findOwn()).length > 1) {
      await withdrawIncidents(incidents, task.id, task.executionId, signal);
      return;
    }
    const fields = { externalTaskId: task.id, processInstanceId: task.processInstanceId };
    log.info(fields, 'an incident that the engine had dropped stands again');
    if (mode !== 'none') await ensureMark(task, signal);
  }

  async function ensureMark(task: FailedTask, signal: AbortSignal): Promise<Known['mark']> {
    const place = parseSource(await processes.readVariable(task.processInstanceId, SOURCE_VARIABLE, signal));
    const mark = await sourceIncidents.ensureMark(task, place, task.errorMessage, signal);
    if (mark === 'standing') return 'standing';
    return mark === 'over' ? 'not needed' : 'not looked for';
  }

  async function mend(task: FailedTask, incident: Incident | undefined, hasCustom: boolean, signal: AbortSignal) {
    if (incident === undefined) {
      await underLock(task, () => putIncidentBack(task, signal), signal);
      return;
    }
    const before = known.get(task.id);
    if (before?.incidentId !== incident.id) {
      known.set(task.id, { incidentId: incident.id, mark: 'not looked for' });
      return;
    }
    const isDropped = mode === 'custom' && before.mark === 'standing' && !hasCustom;
    if (mode === 'none' || (before.mark !== 'not looked for' && !isDropped)) return;
    const mark = await underLock(task, () => ensureMark(task, signal), signal);
    if (mark !== null) known.set(task.id, { incidentId: incident.id, mark });
  }

  return {
    async pass(signal) {
      const failed = await readFailed(signal);
      const own = failed.filter(({ processDefinitionKey }) => processDefinitionKey === OWN_PROCESS_KEY);
      const ids = new Set(own.map(({ id }) => id));
      known = new Map([...known].filter(([id]) => ids.has(id)));

      const attempts = createAttempts(log, signal);
      const mayHaveCustom = mode === 'custom' && (own.length > 0 || hadCustom);
      let custom = new Set<string>();
      if (passes++ % CUSTOM_EVERY_PASSES === 0 || mayHaveCustom) {
        custom = await tidyCustomIncidents(failed, attempts, signal);
        hadCustom = custom.size > 0;
      }
      const standing = own.length === 0 ? new Map<string, Incident>() : await readOwnIncidents(signal);
      for (const task of own) {
        await attempts.attempt(() => mend(task, standing.get(task.id), custom.has(task.id), signal));
      }
      attempts.report();
      return failed;
    },
  };
}

type Attempts = { attempt(work: () => Promise<void>): Promise<void>; report(): void };

/** One incident that cannot be mended does not keep the others; several in a row mean that the engine is away. */
function createAttempts(log: Log, signal: AbortSignal): Attempts {
  let failures = 0;
  let inARow = 0;
  let last: unknown;
  return {
    async attempt(work) {
      try {
        await work();
        inARow = 0;
      } catch (err) {
        failures++;
        inARow++;
        last = err;
        const isPassing = failureCodeOf(err) === 'ENGINE_UNAVAILABLE';
        if (signal.aborted || (isPassing && inARow >= MAX_FAILURES_IN_A_ROW)) throw err;
      }
    },
    report() {
      if (failures > 0) log.warn({ err: last, failures }, 'could not mend all incidents; the next pass tries again');
    },
  };
}
