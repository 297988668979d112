/**
 * Submissions that wait in history: how fast Formvault keeps them, and how fast its S3 client alone would write the same objects.
 *
 * A first run through a proxy counts what is read from the engine; it is not timed, nor are some more, after which the engine
 * reads as one that has been running for days. The timed runs alternate with the raw client, each in a fresh process with an
 * empty bucket, and each is compared with the raw client just before and after it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newScratchDir } from '../dev/servers/cache.ts';
import { createS3ObjectStore } from '../src/object-store/s3-object-store.ts';
import { type CountedPath, startCountingProxy } from './counting-proxy.ts';
import { bucketOf, s3Environment, startNode } from './formvault-process.ts';
import { formvault } from './keepers.ts';
import { cpuSeconds, peakMemoryMb, startCpuMeter } from './process-usage.ts';
import { type HotFunction, readHotFunctions } from './profile.ts';
import type { RawPass } from './raw-writer.ts';
import { type Servers, withServers } from './servers.ts';
import { expectedKey, siteVisitJson } from './site-visit.ts';
import { CONCURRENCY, LIVE_CLIENTS, type Sizes } from './sizes.ts';

export type BacklogRun = {
  secondsLeading: number;
  secondsSinceStart: number;
  cpuSeconds: number;
  engineCpuSeconds: number;
  s3CpuSeconds: number;
  peakMemoryMb: number;
};

export type BacklogResult = {
  submissions: number;
  runs: BacklogRun[];
  /** One more than runs: each stands between two of them. */
  raw: { cold: RawPass; warm: RawPass }[];
  counted: CountedPath[];
  profile: { file: string; functions: HotFunction[] } | null;
};

const WITHIN_MS = 300_000;
/** Looking costs the S3 server what keeping needs; a tenth of a second is a hundredth of a run. */
const LOOK_EVERY_MS = 100;

/** Of each run, the share of the rate that the raw client has around it: the machine drifts, and the two of a pair drift together. */
export function sharesOfRaw({ runs, raw }: Pick<BacklogResult, 'runs' | 'raw'>): number[] {
  const rateOf = (pass: { cold: RawPass } | undefined): number => 1 / (pass?.cold.seconds ?? Number.NaN);
  return runs.map(({ secondsLeading }, index) => {
    const around = (rateOf(raw[index]) + rateOf(raw[index + 1])) / 2;
    return 1 / secondsLeading / around;
  });
}

