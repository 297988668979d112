/**
 * The engine completes forms as fast as it can, alone and with something that brings them into S3. Before and after each of
 * those stands a run of the engine alone, and the two are what it is compared with: the engine gets quicker for minutes,
 * and the machine may drift.
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
  /** The mean of the runs alone before and after; `null` for those. */
  alone: { completionsPerSecond: number; engineCpuMsPerForm: number } | null;
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
/** So short that what is read again while it is measured is as much as what is completed. */
const STEADY_SETTLE_SECONDS = '1';
const WITHIN_MS = 600_000;

export async function measureLive(sizes: Sizes, signal: AbortSignal): Promise<LiveRow[]> {
  const keepers = [
    formvault(),
    formvault({ FEED_SETTLE_SECONDS: STEADY_SETTLE_SECONDS }, STEADY),
    handWrittenWorker('tuned'),
    handWrittenWorker('defaults'),
  ];
  return withServers(signal, async (servers) => {
    const { completions, engineWarmUp } = sizes.live;
    console.error('live: warming up');
    await completeAlone(servers, 'warm-up', engineWarmUp);
    // What the engine does for each kind of keeper is warmed up as well; the same amount for both.
    for (const [index, keeper] of [formvault(), handWrittenWorker('tuned')].entries()) {
      await completeAndKeep(servers, `warm${index}`, keeper, sizes.live);
    }
    console.error(`live: ${ALONE}`);
    const rows = [await completeAlone(servers, 'alone', completions)];
    for (const [index, keeper] of keepers.entries()) {
      console.error(`live: ${keeper.name}`);
      const row = await completeAndKeep(servers, `live${index}`, keeper, sizes.live);
      console.error(`live: ${ALONE}`);
      const after = await completeAlone(servers, `alone${index}`, completions);
      rows.push({ ...row, alone: meanOf(rows.at(-1) ?? after, after) }, after);
    }
    return rows;
  });
}

function meanOf(before: LiveRow, after: LiveRow): LiveRow['alone'] {
  return {
    completionsPerSecond: (before.completionsPerSecond + after.completionsPerSecond) / 2,
    engineCpuMsPerForm: (before.engineCpuMsPerForm + after.engineCpuMsPerForm) / 2,
  };
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
    alone: null,
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
      alone: null,
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
