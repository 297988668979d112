/**
 * The engine completes forms as fast as it can, alone and with something that brings them into S3.
 *
 * People and keeper ask it on two ports with threads of their own, so that what it does for each can be told apart, also where the
 * machine drifts.
 *
 * An engine gets quicker for minutes and slower again as its history grows, and the machine drifts: so the runs are short, those
 * alone and those of each keeper take turns for several rounds, each run with a keeper is compared with the two alone that stand
 * around it, and the middle of the rounds counts.
 *
 * Whatever shares its cores makes an engine's work take more processor time, also what asks nothing of it. So what being read
 * costs is measured with a core for the engine alone and the other ones for everything else, as in a second set of rounds. A
 * database that is a process of its own belongs to everything else: it has its own machine more often than not.
 */
import { ENGINE_THREADS, type EngineDatabase } from '../dev/servers/engine.ts';
import { createS3ObjectStore } from '../src/object-store/s3-object-store.ts';
import { giveOwnCore } from './cores.ts';
import { bucketOf } from './formvault-process.ts';
import { controlWriter, formvault, handWrittenWorker, type Keeper } from './keepers.ts';
import {
  type CpuMeter,
  cpuSeconds,
  cpuSecondsOfFamily,
  peakMemoryMb,
  startCpuMeter,
  startThreadMeter,
} from './process-usage.ts';
import { type Servers, withServers } from './servers.ts';
import { expectedKey } from './site-visit.ts';
import { LIVE_CLIENTS, LIVE_HEAP_MB, type Sizes } from './sizes.ts';
import { median } from './statistics.ts';

/** Middle of the rounds; `rounds` holds each. */
export type LiveRow = {
  name: string;
  forms: number;
  completionsPerSecond: number;
  /** From the first completion until the last object can be read, or the last completion where nothing is kept. */
  engineCpuMsPerForm: number;
  /** In the same time, all processes of the engine's database; `null` where it lies in the engine itself. */
  databaseCpuMsPerForm: number | null;
  /**
   * Of the engine alone around it, as a factor for each round; empty for the engine alone. `asked`: what the engine does for the
   * keeper, of what it does to complete the forms at the same time.
   */
  rounds: { completions: number; engineCpu: number; asked: number }[];
  /** Of it, the threads that complete the forms; those that answer the keeper. Others collect garbage and compile. */
  completingCpuMsPerForm: number;
  askedCpuMsPerForm: number;
  kept: {
    formsPerSecond: number;
    cpuMsPerForm: number;
    peakMemoryMb: number;
    /** From the answer to the last completion until the last object can be read; the longest of the rounds. */
    lagSeconds: number;
    objects: number;
  } | null;
};

export type LiveResult = {
  /** Everything shares all cores. */
  shared: LiveRow[];
  /** The engine has a core of its own; `null` where that could not be arranged. */
  apart: LiveRow[] | null;
};

type Run = Omit<LiveRow, 'name' | 'rounds'>;
type Competitor = { keeper: Keeper; share: number; runs: Run[]; rounds: LiveRow['rounds'] };

export const ALONE = 'engine alone';
export const STEADY = 'Formvault, second reading included';
/** So short that what is read again while it is measured is as much as what is completed. */
const STEADY_SETTLE_SECONDS = '1';
/** The worker with the client's defaults keeps a tenth of what the others do: its run is a fifth as long. */
const SLOW_SHARE = 0.2;
const WITHIN_MS = 600_000;