export async function measureBacklog(
  sizes: Sizes,
  options: { profile: boolean },
  signal: AbortSignal,
): Promise<BacklogResult> {
  return withServers(signal, async (servers) => {
    const { submissions, warmUps, repetitions } = sizes.backlog;
    console.error(`backlog: completing ${submissions} forms`);
    const tasks = await servers.load.startStock('backlog', 'bench_form', submissions);
    await servers.load.completeAll(tasks, LIVE_CLIENTS);
    const keys = tasks.map(({ businessKey }) => expectedKey(businessKey));

    console.error('backlog: counting what is read');
    const counted = await countReadings(servers, keys);
    const scratch = newScratchDir('bench');
    try {
      const objectsFile = join(scratch, 'objects.jsonl');
      writeFileSync(
        objectsFile,
        await readBack(
          servers,
          bucketOf('bench-counted'),
          keys,
          tasks.map(({ number }) => number),
        ),
      );
      for (let warmUp = 1; warmUp <= warmUps; warmUp++) {
        console.error(`backlog: warm-up ${warmUp} of ${warmUps}`);
        await keepBacklog(servers, `backlogw${warmUp}`, keys);
      }
      const runs: BacklogRun[] = [];
      const raw: BacklogResult['raw'] = [await writeRaw(servers, objectsFile, 0)];
      for (let repetition = 1; repetition <= repetitions; repetition++) {
        console.error(`backlog: run ${repetition} of ${repetitions}`);
        runs.push(await keepBacklog(servers, `backlog${repetition}`, keys));
        raw.push(await writeRaw(servers, objectsFile, repetition));
      }
      const profile = options.profile ? await profileBacklog(servers, keys) : null;
      return { submissions, runs, raw, counted, profile };
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
}

async function keepBacklog(
  servers: Servers,
  run: string,
  keys: string[],
  nodeOptions: string[] = [],
): Promise<BacklogRun> {
  const { engine, s3, vault } = servers;
  const keeper = formvault({ FEED_START: 'beginning', CONCURRENCY: String(CONCURRENCY) }, run, nodeOptions);
  const [engineCpu, s3Cpu] = [startCpuMeter(engine.pid), startCpuMeter(s3.pid)];
  const spawnedMs = performance.now();
  const running = await keeper.start(run, servers);
  try {
    const leadingMs = running.readySinceMs - performance.timeOrigin;
    const { doneMs, missing } = await vault.untilAllReadable(running.bucket, keys, WITHIN_MS, LOOK_EVERY_MS);
    if (missing > 0) throw new Error(`${missing} of ${keys.length} submissions are missing`);
    return {
      secondsLeading: (doneMs - leadingMs) / 1000,
      secondsSinceStart: (doneMs - spawnedMs) / 1000,
      cpuSeconds: cpuSeconds(running.pid),
      engineCpuSeconds: engineCpu.seconds(),
      s3CpuSeconds: s3Cpu.seconds(),
      peakMemoryMb: peakMemoryMb(running.pid),
    };
  } finally {
    await running.stop();
  }
}

async function countReadings(servers: Servers, keys: string[]): Promise<CountedPath[]> {
  const proxy = await startCountingProxy(servers.engine.url, servers.signal);
  try {
    const keeper = formvault({ FEED_START: 'beginning', ENGINE_URL: proxy.url, CONCURRENCY: String(CONCURRENCY) });
    const running = await keeper.start('counted', servers);
    try {
      const { missing } = await servers.vault.untilAllReadable(running.bucket, keys, WITHIN_MS);
      if (missing > 0) throw new Error(`${missing} of ${keys.length} submissions are missing`);
      return proxy.counted();
    } finally {
      await running.stop();
    }
  } finally {
    proxy.close();
  }
}

/** The objects as they are in the vault, one a line; says so when one does not hold the form that was submitted. */
async function readBack({ s3, signal }: Servers, bucket: string, keys: string[], numbers: number[]): Promise<string> {
  const store = createS3ObjectStore(
    { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true, maxConnections: CONCURRENCY },
    { credentials: s3 },
  );
  const lines: string[] = [];
  let next = 0;
  const readSome = async (): Promise<void> => {
    for (let at = next++; at < keys.length; at = next++) {
      const key = keys[at] ?? '';
      const object = await store.get(bucket, key, signal);
      const body = Buffer.from(object?.body ?? []).toString();
      const { form: _, ...answers } = JSON.parse(siteVisitJson(numbers[at] ?? 0));
      if (!body.startsWith(JSON.stringify(answers).slice(0, -1))) throw new Error('an object does not hold its form');
      lines[at] = JSON.stringify({ key, body, contentType: object?.contentType, metadata: object?.metadata });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, readSome));
  store.close();
  return lines.join('\n');
}

async function writeRaw(
  servers: Servers,
  objectsFile: string,
  repetition: number,
): Promise<{ cold: RawPass; warm: RawPass }> {
  const buckets = [`bench-raw-cold-${repetition}`, `bench-raw-warm-${repetition}`];
  for (const bucket of buckets) await servers.createBucket(bucket);
  const program = join(import.meta.dirname, 'raw-writer.ts');
  const args = [program, objectsFile, String(CONCURRENCY), ...buckets];
  const running = await startNode(`bench-raw-${repetition}`, args, s3Environment(servers));
  const stop = () => void running.stop();
  servers.signal.addEventListener('abort', stop, { once: true });
  const keepUsRunning = setInterval(() => undefined, 1_000);
  const exitCode = await running.exited.finally(() => clearInterval(keepUsRunning));
  servers.signal.removeEventListener('abort', stop);
  servers.signal.throwIfAborted();
  if (exitCode !== 0) throw new Error(`the raw client failed:\n${running.lastLogLines()}`);
  const [cold, warm]: RawPass[] = JSON.parse(readFileSync(running.logFile, 'utf8'));
  if (cold === undefined || warm === undefined) throw new Error('the raw client gave no figures');
  return { cold, warm };
}

async function profileBacklog(servers: Servers, keys: string[]): Promise<BacklogResult['profile']> {
  const directory = newScratchDir('bench-profile');
  await keepBacklog(servers, 'profile', keys, ['--cpu-prof', `--cpu-prof-dir=${directory}`]);
  return readHotFunctions(directory);
}
