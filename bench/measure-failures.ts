/**
 * Changes that go through the engine: handed over, kept by workers, failing into incidents, retried.
 *
 * Workers start while the engine holds their tasks back, so that none begins before the others. What is counted is looked at from
 * outside, in the engine.
 */
import { type CountedPath, startCountingProxy } from './counting-proxy.ts';
import { bucketOf, type RunningFormvault, startFormvault } from './formvault-process.ts';
import { measureOutage, type OutageResult } from './measure-outage.ts';
import { createOwnTasks, type OwnTasks, untilSo } from './own-tasks.ts';
import { type CpuMeter, startCpuMeter } from './process-usage.ts';
import type { ProcessKey } from './processes.ts';
import { scrape } from './scrape.ts';
import { type Servers, withServers } from './servers.ts';
import { expectedKey } from './site-visit.ts';
import { LIVE_CLIENTS, type Sizes, WORKER_COUNTS } from './sizes.ts';

/** Processor time in ms of each change. */
export type Stage = { perSecond: number; engineCpuMs: number; formvaultCpuMs: number };

export type WorkersRow = {
  workers: number;
  kept: Stage;
  raised: Stage;
  retried: Stage;
  /** The one request that gave all of them another attempt. */
  retryRequestSeconds: number;
};

export type FailuresResult = {
  changes: number;
  handedOver: Stage[];
  counted: CountedPath[];
  workers: WorkersRow[];
  outage: OutageResult;
};

/** The engine says nothing to a worker that waits when tasks go on or get another attempt. */
export const WORKER_LONG_POLL_MS = 250;
const LOOK_EVERY_MS = 200;
const WITHIN_MS = 600_000;

type Scene = {
  servers: Servers;
  tasks: OwnTasks;
  changes: number;
  /** From where on a feed without a place of its own reads. */
  feedStart: string;
};

export async function measureFailures(sizes: Sizes, signal: AbortSignal): Promise<FailuresResult> {
  return withServers(signal, async (servers) => {
    const { changes, repetitions } = sizes.failures;
    const tasks = createOwnTasks(servers.engine.url);
    await warmUp({ servers, tasks, changes: sizes.failures.warmUp, feedStart: 'beginning' });
    const scene = { servers, tasks, changes, feedStart: new Date().toISOString() };
    const keys = await completeForms(scene, 'f0', 'bench_form');
    console.error('failures: counting what is asked for a hand-over');
    const counted = await countHandOver(scene);
    const handedOver: Stage[] = [];
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      console.error(`failures: hand-over, run ${repetition} of ${repetitions}`);
      await tasks.deleteAll();
      handedOver.push(await handOverBacklog(scene, environmentOf(repetition)));
    }
    const environment = environmentOf(repetitions);
    const workers: WorkersRow[] = [];
    for (const [index, count] of WORKER_COUNTS.entries()) {
      // The first find what the last hand-over left.
      const toKeep = index === 0 ? keys : await completeForms(scene, `k${count}`, 'bench_form');
      if (index > 0) await handOverMore(scene, environment);
      console.error(`failures: ${count} worker(s), keeping`);
      const kept = await keepHandedOver(scene, environment, count);
      await checkKept(scene, bucketOf(environment), toKeep);

      const toFail = await completeForms(scene, `r${count}`, 'bench_form_then_wait');
      await handOverMore(scene, environment);
      console.error(`failures: ${count} worker(s), failing and retrying`);
      const { bucket, ...failed } = await failAndRetry(scene, environment, count);
      await checkKept(scene, bucket, toFail);
      workers.push({ workers: count, kept, ...failed });
    }
    await tasks.deleteAll();
    const outage = await measureOutage(servers, sizes);
    return { changes, handedOver, counted, workers, outage };
  });
}

/** The engine does everything once that it will do. */
async function warmUp(scene: Scene): Promise<void> {
  const environment = 'bench-warm-up';
  await completeForms(scene, 'w0', 'bench_form');
  await handOverBacklog(scene, environment);
  await keepHandedOver(scene, environment, 1);
  await completeForms(scene, 'w1', 'bench_form_then_wait');
  await handOverMore(scene, environment);
  await failAndRetry(scene, environment, 1);
  await scene.tasks.deleteAll();
}

function environmentOf(repetition: number): string {
  return `bench-failures${repetition}`;
}

/** Forms that wait in the history; the keys of their objects. */
async function completeForms({ servers, changes }: Scene, name: string, processKey: ProcessKey): Promise<string[]> {
  console.error(`failures: completing ${changes} forms`);
  const stock = await servers.load.startStock(name, processKey, changes);
  await servers.load.completeAll(stock, LIVE_CLIENTS);
  return stock.map(({ businessKey }) => expectedKey(businessKey));
}

function startFeed({ servers, feedStart }: Scene, environment: string, settings: Record<string, string> = {}) {
  return startFormvault(servers, {
    name: `${environment}-feed`,
    environment,
    until: 'leading',
    settings: { ROLES: 'feed,web', DISPATCH: 'queue', FEED_START: feedStart, ...settings },
  });
}

