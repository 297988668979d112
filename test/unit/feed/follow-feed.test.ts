import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { createFeedTrack } from '../../../src/feed/feed-track.ts';
import type { Change, TaskChange, VariableChange } from '../../../src/submission/change.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aTaskRow, aVariableRow, createSimulatedFeed, type HistoryRow } from '../../support/builders-feed.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { followFeed } = await import('../../../src/feed/follow-feed.ts');

const SETTLE_MS = 300_000;
/** What turns more often turns without a pause. */
const MOST_TURNS = 20_000;
const stops: AbortController[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

type World = {
  variables?: HistoryRow<VariableChange>[];
  tasks?: HistoryRow<TaskChange>[];
  startMs?: number;
  pageRows?: number;
};

/** A leader that follows two feeds in virtual time and finishes at once what it is handed. */
function follow(
  { variables = [], tasks = [], startMs = NOON_MS, pageRows = 20 }: World,
  submit?: (changes: Change[]) => Promise<void>,
) {
  time = createVirtualTime(startMs);
  const variableFeed = createSimulatedFeed(variables, time.nowMs);
  const taskFeed = createSimulatedFeed(tasks, time.nowMs);
  const handed: { ref: string; atMs: number }[] = [];
  const reports: string[] = [];

  function begin(positions: { variableUpdates: number; finishedTasks: number }) {
    const stop = new AbortController();
    stops.push(stop);
    let turns = 0;
    const pageSize = () => ({ rows: pageRows, most: pageRows });
    const tracks = {
      variableUpdates: createFeedTrack(variableFeed.source, {
        startMs: positions.variableUpdates,
        settleMs: SETTLE_MS,
        pageSize: pageSize(),
      }),
      finishedTasks: createFeedTrack(taskFeed.source, {
        startMs: positions.finishedTasks,
        settleMs: SETTLE_MS,
        pageSize: pageSize(),
      }),
    };
    const ended = followFeed(
      tracks,
      {
        clock: { nowMs: time.nowMs, observe() {} },
        pollMs: 250,
        nowMs: time.nowMs,
        async submit(changes) {
          handed.push(...changes.map(({ ref }) => ({ ref, atMs: time.nowMs() })));
          await submit?.(changes);
          for (const { kind, ref } of changes) {
            (kind === 'variable' ? tracks.variableUpdates : tracks.finishedTasks).finish(ref);
          }
        },
        onFailure: (_error, failures) => reports.push(`failure ${failures}`),
        onRecovery: (failures) => reports.push(`recovery after ${failures}`),
        onTurn() {
          if (++turns > MOST_TURNS) stop.abort();
        },
      },
      stop.signal,
    );
    return { tracks, stop, ended };
  }

  return {
    ...begin({ variableUpdates: startMs, finishedTasks: startMs }),
    begin,
    variableFeed,
    taskFeed,
    handed,
    reports,
  };
}

const refsOf = (rows: { ref: string }[]): string[] => rows.map(({ ref }) => ref).sort();
const idsOf = (...rows: { id: string }[][]): string[] =>
  rows
    .flat()
    .map(({ id }) => id)
    .sort();

const moments = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: 60_000 }),
    lateMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: SETTLE_MS - 1_000 })),
  }),
  { maxLength: 60 },
);

