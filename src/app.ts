/** Composition root: the only file that knows every part. */
import type { Config, ServiceConfig } from './config.ts';
import { createEngineDefinitions } from './engine/engine-definitions.ts';
import { createEngineHistory } from './engine/engine-history.ts';
import { readHistoryLevel } from './engine/history-level.ts';
import { createFormLookup } from './enrichment/form-api.ts';
import { createOrigins } from './enrichment/origins.ts';
import { createProcessModels } from './enrichment/process-models.ts';
import { createUserTasks } from './enrichment/user-tasks.ts';
import { createUsers } from './enrichment/users.ts';
import { FormvaultError, failureCodeOf } from './errors.ts';
import { leadFeed } from './feed/lead-feed.ts';
import { createPositionStore } from './feed/position-store.ts';
import { createHttpClient, type HttpClient } from './http/http-client.ts';
import { lookBeforeWriting } from './object-store/look-before-writing.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import { findIgnoredCondition } from './object-store/probe-conditional-writes.ts';
import { createS3ObjectStore } from './object-store/s3-object-store.ts';
import type { Log } from './observability/log.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { createPreparation } from './pipeline/prepare-changes.ts';
import { backOffMs } from './time/back-off.ts';
import { createEngineClock, type EngineClock } from './time/engine-clock.ts';
import { pause } from './time/pause.ts';
import { bucketName } from './vault/object-layout.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** Lookups of the submissions in flight, the feed, and some more. */
const ENGINE_SOCKETS = 16;
const FORM_API_SOCKETS = 8;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export type AppSignals = { stop: AbortSignal; abort: AbortSignal };

/** Runs until it is stopped. @throws FormvaultError CONFIG_INVALID, HISTORY_LEVEL_TOO_LOW, …_REJECTED at the start */
export async function runApp(config: Config, log: Log, signals: AppSignals): Promise<void> {
  const clock = createEngineClock();
  const engine = connect(config.engine, 'ENGINE', ENGINE_SOCKETS);
  const formApi = config.formApi === null ? null : connect(config.formApi, 'FORM_API', FORM_API_SOCKETS);
  const s3 = createS3ObjectStore({ ...withoutNulls(config.s3), maxConnections: config.concurrency });
  const start = <T>(step: () => Promise<T>): Promise<T> => untilAvailable(step, log, signals.stop);
  try {
    const stateBucket = config.vault.stateBucket ?? defaultBucket(config);
    const store = await start(() => openVault(s3, stateBucket, config, signals.stop));
    const level = await start(() => readHistoryLevel(engine, signals.stop));
    const startedMs = await start(() => readEngineTime(engine, clock, signals.stop));
    if (level === 'unknown') log.warn({ historyLevel: level }, 'history level of the engine could not be tried out');

    const history = createEngineHistory(engine, clock);
    const definitions = createEngineDefinitions(engine);
    const userTasks = createUserTasks(history);
    const origins = createOrigins(history);
    const models = createProcessModels(definitions);
    const pipeline = createPipeline({
      preparation: createPreparation({ capture: config.capture, history, models, userTasks, origins }),
      processing: {
        store,
        origins,
        userTasks,
        createBuckets: config.vault.createBuckets,
        enrichment: {
          environment: config.vault.environment,
          defaultProduct: config.vault.defaultProduct,
          formLookup: config.formLookup,
          forms: formApi === null ? null : createFormLookup(formApi),
          users: createUsers(history),
          definitions,
        },
      },
      concurrency: config.concurrency,
      log,
    });
    await leadFeed(
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
        settleSeconds: config.feed.settleSeconds,
        pollMs: config.feed.pollMs,
        leaseSeconds: config.feed.leaseSeconds,
        log,
      },
      signals,
    );
  } catch (error) {
    if (!signals.stop.aborted) throw error;
  } finally {
    engine.close();
    formApi?.close();
    s3.close();
  }
}

function connect(service: ServiceConfig, name: 'ENGINE' | 'FORM_API', maxSockets: number): HttpClient {
  return createHttpClient({
    baseUrl: service.url,
    auth: service.auth,
    timeoutMs: REQUEST_TIMEOUT_MS,
    codes: { unavailable: `${name}_UNAVAILABLE`, rejected: `${name}_REJECTED` },
    maxSockets,
  });
}

function defaultBucket({ vault }: Config): string {
  const name = bucketName(vault.environment, vault.defaultProduct);
  if ('bucket' in name) return name.bucket;
  throw new FormvaultError(
    'CONFIG_INVALID',
    `could not name a bucket after ENVIRONMENT and DEFAULT_PRODUCT: ${name.problem}`,
  );
}

/** The state bucket is there, and the server keeps the promises that the vault stands on. */
async function openVault(s3: ObjectStore, bucket: string, config: Config, signal: AbortSignal): Promise<ObjectStore> {
  if (!(await s3.bucketExists(bucket, signal))) {
    if (!config.vault.createBuckets) {
      throw new FormvaultError('CONFIG_INVALID', 'could not find the state bucket', {
        context: { bucket },
        hint: 'Create the bucket, name another one in STATE_BUCKET, or set S3_CREATE_BUCKETS=true.',
      });
    }
    await s3.createBucket(bucket, signal);
  }
  const ignored = await findIgnoredCondition(s3, bucket, signal);
  if (ignored === null) return s3;
  if (config.feed.single) return lookBeforeWriting(s3);
  throw new FormvaultError('CONFIG_INVALID', `could not rely on the S3 server, which ignores ${ignored}`, {
    context: { bucket },
    hint: 'Use an S3 server with conditional writes, or set FEED_SINGLE=true if only one Formvault ever runs on this vault.',
  });
}

/** The engine's "now" (F5), known before anything is read: the feed tells by it what is old enough to have settled. */
async function readEngineTime(engine: HttpClient, clock: EngineClock, signal: AbortSignal): Promise<number> {
  const attempted = 'could not ask the engine for its time';
  const answer = await engine.request({ method: 'GET', path: '/engine', signal, attempted });
  clock.observe(answer.dateMs);
  return answer.dateMs ?? clock.nowMs();
}

function firstPositionMs({ feed }: Config, nowMs: number): number {
  if (feed.start === 'beginning') return 0;
  return feed.start === 'now' ? nowMs : feed.start.getTime();
}

/** Waits for services that are away at the start; what no waiting mends is thrown. */
async function untilAvailable<T>(step: () => Promise<T>, log: Log, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (err) {
      const code = failureCodeOf(err);
      if (signal.aborted || !code.endsWith('_UNAVAILABLE')) throw err;
      const pauseMs = backOffMs(attempt - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      log.warn({ err, code, attempt, pauseMs }, 'not available at the start; trying again');
      await pause(pauseMs, signal);
    }
  }
}

function withoutNulls<T extends object>(settings: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)) as never;
}