async function countHandOver(scene: Scene): Promise<CountedPath[]> {
  const { servers, tasks } = scene;
  const environment = 'bench-failures0';
  await servers.createBucket(bucketOf(environment));
  const proxy = await startCountingProxy(servers.engine.url, servers.signal);
  try {
    const feed = await startFeed(scene, environment, { ENGINE_URL: proxy.url });
    try {
      await untilTasks(scene, tasks.tasks, scene.changes);
      return proxy.counted();
    } finally {
      await feed.stop();
    }
  } finally {
    proxy.close();
  }
}

/** Everything in the history, into an engine that has nothing of ours. */
async function handOverBacklog(scene: Scene, environment: string): Promise<Stage> {
  const { servers, changes } = scene;
  await servers.createBucket(bucketOf(environment));
  const feed = await startFeed(scene, environment);
  try {
    const stage = startStage(scene, [feed], feed.readySinceMs - performance.timeOrigin);
    const handedOver = async (): Promise<boolean> => {
      const metrics = await scrape(feed.url, servers.signal);
      return metrics.sum('formvault_changes_total', { outcome: 'handed_over' }) >= changes;
    };
    return stage.end(await until(scene, 'everything is handed over', handedOver));
  } finally {
    await feed.stop();
  }
}

/** Not measured: the feed reads again what it handed over before. */
async function handOverMore(scene: Scene, environment: string): Promise<void> {
  const feed = await startFeed(scene, environment);
  try {
    await untilTasks(scene, scene.tasks.tasks, scene.changes);
  } finally {
    await feed.stop();
  }
}

async function keepHandedOver(scene: Scene, environment: string, count: number): Promise<Stage> {
  return withWorkers(scene, environment, count, {}, async (goOn) => {
    const stage = await goOn();
    return stage.end(await untilTasks(scene, scene.tasks.tasks, 0));
  });
}

/** The bucket of the product is missing; then it is there, and everything gets another attempt. */
async function failAndRetry(scene: Scene, environment: string, count: number) {
  const { servers, tasks, changes } = scene;
  const product = `later${count}`;
  const bucket = bucketOf(environment, product);
  const settings = { DEFAULT_PRODUCT: product, STATE_BUCKET: bucketOf(environment), OUTAGE_LIMIT: '10000' };
  return withWorkers(scene, environment, count, settings, async (goOn, workers) => {
    const raising = await goOn();
    await untilTasks(scene, tasks.tasksWithoutRetries, changes);
    const raised = raising.end(await untilTasks(scene, tasks.incidents, 2 * changes));

    await servers.createBucket(bucket);
    const retrying = startStage(scene, workers);
    const askedMs = performance.now();
    await tasks.retryAll();
    const answeredMs = performance.now();
    const retried = retrying.end(await untilTasks(scene, tasks.tasks, 0), answeredMs);
    return { bucket, raised, retried, retryRequestSeconds: (answeredMs - askedMs) / 1000 };
  });
}

/** Workers that are ready, and tasks that are held back until `goOn`. */
async function withWorkers<T>(
  scene: Scene,
  environment: string,
  count: number,
  settings: Record<string, string>,
  work: (goOn: () => Promise<RunningStage>, workers: RunningFormvault[]) => Promise<T>,
): Promise<T> {
  const { servers, tasks } = scene;
  await tasks.hold();
  const starts = await Promise.allSettled(
    Array.from({ length: count }, (_, index) =>
      startFormvault(servers, {
        name: `${environment}-worker${index}`,
        environment,
        until: 'ready',
        settings: { ROLES: 'worker,web', LONG_POLL_MS: String(WORKER_LONG_POLL_MS), ...settings },
      }),
    ),
  );
  const workers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    const goOn = async (): Promise<RunningStage> => {
      const stage = startStage(scene, workers);
      await tasks.goOn();
      return stage;
    };
    return await work(goOn, workers);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

type RunningStage = { end(doneMs: number, sinceMs?: number): Stage };

/** Counts processor time from now on. */
function startStage(
  { servers, changes }: Scene,
  formvaults: RunningFormvault[],
  startedMs = performance.now(),
): RunningStage {
  const engineCpu = startCpuMeter(servers.engine.pid);
  const formvaultCpu: CpuMeter[] = formvaults.map(({ pid }) => startCpuMeter(pid));
  return {
    end(doneMs, sinceMs = startedMs) {
      return {
        perSecond: (changes / (doneMs - sinceMs)) * 1000,
        engineCpuMs: (engineCpu.seconds() * 1000) / changes,
        formvaultCpuMs: (formvaultCpu.reduce((sum, meter) => sum + meter.seconds(), 0) * 1000) / changes,
      };
    },
  };
}

async function checkKept({ servers }: Scene, bucket: string, keys: string[]): Promise<void> {
  const found = await servers.vault.listKeys(bucket);
  const missing = keys.filter((key) => !found.has(key)).length;
  if (missing > 0) throw new Error(`${missing} of ${keys.length} forms are missing in ${bucket}`);
}

function untilTasks(scene: Scene, count: () => Promise<number>, wanted: number): Promise<number> {
  return until(scene, `${wanted} in the engine`, async () => (await count()) === wanted);
}

function until({ servers: { signal } }: Scene, what: string, isSo: () => Promise<boolean>): Promise<number> {
  return untilSo(what, isSo, { withinMs: WITHIN_MS, everyMs: LOOK_EVERY_MS, signal });
}
