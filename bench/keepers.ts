/** What brings forms into S3: Formvault, the worker that a user would write by hand, or a control that is told of each form. */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newScratchDir } from '../dev/servers/cache.ts';
import type { StoredObject } from '../src/object-store/object-store.ts';
import { bucketOf, s3Environment, startFormvault, startNode, untilLogged } from './formvault-process.ts';
import { createOwnTasks } from './own-tasks.ts';
import type { ProcessKey } from './processes.ts';
import type { Servers } from './servers.ts';
import { expectedKey } from './site-visit.ts';

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
  /** For one that does not find out by itself what was completed. */
  onCompleted?(form: { businessKey: string }): void;
  stop(): Promise<void>;
};

export type WorkerTuning = 'defaults' | 'tuned';

export const CONTROL = 'control: writes and works as much, engine not read';

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
      const environment = `bench-${run}`;
      const bucket = bucketOf(environment);
      await servers.createBucket(bucket);
      const { pid, readySinceMs, ...process } = await startFormvault(servers, {
        name: run,
        environment,
        until: 'leading',
        settings,
        nodeOptions,
      });
      const stop = async (): Promise<void> => {
        await process.stop();
        await createOwnTasks(servers.engine.url).deleteAll();
      };
      return { keeper, bucket, pid, readySinceMs, stop };
    },
  };
  return keeper;
}

/** In all roles, so that what was kept is found in its embedded index too. */
export function formvaultWithCases(): Keeper {
  return formvault({ ROLES: 'feed,worker,web' }, 'Formvault with its case view');
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
        ENGINE_URL: servers.engine.secondUrl ?? servers.engine.url,
        BUCKET: bucket,
      });
      const readySinceMs = await untilLogged(process, 'worker is ready', servers.signal);
      return { keeper, bucket, pid: process.pid, readySinceMs, stop: process.stop };
    },
  };
  return keeper;
}

/**
 * Writes as much as Formvault does, when Formvault would, and uses as much processor time, but asks the engine nothing: what the
 * engine's forms cost more beside it than alone comes from the shared machine. `example`: an object as Formvault writes it.
 */
export function controlWriter(example: StoredObject & { body: Uint8Array }, cpuMsPerForm: () => number): Keeper {
  const keeper: Keeper = {
    name: CONTROL,
    processKey: 'bench_form',
    async start(run, servers) {
      const bucket = `bench-${run}-forms`;
      await servers.createBucket(bucket);
      const scratch = newScratchDir('bench-control');
      const exampleFile = join(scratch, 'example.json');
      const keysFile = join(scratch, 'keys');
      const { contentType, metadata } = example;
      writeFileSync(exampleFile, JSON.stringify({ body: Buffer.from(example.body).toString(), contentType, metadata }));
      writeFileSync(keysFile, '');
      const program = join(import.meta.dirname, 'control-writer.ts');
      const process = await startNode(
        `bench-control-${run}`,
        [program, exampleFile, keysFile, bucket, String(cpuMsPerForm())],
        s3Environment(servers),
      );
      const readySinceMs = await untilLogged(process, 'control is ready', servers.signal);
      return {
        keeper,
        bucket,
        pid: process.pid,
        readySinceMs,
        onCompleted: ({ businessKey }) => appendFileSync(keysFile, `${expectedKey(businessKey)}\n`),
        async stop() {
          await process.stop();
          rmSync(scratch, { recursive: true, force: true });
        },
      };
    },
  };
  return keeper;
}
