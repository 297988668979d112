/** Many changes with one time stamp, read in pages of two. */
import { expect } from '@jest/globals';
import type { EngineCalls } from '../../dev/clients/engine-calls.ts';
import { createEngineHistory, type EngineHistory } from '../../src/engine/engine-history.ts';
import { readAllRows } from '../../src/engine/read-window.ts';
import { createFeedStatus } from '../../src/feed/feed-status.ts';
import { leadFeed } from '../../src/feed/lead-feed.ts';
import { createPositionStore } from '../../src/feed/position-store.ts';
import { createMemoryObjectStore } from '../../src/object-store/memory-object-store.ts';
import { createLog } from '../../src/observability/log.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { createEngineClock, type EngineClock } from '../../src/time/engine-clock.ts';
import { readEngineTime } from './engine-history.ts';
import { engineHttp } from './engine-http.ts';
import { eventually } from './eventually.ts';
import { siteVisitVariable } from './site-visit.ts';

const PAGE = { first: 2, most: 2 };
const INSTANCES = 10;
const TIED_ROWS = 10;
const never = new AbortController().signal;

type WrittenRow = { id: string; timeMs: number };

/** The history of an engine as the feed reads it, without a Formvault around it. */
export type HistoryReader = { engine: EngineCalls; history: EngineHistory; clock: EngineClock; close(): void };

export function createHistoryReader(engine: EngineCalls): HistoryReader {
  const baseUrl = engine.http.defaults.baseURL ?? '';
  const http = engineHttp({ baseUrl });
  const clock = createEngineClock();
  return { engine, history: createEngineHistory(http, clock), clock, close: () => http.close() };
}

/** Writes ties into instances of a process and reads their window. */
export async function expectTiesAreReadOnce({ engine, history }: HistoryReader, processKey: string): Promise<void> {
  const written = await writeTies(engine, processKey, INSTANCES);
  expect(countTiesBeyondAPage(written)).toBeGreaterThanOrEqual(INSTANCES);

  const times = written.map(({ timeMs }) => timeMs);
  const window = { fromMs: Math.min(...times), toMs: Math.max(...times) };
  const rows = await readAllRows(history.readVariableChanges, window, { rows: PAGE.first, most: PAGE.most }, never);

  expect(idsOf(rows)).toEqual(idsOf(written));
  expect(rows.map(({ timeMs }) => timeMs)).toEqual([...times].sort((a, b) => a - b));
}

/** Follows the history while ties are written into instances of a process. */
export async function expectTiesAreSubmittedOnce(reader: HistoryReader, processKey: string): Promise<void> {
  const { engine } = reader;
  const submitted: string[] = [];
  const leading = leadInSmallPages(reader, Date.parse(await readEngineTime(engine)), submitted);
  try {
    const written = await writeTies(engine, processKey, INSTANCES);
    expect(countTiesBeyondAPage(written)).toBeGreaterThanOrEqual(INSTANCES);
    const own = new Set(idsOf(written));
    await eventually(() => expect(submitted.filter((ref) => own.has(ref)).sort()).toEqual([...own]));

    const [marker] = await writeTies(engine, processKey, 1);
    await eventually(() => expect(submitted).toContain(marker?.id));
    expect(submitted.filter((ref) => own.has(ref)).sort()).toEqual([...own]);
  } finally {
    await leading.stop();
  }
}

/** In each of the instances ten variables in one transaction, whose time stamps mostly fall into the same millisecond or two. */
async function writeTies(engine: EngineCalls, processKey: string, instances: number): Promise<WrittenRow[]> {
  const rows: WrittenRow[] = [];
  const names = Array.from({ length: TIED_ROWS }, (_, i) => `visit_${i}`);
  const modifications = Object.fromEntries(names.map((name) => [name, siteVisitVariable(name)]));
  for (let i = 0; i < instances; i++) {
    const { id } = await engine.start(processKey);
    await engine.http.post(`/process-instance/${id}/variables`, { modifications });
    const params = { processInstanceId: id, variableUpdates: true, deserializeValues: false };
    const { data } = await engine.http.get<{ id: string; time: string }[]>('/history/detail', { params });
    rows.push(...data.map((row) => ({ id: `detail/${row.id}`, timeMs: Date.parse(row.time) })));
  }
  return rows;
}

/** Instants with more rows than a page holds. */
function countTiesBeyondAPage(rows: WrittenRow[]): number {
  const sizes = new Map<number, number>();
  for (const { timeMs } of rows) sizes.set(timeMs, (sizes.get(timeMs) ?? 0) + 1);
  return [...sizes.values()].filter((size) => size > PAGE.most).length;
}

const idsOf = (rows: { id: string }[]): string[] => rows.map(({ id }) => id).sort();

/** `submitted` grows by what the feed submits. */
function leadInSmallPages({ history, clock }: HistoryReader, firstPositionMs: number, submitted: string[]) {
  const pipeline: Pipeline = {
    async submit(changes, finish) {
      for (const change of changes) {
        submitted.push(change.ref);
        finish(change);
      }
    },
    handOverSuspect() {},
    inFlight: () => 0,
    drain: async () => undefined,
  };
  const stop = new AbortController();
  const leading = leadFeed(
    {
      variableUpdates: { readPage: history.readVariableChanges, count: history.countVariableChanges },
      finishedTasks: { readPage: history.readTaskChanges, count: history.countTaskChanges },
      positionStore: createPositionStore(createMemoryObjectStore('state'), { bucket: 'state', leaseSeconds: 15 }),
      pipeline,
      clock,
      firstPositionMs: async () => firstPositionMs,
      settleSeconds: 2,
      pollMs: 50,
      leaseSeconds: 15,
      pageRows: PAGE,
      status: createFeedStatus(),
      log: createLog({ level: 'silent' }),
    },
    { stop: stop.signal, abort: never },
  );
  return {
    async stop(): Promise<void> {
      stop.abort();
      await leading;
    },
  };
}
