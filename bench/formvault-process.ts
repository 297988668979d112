/** Formvault as a process of its own, from the sources. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newScratchDir } from '../dev/servers/cache.ts';
import { findFreePort } from '../dev/servers/free-port.ts';
import { type RunningProcess, startProcess, untilReady } from '../dev/servers/process.ts';
import { createHttpConnection } from './http-connection.ts';
import type { Servers } from './servers.ts';

export type RunningFormvault = {
  pid: number;
  /** Health and metrics lie below it. */
  url: string;
  /** When it began its work, by the clock of the machine. */
  readySinceMs: number;
  stop(): Promise<void>;
};

export type FormvaultOptions = {
  /** Of its log. */
  name: string;
  environment: string;
  /** `leading`: follows the feed; `ready`: says so itself. */
  until: 'leading' | 'ready';
  /** Environment variables beside those that say where the servers are. Without `ROLES` it keeps forms and shows none. */
  settings?: Record<string, string>;
  nodeOptions?: string[];
};

/** Where everything goes that has no product of its own. */
export const PRODUCT = 'forms';
const READY_WITHIN_MS = 30_000;
const root = join(import.meta.dirname, '..');

export async function startFormvault(servers: Servers, options: FormvaultOptions): Promise<RunningFormvault> {
  const { name, environment, until, settings = {}, nodeOptions = [] } = options;
  const port = settings.PORT ?? String(await findFreePort());
  const url = `http://127.0.0.1:${port}`;
  const dataDir = newScratchDir('bench-data');
  const env = {
    ...environmentOf(servers, environment),
    ROLES: 'feed,worker',
    PORT: port,
    DATA_DIR: dataDir,
    ...settings,
  };
  const args = [...nodeOptions, join(root, 'src', 'main.ts'), 'serve'];
  const process = await startNode(`bench-formvault-${name}`, args, env, dataDir);
  const readySinceMs =
    until === 'leading'
      ? await untilLogged(process, 'leading the feed', servers.signal)
      : await untilHealthy(process, url, servers.signal);
  return { pid: process.pid, url, readySinceMs, stop: process.stop };
}

/** Another of its commands, which ends by itself. */
export function startCommand(
  servers: Servers,
  command: string,
  { environment, settings }: { environment: string; settings: Record<string, string> },
): Promise<RunningProcess> {
  const env = { ...environmentOf(servers, environment), ...settings };
  return startNode(`bench-formvault-${command}`, [join(root, 'src', 'main.ts'), command], env);
}

function environmentOf(servers: Servers, environment: string): Record<string, string> {
  return {
    ...s3Environment(servers),
    ENVIRONMENT: environment,
    DEFAULT_PRODUCT: PRODUCT,
    ENGINE_URL: servers.engine.secondUrl ?? servers.engine.url,
  };
}

export function bucketOf(environment: string, product = PRODUCT): string {
  return `${environment}-${product}`;
}

/** `scratchDir` goes when the process ends. */
export function startNode(
  name: string,
  args: string[],
  env: Record<string, string>,
  scratchDir?: string,
): Promise<RunningProcess> {
  return startProcess({
    name,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', ...args],
    env,
    graceMs: 30_000,
    ...(scratchDir === undefined ? {} : { scratchDir }),
  });
}

export function s3Environment({ s3 }: Pick<Servers, 's3'>): Record<string, string> {
  return {
    S3_ENDPOINT: s3.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}

/** The time in the first log line (JSON) that says so. */
export async function untilLogged(process: RunningProcess, sentence: string, signal: AbortSignal): Promise<number> {
  const findLine = () =>
    readFileSync(process.logFile, 'utf8')
      .split('\n')
      .find((line) => line.includes(sentence));
  await untilReady(process, process.logFile, async () => findLine() !== undefined, READY_WITHIN_MS, signal);
  return new Date(JSON.parse(findLine() ?? '{}').time).getTime();
}

async function untilHealthy(process: RunningProcess, url: string, signal: AbortSignal): Promise<number> {
  const connection = createHttpConnection();
  const isReady = async () => (await connection.request('GET', `${url}/health/ready`, { signal })).status === 200;
  try {
    await untilReady(process, process.logFile, isReady, READY_WITHIN_MS, signal);
  } finally {
    connection.close();
  }
  return Date.now();
}
