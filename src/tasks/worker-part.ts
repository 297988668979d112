import type { Config } from '../config.ts';
import type { EngineExternalTasks, FailedTask } from '../engine/engine-external-tasks.ts';
import type { EngineHistory } from '../engine/engine-history.ts';
import type { EngineIncidents } from '../engine/engine-incidents.ts';
import type { EngineProcesses } from '../engine/engine-processes.ts';
import { OWN_PROCESS_KEY } from '../engine/history-rows.ts';
import { failureCodeOf } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { createSourceIncidents } from '../incidents/source-incidents.ts';
import { parseSource } from '../incidents/source-variable.ts';
import { createWatchdog } from '../incidents/watchdog.ts';
import type { EngineFaults } from '../pipeline/engine-faults.ts';
import { type createPreparation, TOPICS } from '../pipeline/prepare-changes.ts';
import type { Running } from '../pipeline/run-in-place.ts';
import { pause } from '../time/pause.ts';
import { createKeepChanges } from './keep-changes.ts';
import { createLeftBehind } from './left-behind.ts';
import { createOpenIncidents } from './open-incidents.ts';
import { createRecovery } from './recovery.ts';
import { createTaskRunner } from './run-task.ts';
import { createTopicWorker } from './topic-worker.ts';
import { hasEndedHere, newWorkerId } from './worker-id.ts';

export type WorkerPart = ReturnType<typeof createWorkerPart>;

const LOCK_MS = 30_000;

/** Everything that works on external tasks: the worker, the watchdog over incidents, the end of outages. */
export function createWorkerPart(
  options: Running & {
    config: Pick<Config, 'engine' | 'concurrency' | 'tasks' | 'incidents'>;
    preparation: ReturnType<typeof createPreparation>;
    engineFaults: EngineFaults;
    engine: HttpClient;
    externalTasks: EngineExternalTasks;
    incidents: EngineIncidents;
    processes: EngineProcesses;
    history: EngineHistory;
    probe(target: string, signal: AbortSignal): Promise<void>;
  },
) {
  const { config, engine, externalTasks, incidents, processes, outages, engineFaults, log, metrics } = options;
  const mode = config.incidents.source;
  const sourceIncidents = createSourceIncidents({ mode, incidents, log });
  const openIncidents = createOpenIncidents({ limit: config.incidents.limit, read: readFailed });
  const workerId = newWorkerId();
  const leftBehind = createLeftBehind({
    externalTasks,
    topics: TOPICS,
    hasEndedHere: (id) => hasEndedHere(id, workerId),
  });
  const runner = createTaskRunner({
    leftBehind,
    keep: createKeepChanges(options),
    externalTasks,
    outages,
    engineFaults,
    openIncidents,
    maxAttempts: config.tasks.maxAttempts,
    retrySeconds: config.tasks.retrySeconds,
    log,
    metrics,
  });
  const stopping = new AbortController();
  const worker = createTopicWorker({
    workerId,
    url: config.engine.url,
    authorization: (signal) => engine.authorization(signal),
    onUnauthorized: (value) => engine.refuse(value),
    topics: TOPICS,
    externalTasks,
    concurrency: config.concurrency,
    longPollMs: config.tasks.longPollMs,
    lockMs: LOCK_MS,
    handle: runner.run,
    reportThrown: runner.reportThrown,
    async onReported(task, report) {
      if (task.processDefinitionKey !== OWN_PROCESS_KEY) return;
      if (report.kind === 'complete') await sourceIncidents.clear(task, stopping.signal);
      if (report.kind !== 'fail' || report.retries > 0) return;
      await sourceIncidents.mark(task, parseSource(task.source), report.errorMessage, stopping.signal);
    },
    onLockLost: (topic) => metrics.lockLost(topic),
    log,
  });
  const watchdog = createWatchdog({
    externalTasks,
    incidents,
    processes,
    sourceIncidents,
    mode,
    topics: TOPICS,
    workerId,
    log,
  });
  const recovery = createRecovery({
    topics: TOPICS,
    externalTasks,
    outages,
    openIncidents,
    probe: options.probe,
    lockMs: LOCK_MS,
    log,
  });
  let watchdogFailures = 0;

  async function readFailed(signal: AbortSignal): Promise<FailedTask[]> {
    const failed: FailedTask[] = [];
    for (const topic of TOPICS) {
      for await (const task of externalTasks.findFailed({ topic, retriesLeft: false }, signal)) failed.push(task);
    }
    return failed;
  }

  async function watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const failed = await watchdog.pass(signal);
        openIncidents.observe(failed);
        recovery.observe(failed);
        const failures = watchdogFailures;
        watchdogFailures = 0;
        if (failures > 0) log.info({ failures, part: 'watchdog' }, 'incidents are watched again');
      } catch (err) {
        if (signal.aborted) return;
        const fields = { err, code: failureCodeOf(err), failures: ++watchdogFailures, part: 'watchdog' };
        if (watchdogFailures === 1) log.warn(fields, 'incidents cannot be watched; trying again');
      }
      await pause(config.incidents.watchdogSeconds * 1000, signal);
    }
  }

  return {
    /** Until it is stopped; then what runs is drained until the deadline. */
    async run({ stop, abort }: { stop: AbortSignal; abort: AbortSignal }): Promise<void> {
      const found = await leftBehind.find(stop).catch((err: unknown) => {
        if (!stop.aborted) log.warn({ err, part: 'worker' }, 'what an ended worker left behind cannot be read');
        return 0;
      });
      if (found > 0)
        log.warn(
          { changes: found, part: 'worker' },
          'another worker of this machine has tasks in hand, or ended with them',
        );
      worker.start();
      const loops = [watch(stop), recovery.run(stop)];
      if (!stop.aborted) {
        await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
      }
      await worker.stop(abort);
      stopping.abort();
      await Promise.all(loops);
    },

    noteRecovered: recovery.noteRecovered,
    state: () => ({ ...worker.state(), watchdogFailures, openIncidents: openIncidents.count() }),
  };
}
