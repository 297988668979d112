/** What brings forms into S3: Formvault, or the worker that a user would write by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../dev/servers/free-port.ts';
import { type RunningProcess, startProcess, untilReady } from '../dev/servers/process.ts';
import type { ProcessKey } from './processes.ts';
import type { Servers } from './servers.ts';

export type Keeper = {
  name: string;
  processKey: ProcessKey;
  start(run: string, servers: Servers): Promise<RunningKeeper>;
};

export type RunningKeeper = {
  keeper: Keeper;
  bucket: string;
  pid: number;
  /** When it began its work, by the clock of the machine. */
  readySinceMs: number;
  stop(): Promise<void>;
};

export type WorkerTuning = 'defaults' | 'tuned';

const READY_WITHIN_MS = 30_000;
const root = join(import.meta.dirname, '..');

/** `settings`: environment variables beside those that say where the servers are. */
export function formvault(
  settings: Record<string, string> = {},
  name = 'Formvault',
  nodeOptions: string[] = [],
): Keeper {
  const keeper: Keeper = {
    name,
    processKey: 'bench_form',
    async start(run, servers) {
      const product = 'forms';
      const bucket = `bench-${run}-${product}`;
      await servers.createBucket(bucket);
      const process = await startNode(
        `bench-formvault-${run}`,
        [...nodeOptions, join(root, 'src', 'main.ts'), 'serve'],
        {
          ...s3Environment(servers),
          ENVIRONMENT: `bench-${run}`,
          DEFAULT_PRODUCT: product,
          ENGINE_URL: servers.engine.url,
          PORT: String(await findFreePort()),
          ...settings,
        },
      );
      const readySinceMs = await untilLogged(process, 'leading the feed', servers.signal);
      return { keeper, bucket, pid: process.pid, readySinceMs, stop: process.stop };
    },
  };
  return keeper;
}

export function handWrittenWorker(tuning: WorkerTuning): Keeper {
  const keeper: Keeper = {
    name: tuning === 'defaults' ? "hand-written worker, client's defaults" : 'hand-written worker, tuned',
    processKey: 'bench_form_then_worker',
    async start(run, servers) {
      const bucket = `bench-${run}-forms`;
      await servers.createBucket(bucket);
      const worker = join(import.meta.dirname, 'hand-written-worker.ts');
      const process = await startNode(`bench-worker-${run}`, [worker, tuning], {
        ...s3Environment(servers),
        ENGINE_URL: servers.engine.url,
        BUCKET: bucket,
      });
      const readySinceMs = await untilLogged(process, 'worker is ready', servers.signal);
      return { keeper, bucket, pid: process.pid, readySinceMs, stop: process.stop };
    },
  };
  return keeper;
}

export function startNode(name: string, args: string[], env: Record<string, string>): Promise<RunningProcess> {
  return startProcess({
    name,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', ...args],
    env,
    graceMs: 30_000,
  });
}

export function s3Environment({ s3 }: Servers): Record<string, string> {
  return {
    S3_ENDPOINT: s3.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}

/** The time in the first log line (JSON) that says so. */
async function untilLogged(process: RunningProcess, sentence: string, signal: AbortSignal): Promise<number> {
  const findLine = () =>
    readFileSync(process.logFile, 'utf8')
      .split('\n')
      .find((line) => line.includes(sentence));
  await untilReady(process, process.logFile, async () => findLine() !== undefined, READY_WITHIN_MS, signal);
  return new Date(JSON.parse(findLine() ?? '{}').time).getTime();
}
