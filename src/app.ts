/** Composition root: the only file that knows every part. */

import { createCasesPart } from './app-cases.ts';
import { addParts } from './app-health.ts';
import { tellOfKept } from './cases/tell-of-kept.ts';
import type { Config } from './config.ts';
import { createEngineDefinitions } from './engine/engine-definitions.ts';
import { createEngineExternalTasks } from './engine/engine-external-tasks.ts';
import { createEngineHistory } from './engine/engine-history.ts';
import { createEngineIncidents } from './engine/engine-incidents.ts';
import { createEngineProcesses } from './engine/engine-processes.ts';
import { readHistoryLevel } from './engine/history-level.ts';
import { createFormLookup, type FormLookup } from './enrichment/form-api.ts';
import { createOrigins } from './enrichment/origins.ts';
import { createProcessModels } from './enrichment/process-models.ts';
import { createUserTasks } from './enrichment/user-tasks.ts';
import { createUsers } from './enrichment/users.ts';
import { createFeedStatus } from './feed/feed-status.ts';
import { leadFeed } from './feed/lead-feed.ts';
import { createPositionStore } from './feed/position-store.ts';
import type { HttpClient } from './http/http-client.ts';
import { FORM_API, formTarget } from './incidents/incident-message.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import { createS3ObjectStore } from './object-store/s3-object-store.ts';
import { watchObjectStore } from './object-store/watched-object-store.ts';
import type { Log } from './observability/log.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { checkEnvironmentOfEngine, deployOwnProcess } from './own-process/deploy-own-process.ts';
import { createEngineFaults } from './pipeline/engine-faults.ts';
import { createHandOver } from './pipeline/hand-over.ts';
import { createOutages, type Outages } from './pipeline/outages.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { createPreparation } from './pipeline/prepare-changes.ts';
import {
  connect,
  defaultBucket,
  firstPositionMs,
  openVault,
  readEngineTime,
  untilAvailable,
  withoutNulls,
} from './start-up.ts';
import { createWorkerPart, type WorkerPart } from './tasks/worker-part.ts';
import { createEngineClock } from './time/engine-clock.ts';
import { pause } from './time/pause.ts';
import { createHealth } from './web/health.ts';
import { createWebServer, type WebServer } from './web/server.ts';
import { isLoopback } from './web/whence.ts';

/** Lookups of the submissions in flight, the feed, external tasks, and some more. */
const ENGINE_SOCKETS = 24;
const FORM_API_SOCKETS = 8;
/** To S3, beside those of the feed and of the external tasks: the state of the feed must not queue behind submissions. */
const OTHER_CONNECTIONS = 4;
const PORT_AGAIN_MS = 30_000;

export type AppSignals = { stop: AbortSignal; abort: AbortSignal };

/** Runs until it is stopped. @throws FormvaultError CONFIG_INVALID, HISTORY_LEVEL_TOO_LOW, …_REJECTED at the start */
export async function runApp(config: Config, log: Log, signals: AppSignals): Promise<void> {
  const has = (role: Config['roles'][number]): boolean => config.roles.includes(role);
  const metrics = createMetrics();
  const feedStatus = createFeedStatus();
  const health = createHealth();
  const clock = createEngineClock();
  const engine = connect(config.engine, 'ENGINE', ENGINE_SOCKETS, metrics);
  const formApi = config.formApi === null ? null : connect(config.formApi, 'FORM_API', FORM_API_SOCKETS, metrics);
  const s3 = createS3ObjectStore({
    ...withoutNulls(config.s3),
    maxConnections: 2 * config.concurrency + OTHER_CONNECTIONS,
  });
  let worker: WorkerPart | null = null;
  const outages = createOutages({
    limit: config.incidents.limit,
    onRecovered: (target) => worker?.noteRecovered(target),
    onStandStill: ({ code, target }) => log.error({ code, target, part: 'feed' }, 'outage: feed stands still'),
    onGoesOn: ({ cause, sinceMs }) => {
      const seconds = Math.round((performance.now() - sinceMs) / 1000);
      log.info({ code: cause.code, target: cause.target, seconds, part: 'feed' }, 'outage is over: feed goes on');
    },
  });
  const stateBucket = config.vault.stateBucket ?? defaultBucket(config);
  const cases = keepsIndex(config)
    ? createCasesPart({ config, store: s3, engine, formApi, stateBucket, defaultBucket: defaultBucket(config), log })
    : null;
  const services = cases?.services ?? null;
  const web = has('web') ? createWebServer({ ...config.web, health, metrics, log, cases: services }) : null;
  addParts(health, metrics, {
    engine,
    outages,
    feed: has('feed') ? feedStatus : null,
    worker: () => worker,
    hasWorker: has('worker'),
    cases,
    neededBuckets: [stateBucket, defaultBucket(config)],
  });
  const start = <T>(step: () => Promise<T>): Promise<T> => untilAvailable(step, log, signals.stop);
  try {
    if (web !== null) await listen(web, log, signals.stop);
    const store = await start(() => openVault(s3, stateBucket, config, signals.stop));
    const level = await start(() => readHistoryLevel(engine, signals.stop));
    const startedMs = await start(() => readEngineTime(engine, clock, signals.stop));
    if (level === 'unknown') log.warn({ historyLevel: level }, 'history level of the engine could not be tried out');
    const processes = createEngineProcesses(engine);
    const { environment } = config.vault;
    await start(() => checkEnvironmentOfEngine(processes, environment, signals.stop));

    const history = createEngineHistory(engine, clock);
    const definitions = createEngineDefinitions(engine);
    const userTasks = createUserTasks(history);
    const origins = createOrigins(history);
    const models = createProcessModels(definitions);
    const forms = formApi === null ? null : watchForms(formApi, outages);
    const toldStore = cases === null ? store : tellOfKept(store, cases.note);
    const watchedStore = watchObjectStore(toldStore, outages.attempt, metrics);
    const running = {
      preparation: createPreparation({
        capture: config.capture,
        history,
        models,
        userTasks,
        origins,
      }),
      processing: {
        store: watchedStore,
        origins,
        userTasks,
        createBuckets: config.vault.createBuckets,
        enrichment: {
          environment,
          defaultProduct: config.vault.defaultProduct,
          formLookup: config.formLookup,
          forms,
          users: createUsers(history),
          definitions,
          models,
        },
      },
      outages,
      // What most lookups ask, of an instance that is not there.
      engineFaults: createEngineFaults((signal) => history.readProcessInstances(['formvault-probe'], signal)),
      log,
      metrics,
    };
    if (has('worker')) {
      worker = createWorkerPart({
        ...running,
        config,
        engine,
        externalTasks: createEngineExternalTasks(engine),
        incidents: createEngineIncidents(engine),
        processes,
        history,
        probe: (target, signal) => probeTarget(target, watchedStore, forms, signal),
      });
    }
    const pipeline = createPipeline({
      ...running,
      handOver: createHandOver(processes),
      dispatch: config.dispatch,
      concurrency: config.concurrency,
    });
    const feed = (): Promise<void> =>
      leadFeed(
        {
          variableUpdates: { readPage: history.readVariableChanges, count: history.countVariableChanges },
          finishedTasks:
            config.capture === 'convention'
              ? null
              : { readPage: history.readTaskChanges, count: history.countTaskChanges },
          positionStore: createPositionStore(store, { bucket: stateBucket, leaseSeconds: config.feed.leaseSeconds }),
          pipeline,
          clock,
          firstPositionMs: async () => firstPositionMs(config, startedMs),
          // By the leader alone, so that two that start at the same time do not both do it.
          async prepare(signal) {
            await deployOwnProcess(processes, environment, signal);
          },
          settleSeconds: config.feed.settleSeconds,
          pollMs: config.feed.pollMs,
          leaseSeconds: config.feed.leaseSeconds,
          status: feedStatus,
          onRows: (name, counts) => countRows(metrics, name, counts),
          log,
        },
        signals,
      );
    await runTogether(
      [has('feed') ? feed : null, worker?.run ?? null, cases?.run ?? null, has('web') ? untilAborted : null],
      signals,
    );
  } catch (error) {
    if (!signals.stop.aborted) throw error;
  } finally {
    await web?.stop(signals.abort);
    await cases?.close(signals.abort);
    engine.close();
    formApi?.close();
    s3.close();
  }
}