describe('following the feeds', () => {
  test('F2: hands out every row once, soon after its commit, however late that is', async () => {
    await fc.assert(
      fc.asyncProperty(moments, moments, async (ofVariables, ofTasks) => {
        const variables = ofVariables.map(({ atMs, lateMs }, each) =>
          aVariableRow(`v${each}`, NOON_MS + 500 + atMs, lateMs),
        );
        const tasks = ofTasks.map(({ atMs, lateMs }, each) => aTaskRow(`t${each}`, NOON_MS + 500 + atMs, lateMs));
        const { handed, tracks, stop } = follow({ variables, tasks });
        await time.runUntil(NOON_MS + 60_000 + 2 * SETTLE_MS);
        stop.abort();
        expect(refsOf(handed)).toEqual(idsOf(variables, tasks));
        const rows = new Map([...variables, ...tasks].map((row) => [row.id, row]));
        for (const { ref, atMs } of handed) {
          const { timeMs = 0, commitMs = 0 } = rows.get(ref) ?? {};
          expect(atMs - commitMs).toBeLessThanOrEqual(commitMs - timeMs <= 30_000 ? 2_000 : 15_000);
        }
        expect(tracks.variableUpdates.positionMs()).toBeGreaterThan(NOON_MS + 60_000);
        expect(tracks.finishedTasks.positionMs()).toBeGreaterThan(NOON_MS + 60_000);
      }),
      { numRuns: 25 },
    );
  });

  test('F1: a start anew from the saved positions, at any moment, loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        moments,
        fc.array(fc.integer({ min: 0, max: 120_000 }), { maxLength: 6 }),
        async (rows, lives) => {
          const variables = rows.map(({ atMs, lateMs }, each) => aVariableRow(`v${each}`, NOON_MS + atMs, lateMs));
          const tasks = rows.map(({ atMs, lateMs }, each) => aTaskRow(`t${each}`, NOON_MS + atMs, lateMs));
          const world = follow({ variables, tasks });
          let leader: ReturnType<typeof world.begin> = world;
          for (const lifeMs of lives) {
            await time.runUntil(time.nowMs() + lifeMs);
            leader.stop.abort();
            await leader.ended;
            const { variableUpdates, finishedTasks } = leader.tracks;
            leader = world.begin({
              variableUpdates: variableUpdates.positionMs(),
              finishedTasks: finishedTasks.positionMs(),
            });
          }
          await time.runUntil(Math.max(time.nowMs(), NOON_MS + 60_000) + 2 * SETTLE_MS);
          leader.stop.abort();
          expect([...new Set(refsOf(world.handed))]).toEqual(idsOf(variables, tasks));
        },
      ),
      { numRuns: 25 },
    );
  });

  test('F7: tasks never run ahead of the variable updates', async () => {
    const variables = Array.from({ length: 300 }, (_, each) => aVariableRow(`v${each}`, NOON_MS + each * 10));
    const tasks = Array.from({ length: 300 }, (_, each) => aTaskRow(`t${each}`, NOON_MS + each * 10 + 1));
    const { handed } = follow({ variables, tasks, startMs: NOON_MS });
    await time.runUntil(NOON_MS + 60_000);
    const order = handed.map(({ ref }) => ref);
    for (const at of tasks.keys()) expect(order.indexOf(`detail/v${at}`)).toBeLessThan(order.indexOf(`task/t${at}`));
  });

  test('F8: asks the engine at most twice a second while nothing happens', async () => {
    const { variableFeed, taskFeed } = follow({});
    await time.runUntil(NOON_MS + 600_000);
    const asked = [...variableFeed.requests, ...taskFeed.requests].filter(({ atMs }) => atMs >= NOON_MS + 60_000);
    expect(asked.length).toBeLessThanOrEqual(2 * 540);
    expect(asked.filter(({ kind }) => kind === 'count').length).toBeGreaterThan(540);
  });

  test('F8: reads a row at most three times while commits come in time', async () => {
    const variables = Array.from({ length: 600 }, (_, each) =>
      aVariableRow(`v${each}`, NOON_MS + 500 + each * 97, (each % 3) * 10),
    );
    const { variableFeed } = follow({ variables });
    await time.runUntil(NOON_MS + 60_000 + 2 * SETTLE_MS);
    const times = [...variableFeed.reads.values()];
    expect(times).toHaveLength(600);
    expect(times.reduce((sum, count) => sum + count, 0) / 600).toBeLessThanOrEqual(3);
  });

  test('F8: asks less often the more there is: hardly twice a second at 300 forms a second, and reads few rows twice', async () => {
    const forms = Array.from({ length: 6_000 }, (_, each) => ({
      id: `${each}`,
      atMs: NOON_MS + 500 + (each * 1_000) / 300,
    }));
    const variables = forms.map(({ id, atMs }) => aVariableRow(`v${id}`, Math.floor(atMs), 20));
    const tasks = forms.map(({ id, atMs }) => aTaskRow(`t${id}`, Math.floor(atMs), 20));
    const { variableFeed, taskFeed, handed } = follow({ variables, tasks, pageRows: 500 });
    await time.runUntil(NOON_MS + 19_000);

    for (const { requests } of [variableFeed, taskFeed]) {
      const pages = requests.filter(({ kind, atMs }) => kind === 'page' && atMs >= NOON_MS + 9_000);
      expect(pages.length).toBeLessThanOrEqual(19);
    }
    const reads = [...variableFeed.reads.values()].reduce((sum, count) => sum + count, 0);
    expect(reads).toBeLessThan(variableFeed.reads.size * 1.25);
    expect(handed.length).toBeGreaterThan(2 * 300 * 17);
  });

  test('F8: reads a backlog once', async () => {
    const beginMs = NOON_MS - 7_200_000;
    const variables = Array.from({ length: 2_000 }, (_, each) => aVariableRow(`v${each}`, beginMs + each * 100));
    const world = follow({ variables, startMs: NOON_MS });
    world.stop.abort();
    await world.ended;
    const { stop } = world.begin({ variableUpdates: beginMs - 3_600_000, finishedTasks: beginMs });
    await time.runUntil(NOON_MS + 60_000);
    stop.abort();
    expect(world.handed).toHaveLength(2_000);
    const reads = [...world.variableFeed.reads.values()].reduce((sum, count) => sum + count, 0);
    expect(reads).toBeLessThan(2_000 * 1.15);
  });

  test('F8: reads a backlog on at once, and counts no more than it must, also where what it brought takes long to take on', async () => {
    const variables = Array.from({ length: 200 }, (_, each) =>
      aVariableRow(`v${each}`, NOON_MS - 200_000 + each * 100),
    );
    const world = follow({ variables }, () => time.pause(3_000, new AbortController().signal));
    world.stop.abort();
    await world.ended;
    const { stop } = world.begin({ variableUpdates: NOON_MS - 240_000, finishedTasks: NOON_MS });
    await time.runUntil(NOON_MS + 35_000);
    stop.abort();
    expect(world.handed).toHaveLength(200);
    expect(world.variableFeed.requests.filter(({ kind }) => kind === 'count').length).toBeLessThan(100);
  });

  test('reads no further while what was read waits for room', async () => {
    const variables = Array.from({ length: 500 }, (_, each) => aVariableRow(`v${each}`, NOON_MS + each));
    const { handed, variableFeed, tracks } = follow({ variables }, () => new Promise(() => undefined));
    await time.runUntil(NOON_MS + 120_000);
    const asked = variableFeed.requests.length;
    await time.runUntil(NOON_MS + 240_000);
    expect(variableFeed.requests).toHaveLength(asked);
    expect(handed.length).toBeLessThan(100);
    expect(tracks.variableUpdates.positionMs()).toBe(NOON_MS);
  });
});

