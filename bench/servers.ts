import { arch, cpus, loadavg, totalmem } from 'node:os';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { type EngineOptions, type RunningEngine, startEngine } from '../dev/servers/engine.ts';
import type { PostgresOptions } from '../dev/servers/postgres.ts';
import { type RunningS3Server, s3ClientFor, startS3Server } from '../dev/servers/s3-server.ts';
import { createEngineLoad, type EngineLoad } from './engine-load.ts';
import { createHttpConnection } from './http-connection.ts';
import { createVaultWatch, type VaultWatch } from './vault-watch.ts';

export type Servers = {
  engine: RunningEngine;
  s3: RunningS3Server;
  load: EngineLoad;
  vault: VaultWatch;
  signal: AbortSignal;
  createBucket(bucket: string): Promise<void>;
};

/** What is committed is on the disk; the memory, and checkpoints by time, are those of a server that was set up. */
export const BENCH_POSTGRES: PostgresOptions = {
  fsync: true,
  settings: { shared_buffers: '512MB', max_wal_size: '2GB' },
};

/** A fresh engine without history and an empty S3 server for one part of the measurement; both are gone afterwards. */
export async function withServers<T>(
  signal: AbortSignal,
  work: (servers: Servers) => Promise<T>,
  engineOptions: EngineOptions = {},
): Promise<T> {
  const [engineStart, s3Start] = await Promise.allSettled([
    startEngine({ postgres: BENCH_POSTGRES, ...engineOptions }, signal),
    startS3Server({}, signal),
  ]);
  const stop = async (): Promise<void> => {
    if (engineStart.status === 'fulfilled') await engineStart.value.stop();
    if (s3Start.status === 'fulfilled') await s3Start.value.stop();
  };
  if (engineStart.status === 'rejected' || s3Start.status === 'rejected') {
    await stop();
    throw engineStart.status === 'rejected' ? engineStart.reason : (s3Start as PromiseRejectedResult).reason;
  }
  const [engine, s3] = [engineStart.value, s3Start.value];
  const load = createEngineLoad(engine.url, signal);
  const vault = createVaultWatch(s3, signal);
  const client = s3ClientFor(s3);
  try {
    await load.deploy();
    return await work({
      engine,
      s3,
      load,
      vault,
      signal,
      createBucket: async (Bucket) => void (await client.send(new CreateBucketCommand({ Bucket }))),
    });
  } finally {
    client.destroy();
    vault.close();
    load.close();
    await stop();
  }
}

/** What the figures were measured on. */
export async function describeMachine({ load, s3, engine, signal }: Servers, loadAtStart: number): Promise<string[]> {
  const { database } = engine;
  const databaseName = database === null ? 'H2 in memory' : `PostgreSQL ${database.majorVersion}`;
  const connection = createHttpConnection();
  const { headers } = await connection.request('GET', s3.endpoint, { signal });
  connection.close();
  return [
    `${cpus().length} cores (${cpus()[0]?.model.trim() ?? arch()}), ${Math.round(totalmem() / 2 ** 30)} GB of memory; engine, database, S3 server, Formvault and the measuring programme share them`,
    `Node ${process.version}, ${engine.product} ${await load.version()} with ${databaseName}, ${headers.server ?? 'S3 server'}`,
    `${new Date().toISOString().slice(0, 10)}; load of the machine at the start ${loadAtStart.toFixed(2)}`,
  ];
}

export function loadOfMachine(): number {
  return loadavg()[0] ?? Number.NaN;
}
