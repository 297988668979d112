/**
 * The engine completes forms as fast as it can, alone and with something that brings them into S3. The runs alone are
 * spread between the others, so that a drift of the machine or of the engine shows.
 */
import { formvault, handWrittenWorker, type Keeper } from './keepers.ts';
import { cpuSeconds, peakMemoryMb, startCpuMeter } from './process-usage.ts';
import { type Servers, withServers } from './servers.ts';
import { expectedKey } from './site-visit.ts';
import { LIVE_CLIENTS, type Sizes } from './sizes.ts';

export type LiveRow = {
  name: string;
  forms: number;
  completionsPerSecond: number;
  /** From the first completion until the last object can be read, or the last completion where nothing is kept. */
  engineCpuMsPerForm: number;
  kept: {
    formsPerSecond: number;
    cpuMsPerForm: number;
    peakMemoryMb: number;
    /** From the answer to the last completion until the last object can be read. */
    lagSeconds: number;
    objects: number;
  } | null;
};

export const ALONE = 'engine alone';
export const STEADY = 'Formvault, second reading included';
const STEADY_SETTLE_SECONDS = '5';
const WITHIN_MS = 600_000;

export async function measureLive(sizes: Sizes, signal: AbortSignal): Promise<LiveRow[]> {
  const keepers = [
    null,
    formvault(),
    null,
    formvault({ FEED_SETTLE_SECONDS: STEADY_SETTLE_SECONDS }, STEADY),
    handWrittenWorker('tuned'),
    null,
    handWrittenWorker('defaults'),
  ];
  return withServers(signal, async (servers) => {
    console.error('live: warming up');
    await completeAlone(servers, 'warm-up', sizes.live.completions);
    const rows: LiveRow[] = [];
    for (const [index, keeper] of keepers.entries()) {
      console.error(`live: ${keeper?.name ?? ALONE}`);
      const run = `live${index}`;
      rows.push(
        keeper === null
          ? await completeAlone(servers, run, sizes.live.completions)
          : await completeAndKeep(servers, run, keeper, sizes.live),
      );
    }
    return rows;
  });
}

async function completeAlone({ engine, load }: Servers, run: string, forms: number): Promise<LiveRow> {
  const tasks = await load.startStock(run, 'bench_form', forms);
  const engineCpu = startCpuMeter(engine.pid);
  const { startedMs, endedMs } = await load.completeAll(tasks, LIVE_CLIENTS);
  return {
    name: ALONE,
    forms,
    completionsPerSecond: (forms / (endedMs - startedMs)) * 1000,
    engineCpuMsPerForm: (engineCpu.seconds() * 1000) / forms,
    kept: null,
  };
}

async function completeAndKeep(
  servers: Servers,
  run: string,
  keeper: Keeper,
  { warmUp, completions: forms }: Sizes['live'],
): Promise<LiveRow> {
  const { engine, load, vault } = servers;
  const running = await keeper.start(run, servers);
  const keysOf = (tasks: { businessKey: string }[]) => tasks.map(({ businessKey }) => expectedKey(businessKey));
  try {
    const warmUpTasks = await load.startStock(`${run}w`, keeper.processKey, warmUp);
    await load.completeAll(warmUpTasks, LIVE_CLIENTS);
    await vault.untilAllReadable(running.bucket, keysOf(warmUpTasks), WITHIN_MS);

    const tasks = await load.startStock(run, keeper.processKey, forms);
    const engineCpu = startCpuMeter(engine.pid);
    const cpuBefore = cpuSeconds(running.pid);
    const { startedMs, endedMs } = await load.completeAll(tasks, LIVE_CLIENTS);
    const { doneMs } = await vault.untilAllReadable(running.bucket, keysOf(tasks), WITHIN_MS);
    const engineCpuMsPerForm = (engineCpu.seconds() * 1000) / forms;
    const cpuMsPerForm = ((cpuSeconds(running.pid) - cpuBefore) * 1000) / forms;
    const found = await vault.listKeys(running.bucket);
    return {
      name: keeper.name,
      forms,
      completionsPerSecond: (forms / (endedMs - startedMs)) * 1000,
      engineCpuMsPerForm,
      kept: {
        formsPerSecond: (forms / (doneMs - startedMs)) * 1000,
        cpuMsPerForm,
        peakMemoryMb: peakMemoryMb(running.pid),
        lagSeconds: Math.max(0, doneMs - endedMs) / 1000,
        objects: keysOf(tasks).filter((key) => found.has(key)).length,
      },
    };
  } finally {
    await running.stop();
  }
}