export async function measureLive(sizes: Sizes, database: EngineDatabase, signal: AbortSignal): Promise<LiveResult> {
  return withServers(
    signal,
    async (servers) => {
      const { engineWarmUp, warmUp, shared: sharing, apart } = sizes.live;
      console.error(`live, ${database}: warming up`);
      await completeAlone(servers, 'warm-up', engineWarmUp);
      // What the engine does for each kind of keeper is warmed up as well; the same amount for both.
      for (const [index, keeper] of [formvault(), handWrittenWorker('tuned')].entries()) {
        await completeAndKeep(servers, `warm${index}`, keeper, warmUp, sharing.completions);
      }
      const example = await readExample(servers, bucketOf('bench-warm0'));
      const readers = () => {
        const ours = compete(formvault());
        const steady = compete(formvault({ FEED_SETTLE_SECONDS: STEADY_SETTLE_SECONDS }, STEADY));
        const control = controlWriter(example, () => ours.runs.at(-1)?.kept?.cpuMsPerForm ?? 0);
        return [ours, steady, compete(control)];
      };
      const workers = [compete(handWrittenWorker('tuned')), compete(handWrittenWorker('defaults'), SLOW_SHARE)];
      const shared = await takeTurns('s', servers, [...readers(), ...workers], sharing, warmUp);
      const { engine, s3 } = servers;
      const rest = [s3.pid, process.pid, ...(engine.database === null ? [] : [engine.database.pid])];
      const undo = await giveOwnCore(engine.pid, rest);
      if (undo === null) return { shared, apart: null };
      try {
        console.error('live: the engine has a core of its own now');
        return { shared, apart: await takeTurns('a', servers, readers(), apart, warmUp) };
      } finally {
        await undo();
      }
    },
    { heapMb: LIVE_HEAP_MB, database, secondPort: true },
  );
}

function compete(keeper: Keeper, share = 1): Competitor {
  return { keeper, share, runs: [], rounds: [] };
}

async function takeTurns(
  name: string,
  servers: Servers,
  competitors: Competitor[],
  { completions, rounds }: Sizes['live']['shared'],
  warmUp: number,
): Promise<LiveRow[]> {
  let before = await completeAlone(servers, `${name}alone`, completions);
  const alone = [before];
  for (let round = 0; round < rounds; round++) {
    for (const [index, { keeper, share, runs, rounds: compared }] of competitors.entries()) {
      const turn = `${name}${round}k${index}`;
      const run = await completeAndKeep(servers, turn, keeper, warmUp, Math.round(completions * share));
      const after = await completeAlone(servers, `${turn}alone`, completions);
      const factors = {
        completions: (run.completionsPerSecond / (before.completionsPerSecond + after.completionsPerSecond)) * 2,
        engineCpu: (run.engineCpuMsPerForm / (before.engineCpuMsPerForm + after.engineCpuMsPerForm)) * 2,
        asked: run.askedCpuMsPerForm / run.completingCpuMsPerForm,
      };
      runs.push(run);
      compared.push(factors);
      alone.push(after);
      console.error(
        `live: round ${round + 1} of ${rounds}, ${keeper.name}: engine CPU ms a form ${describeCpu(run)}; alone before ${describeCpu(before)}, after ${describeCpu(after)}`,
      );
      before = after;
    }
  }
  return [
    middleOf(ALONE, alone, []),
    ...competitors.map(({ keeper, runs, rounds: compared }) => middleOf(keeper.name, runs, compared)),
  ];
}

function describeCpu(run: Run): string {
  const { engineCpuMsPerForm: all, completingCpuMsPerForm: completing, askedCpuMsPerForm: asked } = run;
  return `${all.toFixed(2)} (completing ${completing.toFixed(2)}, asked ${asked.toFixed(2)})`;
}

function middleOf(name: string, runs: Run[], rounds: LiveRow['rounds']): LiveRow {
  const middle = (value: (run: Run) => number): number => median(runs.map(value));
  const databaseCpus = runs.flatMap((run) => run.databaseCpuMsPerForm ?? []);
  const kept = runs.flatMap((run) => run.kept ?? []);
  return {
    name,
    forms: runs.reduce((sum, { forms }) => sum + forms, 0),
    completionsPerSecond: middle((run) => run.completionsPerSecond),
    engineCpuMsPerForm: middle((run) => run.engineCpuMsPerForm),
    completingCpuMsPerForm: middle((run) => run.completingCpuMsPerForm),
    askedCpuMsPerForm: middle((run) => run.askedCpuMsPerForm),
    databaseCpuMsPerForm: databaseCpus.length === 0 ? null : median(databaseCpus),
    rounds,
    kept:
      kept.length === 0
        ? null
        : {
            formsPerSecond: median(kept.map((each) => each.formsPerSecond)),
            cpuMsPerForm: median(kept.map((each) => each.cpuMsPerForm)),
            peakMemoryMb: Math.max(...kept.map((each) => each.peakMemoryMb)),
            lagSeconds: Math.max(...kept.map((each) => each.lagSeconds)),
            objects: kept.reduce((sum, { objects }) => sum + objects, 0),
          },
  };
}

