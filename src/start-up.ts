/** What must hold before anything is noticed: services that answer, a vault that keeps its promises. */
import type { Config, ServiceConfig } from './config.ts';
import { FormvaultError, failureCodeOf } from './errors.ts';
import { createHttpClient, type HttpAnswer, type HttpClient, type HttpRequest } from './http/http-client.ts';
import { lookBeforeWriting } from './object-store/look-before-writing.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import { findIgnoredCondition } from './object-store/probe-conditional-writes.ts';
import type { Log } from './observability/log.ts';
import type { Metrics } from './observability/metrics.ts';
import { backOffMs } from './time/back-off.ts';
import type { EngineClock } from './time/engine-clock.ts';
import { pause } from './time/pause.ts';
import { bucketName } from './vault/object-layout.ts';

const REQUEST_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Between the clock that a time was read off and the engine's. */
const CLOCKS_APART_MS = 60_000;

export function connect(
  service: ServiceConfig,
  name: 'ENGINE' | 'FORM_API',
  maxSockets: number,
  metrics: Metrics,
): HttpClient {
  const client = createHttpClient({
    baseUrl: service.url,
    auth: service.auth,
    timeoutMs: REQUEST_TIMEOUT_MS,
    codes: { unavailable: `${name}_UNAVAILABLE`, rejected: `${name}_REJECTED` },
    maxSockets,
    gate: name === 'ENGINE',
  });
  const lookup = name === 'ENGINE' ? 'engine' : 'form_api';
  async function measure(request: HttpRequest): Promise<HttpAnswer<unknown>> {
    const startedMs = performance.now();
    let result: 'ok' | 'failed' = 'failed';
    try {
      const answer = await client.request(request);
      result = 'ok';
      return answer;
    } finally {
      if (!request.signal.aborted) metrics.lookedUp(lookup, result, (performance.now() - startedMs) / 1000);
    }
  }
  return { ...client, request: measure as HttpClient['request'] };
}

export function defaultBucket({ vault }: Config): string {
  const name = bucketName(vault.environment, vault.defaultProduct);
  if ('bucket' in name) return name.bucket;
  throw new FormvaultError(
    'CONFIG_INVALID',
    `could not name a bucket after ENVIRONMENT and DEFAULT_PRODUCT: ${name.problem}`,
  );
}

/** The state bucket is there, and the server keeps the promises that the vault stands on. */
export async function openVault(
  s3: ObjectStore,
  bucket: string,
  config: Config,
  signal: AbortSignal,
): Promise<ObjectStore> {
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
export async function readEngineTime(engine: HttpClient, clock: EngineClock, signal: AbortSignal): Promise<number> {
  const attempted = 'could not ask the engine for its time';
  const answer = await engine.request({ method: 'GET', path: '/engine', signal, attempted });
  clock.observe(answer.dateMs);
  return answer.dateMs ?? clock.nowMs();
}

/** Never later than now. @throws FormvaultError CONFIG_INVALID for a time to come: until then nothing would be kept */
export function firstPositionMs({ feed }: Pick<Config, 'feed'>, nowMs: number): number {
  if (feed.start === 'beginning') return 0;
  if (feed.start === 'now') return nowMs;
  const startMs = feed.start.getTime();
  if (startMs <= nowMs + CLOCKS_APART_MS) return Math.min(startMs, nowMs);
  throw new FormvaultError('CONFIG_INVALID', 'could not begin at FEED_START, which is in the future', {
    context: { feedStart: feed.start.toISOString(), engineTime: new Date(nowMs).toISOString() },
    hint: 'Let FEED_START be now, or a time in the past with its zone, such as 2024-05-31T08:00:00Z or 2024-05-31T08:00:00+02:00.',
  });
}

/** Waits for services that are away at the start; what no waiting mends is thrown. */
export async function untilAvailable<T>(step: () => Promise<T>, log: Log, signal: AbortSignal): Promise<T> {
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

export function withoutNulls<T extends object>(settings: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)) as never;
}