/**
 * Whoever shows cases needs the index, and whoever keeps forms keeps it fresh where all can reach it. Where cases are not shown,
 * because nobody signs in and the address is not of this machine alone, an index of its own is of no use.
 */
function keepsIndex({ roles, cases, web }: Config): boolean {
  const shows = roles.includes('web') && (cases.signIn !== null || isLoopback(web.host));
  return shows || cases.databaseUrl !== null;
}

/** Keeping forms does not wait for a port that something else has: that is tried again, the rest runs meanwhile. */
async function listen(web: WebServer, log: Log, signal: AbortSignal): Promise<void> {
  await web.start().catch((err: unknown) => {
    if ((err as { cause?: { code?: unknown } }).cause?.code !== 'EADDRINUSE') throw err;
    log.error({ err, part: 'web' }, 'no health and no metrics: the port is taken; trying again');
    const again = async (): Promise<void> => {
      await web.stop(signal);
      await pause(PORT_AGAIN_MS, signal);
      if (!signal.aborted) await listen(web, log, signal);
    };
    void again().catch((failure: unknown) => log.error({ err: failure, part: 'web' }, 'no health and no metrics'));
  });
}

type Part = (signals: AppSignals) => Promise<void>;

/** Runs parts until all have stopped; one that throws stops the others first. */
async function runTogether(parts: (Part | null)[], signals: AppSignals): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signals.stop, failed.signal]);
  const running = parts.map(async (part) => {
    try {
      await part?.({ stop, abort: signals.abort });
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  const ended = await Promise.allSettled(running);
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

async function untilAborted({ stop }: AppSignals): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
}

/** The form API, whose answers tell whether it is there and which forms it knows by now. */
function watchForms(client: HttpClient, outages: Outages): FormLookup {
  const lookup = createFormLookup(client, { attempt: (ask) => outages.attempt(FORM_API, ask) });
  return {
    async find(name, signal, options) {
      const form = await lookup.find(name, signal, options);
      if (form !== null) outages.succeeded(formTarget(name));
      return form;
    },
  };
}

const NO_ETAG = '"formvault-probe"';

/** Asks something that changes nothing. A write under a condition that cannot hold needs the same rights as one that can. */
async function probeTarget(
  target: string,
  store: ObjectStore,
  forms: FormLookup | null,
  signal: AbortSignal,
): Promise<void> {
  const form = /^form (.*)$/s.exec(target)?.[1];
  if (target === FORM_API || form !== undefined) await forms?.find(form ?? 'formvault-probe', signal);
  else if (target !== '') {
    const object = { bucket: target, key: '.formvault/probe', contentType: 'text/plain', body: '' };
    await store.putIfUnchanged(object, NO_ETAG, signal);
  }
}

function countRows(
  metrics: Metrics,
  feed: 'variable_updates' | 'finished_tasks',
  counts: Record<'new' | 'seen' | 'foreign', number>,
): void {
  for (const result of ['new', 'seen', 'foreign'] as const) {
    if (counts[result] > 0) metrics.rowsRead(feed, result, counts[result]);
  }
}
