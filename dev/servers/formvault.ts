import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { projectDir } from './cache.ts';
import { startProcess, untilReady } from './process.ts';
import type { S3Address } from './s3-server.ts';

export type RunningFormvault = {
  pid: number;
  logFile: string;
  logs(): string;
  /** Resolves with the exit code; 137 after SIGKILL. */
  exited: Promise<number>;
  /** SIGTERM, and waits until it has drained. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
};

/** Settings that lead a Formvault to these servers. */
export function settingsFor(servers: { engineUrl: string; s3: S3Address }): Record<string, string> {
  return {
    ENGINE_URL: servers.engineUrl,
    S3_ENDPOINT: servers.s3.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    S3_CREATE_BUCKETS: 'true',
    AWS_REGION: servers.s3.region,
    AWS_ACCESS_KEY_ID: servers.s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: servers.s3.secretAccessKey,
  };
}

/**
 * Starts `formvault serve` with these settings and no others. By default it is awaited until it leads the feed: what is
 * completed from then on is its business, also with FEED_START=now.
 */
export async function startFormvault(
  env: Record<string, string>,
  options: { until?: 'leading' | 'waiting' | 'listening' | 'started'; nodeArgs?: string[] } = {},
  signal?: AbortSignal,
): Promise<RunningFormvault> {
  const formvault = await startProcess({
    name: `formvault-${env.ENVIRONMENT ?? 'none'}-${randomBytes(2).toString('hex')}`,
    command: process.execPath,
    args: ['--enable-source-maps', ...(options.nodeArgs ?? []), join(projectDir, 'src', 'main.ts'), 'serve'],
    env,
    ownEnv: true,
    graceMs: 30_000,
  });
  const signs = { leading: 'leading the feed', waiting: 'another instance leads', listening: 'listening', started: '' };
  const sign = signs[options.until ?? 'leading'];
  const hasSaidSo = async () => formvault.logText().includes(sign);
  if (sign !== '') await untilReady(formvault, 'Formvault', hasSaidSo, 30_000, signal);
  return {
    pid: formvault.pid,
    logFile: formvault.logFile,
    logs: formvault.logText,
    exited: formvault.exited,
    stop: formvault.stop,
    async kill() {
      formvault.signal('SIGKILL');
      await formvault.exited;
    },
  };
}
