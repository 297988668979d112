import { type FailureCode, type FailureDetails, FormvaultError } from '../../src/errors.ts';
import { createEngineFaults } from '../../src/pipeline/engine-faults.ts';
import { createOutages } from '../../src/pipeline/outages.ts';
import { failureOf, NOTHING_KNOWN } from '../../src/pipeline/run-in-place.ts';
import { createOpenIncidents } from '../../src/tasks/open-incidents.ts';
import type { createTaskRunner } from '../../src/tasks/run-task.ts';
import type { LockedTask, TaskReport } from '../../src/tasks/topic-worker.ts';
import { aLockedTask } from './builders-external-tasks.ts';
import { createRememberingLog } from './builders-log.ts';
import { createRememberingMetrics } from './builders-pipeline.ts';

const ABOUT = { form: 'site-visit', caseId: 'BF-1' };
export const failing = (code: FailureCode, details: FailureDetails = {}) =>
  new FormvaultError(code, 'could not do it', { context: { bucket: 'b' }, ...details });

export type RunnerWorld = { maxAttempts?: number; retrySeconds?: number[]; limit?: number };

/** A task runner whose keeping comes to what a test says. */
export function aRunnerWorld(
  create: typeof createTaskRunner,
  { maxAttempts = 3, retrySeconds = [5, 30], limit = 50 }: RunnerWorld = {},
) {
  const abort = new AbortController();
  /** What keeping comes to, one after another; the last is repeated. `null`: it is kept. */
  const results: unknown[] = [];
  const kept: string[] = [];
  const said: string[] = [];
  /** Ids of tasks that a worker before had in hand when it ended. */
  const leftBehind = new Set<string>();
  const faults: Record<'onRead' | 'onOtherRequests' | 'thrown', unknown> = {
    onRead: null,
    onOtherRequests: null,
    thrown: null,
  };
  async function keep(kind: string, task: LockedTask) {
    kept.push(kind);
    if (faults.thrown !== null) throw faults.thrown;
    const error = await (results.length > 1 ? results.shift() : results[0]);
    if (error === null || error === undefined) return null;
    return failureOf(error, task.businessKey === 'of nothing' ? NOTHING_KNOWN : ABOUT);
  }
  const outages = createOutages({ limit, onRecovered() {}, onStandStill() {}, onGoesOn() {} });
  const openIncidents = createOpenIncidents({
    limit,
    async read() {
      if (faults.onRead !== null) throw faults.onRead;
      return [];
    },
  });
  const log = createRememberingLog();
  const metrics = createRememberingMetrics();
  const runner = create({
    keep: { keepChange: (task) => keep('change', task), keepInstance: (task) => keep('instance', task) },
    externalTasks: {
      async setRetries(ids, retries) {
        said.push(`retries of ${ids.join()} to ${retries}`);
      },
    },
    outages,
    engineFaults: createEngineFaults(async () => {
      if (faults.onOtherRequests !== null) throw faults.onOtherRequests;
    }),
    openIncidents,
    leftBehind: { take: ({ id }) => leftBehind.delete(id) },
    maxAttempts,
    retrySeconds,
    log,
    metrics,
  });
  const run = (given: Partial<LockedTask> = {}) => runner.run(aLockedTask(given), abort.signal);
  return { run, runner, abort, results, kept, said, leftBehind, faults, outages, openIncidents, log, metrics };
}

/** As the engine would hand a task out again after each report, until there is an incident or an end. */
export async function runToItsEnd(
  world: ReturnType<typeof aRunnerWorld>,
  given: Partial<LockedTask> = {},
): Promise<TaskReport[]> {
  const reports: TaskReport[] = [];
  let { retries } = aLockedTask(given);
  for (;;) {
    const report = await world.run({ ...given, retries });
    reports.push(report);
    if (report.kind !== 'fail' || report.retries === 0) return reports;
    retries = report.retries;
  }
}

/** What each report says: retries and pause, or its kind. */
export const pausesOf = (reports: TaskReport[]) =>
  reports.map((report) => (report.kind === 'fail' ? [report.retries, report.retryTimeoutMs] : report.kind));