describe('an engine that is away', () => {
  test('is asked less and less often, reported, and followed again without a gap', async () => {
    const variables = [
      aVariableRow('a', NOON_MS + 700),
      aVariableRow('b', NOON_MS + 200_000),
      aVariableRow('c', NOON_MS + 310_000),
    ];
    const { handed, variableFeed, reports } = follow({ variables });
    await time.runUntil(NOON_MS + 5_000);
    variableFeed.failWith(new Error('away'));
    const before = variableFeed.requests.length;
    await time.runUntil(NOON_MS + 300_000);
    expect(variableFeed.requests.length - before).toBeLessThan(45);
    expect(reports.slice(0, 2)).toEqual(['failure 1', 'failure 2']);
    variableFeed.failWith(null);
    await time.runUntil(NOON_MS + 340_000);
    expect(refsOf(handed)).toEqual(['detail/a', 'detail/b', 'detail/c']);
    expect(reports.at(-1)).toMatch(/^recovery after \d+$/);
  });

  test('is left alone for as long as it asks for', async () => {
    const { variableFeed } = follow({});
    variableFeed.failWith(Object.assign(new Error('busy'), { retryAfterMs: 90_000 }));
    await time.runUntil(NOON_MS + 10_000);
    const before = variableFeed.requests.length;
    await time.runUntil(NOON_MS + 85_000);
    expect(variableFeed.requests).toHaveLength(before);
  });
});

test('following ends when it is stopped, also in a pause', async () => {
  const { stop, ended } = follow({});
  await time.runUntil(NOON_MS + 10_000);
  stop.abort();
  await expect(ended).resolves.toBeUndefined();
  expect(time.sleeping()).toBe(0);
});
