/**
 * From the answer to `POST /task/{id}/complete` until the object can be read. Arrivals are open-loop (a Poisson process, the same for
 * every row): people do not wait for each other, so a slow stretch counts for everyone who meets it.
 */
import { pause } from '../src/time/pause.ts';
import type { OpenTask } from './engine-load.ts';
import { formvault, formvaultWithCases, handWrittenWorker, type Keeper, type RunningKeeper } from './keepers.ts';
import { startCpuMeter } from './process-usage.ts';
import { type Servers, withServers } from './servers.ts';
import { conventionVariables, expectedKey, plainVariables } from './site-visit.ts';
import { LIVE_CLIENTS, RATES, type Sizes } from './sizes.ts';
import { percentile, poissonGaps } from './statistics.ts';

export type FormKind = 'convention' | 'task';

export type LatencyRow = {
  keeper: string;
  kind: FormKind;
  perSecond: number;
  forms: number;
  missing: number;
  p50: number;
  p95: number;
  p99: number;
  most: number;
  /** The engine's own answer, in the middle. */
  completionP50: number;
  looksPerSecond: number;
  /** Processor time of the measuring programme, as a share of one core. */
  measuringShare: number;
};

type Sample = { latencyMs: number | null; completionMs: number };

const WITHIN_MS = 30_000;
const SEED = 20_260_115;

export async function measureLatency(sizes: Sizes, signal: AbortSignal): Promise<LatencyRow[]> {
  return withServers(signal, async (servers) => {
    const rows: LatencyRow[] = [];
    await keepWith(formvault(), 'latency0', sizes, servers, async (running) => {
      for (const kind of ['convention', 'task'] as const) {
        for (const rate of ['few', 'many'] as const) rows.push(await measureRow(servers, running, kind, rate, sizes));
      }
    });
    await keepWith(formvaultWithCases(), 'latency1', sizes, servers, async (running) => {
      rows.push(await measureRow(servers, running, 'convention', 'many', sizes));
    });
    await keepWith(handWrittenWorker('tuned'), 'latency2', sizes, servers, async (running) => {
      rows.push(await measureRow(servers, running, 'convention', 'many', sizes));
    });
    await keepWith(handWrittenWorker('defaults'), 'latency3', sizes, servers, async (running) => {
      rows.push(await measureRow(servers, running, 'convention', 'many', sizes));
    });
    return rows;
  });
}

/** Runs the keeper, lets it and the engine warm up, and measures. */
async function keepWith(
  keeper: Keeper,
  run: string,
  sizes: Sizes,
  servers: Servers,
  measure: (running: RunningKeeper) => Promise<void>,
): Promise<void> {
  const running = await keeper.start(run, servers);
  try {
    const tasks = await servers.load.startStock(`warm-up-${run}`, keeper.processKey, sizes.latency.warmUp);
    await servers.load.completeAll(tasks, LIVE_CLIENTS);
    const keys = tasks.map(({ businessKey }) => expectedKey(businessKey));
    await servers.vault.untilAllReadable(running.bucket, keys, 10 * WITHIN_MS);
    await measure(running);
  } finally {
    await running.stop();
  }
}

async function measureRow(
  servers: Servers,
  running: RunningKeeper,
  kind: FormKind,
  rate: keyof typeof RATES,
  sizes: Sizes,
): Promise<LatencyRow> {
  const { name, processKey } = running.keeper;
  const perSecond = RATES[rate];
  const forms = perSecond * sizes.latency.seconds[rate];
  console.error(`latency: ${name}, ${kind}, ${forms} forms at ${perSecond} a second`);
  const stock = await servers.load.startStock(`${running.bucket}-${kind}-${rate}`, processKey, forms);
  return { keeper: name, kind, perSecond, forms, ...(await measureArrivals(servers, running, kind, perSecond, stock)) };
}

async function measureArrivals(
  { load, vault, signal }: Servers,
  { bucket }: RunningKeeper,
  kind: FormKind,
  perSecond: number,
  stock: OpenTask[],
): Promise<Omit<LatencyRow, 'keeper' | 'kind' | 'perSecond' | 'forms'>> {
  const measuring = startCpuMeter(process.pid);
  const looksBefore = vault.looks();
  const startedMs = performance.now();

  async function submit(task: OpenTask): Promise<Sample> {
    const sentMs = performance.now();
    const answeredMs = await load.complete(task, kind === 'convention' ? conventionVariables : plainVariables);
    const readableMs =
      kind === 'convention'
        ? await vault.untilReadable(bucket, expectedKey(task.businessKey), WITHIN_MS)
        : await vault.untilReadableBelow(bucket, `${task.businessKey}/`, WITHIN_MS);
    return {
      latencyMs: readableMs === null ? null : Math.max(0, readableMs - answeredMs),
      completionMs: answeredMs - sentMs,
    };
  }

  const gaps = poissonGaps(perSecond, SEED);
  const submitted: Promise<Sample>[] = [];
  let dueMs = startedMs;
  for (const task of stock) {
    dueMs += gaps.next().value;
    await pause(Math.max(0, dueMs - performance.now()), signal);
    signal.throwIfAborted();
    const sample = submit(task);
    sample.catch(() => undefined); // thrown below
    submitted.push(sample);
  }
  const samples = await Promise.all(submitted);
  const seconds = (performance.now() - startedMs) / 1000;
  const latencies = samples.flatMap(({ latencyMs }) => latencyMs ?? []);
  return {
    missing: samples.length - latencies.length,
    p50: percentile(latencies, 50),
    p95: percentile(latencies, 95),
    p99: percentile(latencies, 99),
    most: percentile(latencies, 100),
    completionP50: percentile(
      samples.map(({ completionMs }) => completionMs),
      50,
    ),
    looksPerSecond: (vault.looks() - looksBefore) / seconds,
    measuringShare: measuring.seconds() / seconds,
  };
}