/** An object as Formvault writes it. */
async function readExample({ s3, vault, signal }: Servers, bucket: string) {
  const store = createS3ObjectStore({ ...s3, forcePathStyle: true, maxConnections: 1 }, { credentials: s3 });
  try {
    const key = [...(await vault.listKeys(bucket))].find((each) => each.endsWith('.json') && !each.startsWith('.'));
    const example = await store.get(bucket, key ?? '', signal);
    if (example === null) throw new Error('there is no object to take as an example');
    return example;
  } finally {
    store.close();
  }
}

async function completeAlone({ engine, load }: Servers, run: string, forms: number): Promise<Run> {
  const tasks = await load.startStock(run, 'bench_form', forms);
  const readEngineCpu = startEngineMeters(engine);
  const { startedMs, endedMs } = await load.completeAll(tasks, LIVE_CLIENTS);
  return {
    forms,
    completionsPerSecond: (forms / (endedMs - startedMs)) * 1000,
    ...readEngineCpu(forms),
    kept: null,
  };
}

async function completeAndKeep(
  servers: Servers,
  run: string,
  keeper: Keeper,
  warmUp: number,
  forms: number,
): Promise<Run> {
  const { engine, load, vault } = servers;
  const running = await keeper.start(run, servers);
  const keysOf = (tasks: { businessKey: string }[]) => tasks.map(({ businessKey }) => expectedKey(businessKey));
  try {
    const warmUpTasks = await load.startStock(`${run}w`, keeper.processKey, warmUp);
    await load.completeAll(warmUpTasks, LIVE_CLIENTS, running.onCompleted);
    await vault.untilAllReadable(running.bucket, keysOf(warmUpTasks), WITHIN_MS);

    const tasks = await load.startStock(run, keeper.processKey, forms);
    const readEngineCpu = startEngineMeters(engine);
    const cpuBefore = cpuSeconds(running.pid);
    const { startedMs, endedMs } = await load.completeAll(tasks, LIVE_CLIENTS, running.onCompleted);
    const { doneMs } = await vault.untilAllReadable(running.bucket, keysOf(tasks), WITHIN_MS);
    const engineCpu = readEngineCpu(forms);
    const cpuMsPerForm = ((cpuSeconds(running.pid) - cpuBefore) * 1000) / forms;
    const found = await vault.listKeys(running.bucket);
    return {
      forms,
      completionsPerSecond: (forms / (endedMs - startedMs)) * 1000,
      ...engineCpu,
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

type EngineCpu = Pick<
  Run,
  'engineCpuMsPerForm' | 'completingCpuMsPerForm' | 'askedCpuMsPerForm' | 'databaseCpuMsPerForm'
>;

/** Of the engine and of its database, from now on; ms a form when they are read. */
function startEngineMeters({ pid, database }: Servers['engine']): (forms: number) => EngineCpu {
  const engine = startCpuMeter(pid);
  const completing = startThreadMeter(pid, ENGINE_THREADS.ofPort);
  const asked = startThreadMeter(pid, ENGINE_THREADS.ofSecondPort);
  const ofDatabase = database === null ? null : startCpuMeter(database.pid, cpuSecondsOfFamily);
  return (forms) => {
    const msPerForm = (meter: CpuMeter): number => (meter.seconds() * 1000) / forms;
    return {
      engineCpuMsPerForm: msPerForm(engine),
      completingCpuMsPerForm: msPerForm(completing),
      askedCpuMsPerForm: msPerForm(asked),
      databaseCpuMsPerForm: ofDatabase === null ? null : msPerForm(ofDatabase),
    };
  };
}
