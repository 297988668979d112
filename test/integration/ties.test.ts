import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createEngineHistory, type EngineHistory } from '../../src/engine/engine-history.ts';
import { readAllRows } from '../../src/engine/read-window.ts';
import { createFeedStatus } from '../../src/feed/feed-status.ts';
import { leadFeed } from '../../src/feed/lead-feed.ts';
import { createPositionStore } from '../../src/feed/position-store.ts';
import { createHttpClient, type HttpClient } from '../../src/http/http-client.ts';
import { createMemoryObjectStore } from '../../src/object-store/memory-object-store.ts';
import { createLog } from '../../src/observability/log.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { createEngineClock, type EngineClock } from '../../src/time/engine-clock.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitVariable } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

const INSTANCES = 10;
const TIED_ROWS = 10;
const PAGE = { first: 2, most: 2 };

const waiting = aProcess({ steps: [{ message: 'never' }] });
const never = new AbortController().signal;

let world: World;
let http: HttpClient;
let clock: EngineClock;
let history: EngineHistory;
beforeAll(async () => {
  world = createWorld();
  await world.engine.deploy(waiting.files);
  const codes = { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' } as const;
  const { engineUrl } = testServers();
  http = createHttpClient({ baseUrl: engineUrl, auth: { kind: 'none' }, timeoutMs: 30_000, codes, maxSockets: 4 });
  clock = createEngineClock();
  history = createEngineHistory(http, clock);
});
afterAll(async () => {
  http.close();
  await world.end();
});

type WrittenRow = { id: string; timeMs: number };

/** Ten variables of one instance in one transaction, whose time stamps mostly fall into the same millisecond or two. */
async function writeTies(): Promise<WrittenRow[]> {
  const { id } = await world.engine.start(waiting.id, { businessKey: world.newCase() });
  const names = Array.from({ length: TIED_ROWS }, (_, i) => `visit_${i}`);
  const modifications = Object.fromEntries(names.map((name) => [name, siteVisitVariable(name)]));
  await world.engine.http.post(`/process-instance/${id}/variables`, { modifications });
  const params = { processInstanceId: id, variableUpdates: true, deserializeValues: false };
  const { data } = await world.engine.http.get<{ id: string; time: string }[]>('/history/detail', { params });
  return data.map((row) => ({ id: `detail/${row.id}`, timeMs: Date.parse(row.time) }));
}

async function writeTiesInInstances(count: number): Promise<WrittenRow[]> {
  const rows: WrittenRow[] = [];
  for (let i = 0; i < count; i++) rows.push(...(await writeTies()));
  return rows;
}

/** Instants with more rows than a page holds. */
function countTiesBeyondAPage(rows: WrittenRow[]): number {
  const sizes = new Map<number, number>();
  for (const { timeMs } of rows) sizes.set(timeMs, (sizes.get(timeMs) ?? 0) + 1);
  return [...sizes.values()].filter((size) => size > PAGE.most).length;
}

const idsOf = (rows: { id: string }[]): string[] => rows.map(({ id }) => id).sort();

test('F3, F4: a window full of ties is read in pages of two without a row too few or too many', async () => {
  const written = await writeTiesInInstances(INSTANCES);
  expect(countTiesBeyondAPage(written)).toBeGreaterThanOrEqual(INSTANCES);

  const times = written.map(({ timeMs }) => timeMs);
  const window = { fromMs: Math.min(...times), toMs: Math.max(...times) };
  const rows = await readAllRows(history.readVariableChanges, window, { rows: PAGE.first, most: PAGE.most }, never);

  expect(idsOf(rows)).toEqual(idsOf(written));
  expect(rows.map(({ timeMs }) => timeMs)).toEqual([...times].sort((a, b) => a - b));
});

test('F3, F4: a feed that reads pages of two submits each of the tied changes once while they are written', async () => {
  const submitted: string[] = [];
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
  const { id } = await world.engine.start(waiting.id);
  const { data } = await world.engine.http.get<{ startTime: string }>(`/history/process-instance/${id}`);
  const stop = new AbortController();
  const leading = leadFeed(
    {
      variableUpdates: { readPage: history.readVariableChanges, count: history.countVariableChanges },
      finishedTasks: { readPage: history.readTaskChanges, count: history.countTaskChanges },
      positionStore: createPositionStore(createMemoryObjectStore('state'), { bucket: 'state', leaseSeconds: 15 }),
      pipeline,
      clock,
      firstPositionMs: async () => Date.parse(data.startTime),
      settleSeconds: 2,
      pollMs: 50,
      leaseSeconds: 15,
      pageRows: PAGE,
      status: createFeedStatus(),
      log: createLog({ level: 'silent' }),
    },
    { stop: stop.signal, abort: never },
  );
  try {
    const written = await writeTiesInInstances(INSTANCES);
    expect(countTiesBeyondAPage(written)).toBeGreaterThanOrEqual(INSTANCES);
    const own = new Set(idsOf(written));
    await eventually(() => expect(submitted.filter((ref) => own.has(ref)).sort()).toEqual([...own]));

    const [marker] = await writeTies();
    await eventually(() => expect(submitted).toContain(marker?.id));
    expect(submitted.filter((ref) => own.has(ref)).sort()).toEqual([...own]);
  } finally {
    stop.abort();
    await leading;
  }
});
