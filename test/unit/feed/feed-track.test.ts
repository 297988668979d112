import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFeedTrack, type FeedTrack } from '../../../src/feed/feed-track.ts';
import { NOON_MS } from '../../support/builders.ts';
import { createSimulatedFeed, type HistoryRow } from '../../support/builders-feed.ts';

const SETTLE_MS = 20_000;
const { signal } = new AbortController();

type Id = string;

/** A feed at a clock that the test moves. */
function aFeed(rows: HistoryRow<Id>[], startMs = NOON_MS, pageRows = 2) {
  const clock = { nowMs: startMs };
  const simulated = createSimulatedFeed(rows, () => clock.nowMs);
  const begin = (fromMs: number): FeedTrack<Id> =>
    createFeedTrack(simulated.source, {
      startMs: fromMs,
      settleMs: SETTLE_MS,
      pageSize: { rows: pageRows, most: pageRows },
    });
  return { ...simulated, clock, begin };
}

function aRow(id: Id, timeMs: number, lateMs = 0): HistoryRow<Id> {
  return { id, timeMs, commitMs: timeMs + lateMs, change: id };
}

async function readToTip(track: FeedTrack<Id>, nowMs: number): Promise<Id[]> {
  do await track.readTip(nowMs, null, signal);
  while (!track.isAtTip());
  return track.takeFresh();
}

describe('a feed', () => {
  test('F2: hands out what is new at the tip as soon as it appears, once', async () => {
    const { begin, clock } = aFeed([aRow('a', NOON_MS + 100), aRow('b', NOON_MS + 900)]);
    const track = begin(NOON_MS);
    clock.nowMs += 500;
    expect(await readToTip(track, clock.nowMs)).toEqual(['a']);
    clock.nowMs += 500;
    expect(await readToTip(track, clock.nowMs)).toEqual(['b']);
    expect(await readToTip(track, clock.nowMs)).toEqual([]);
  });

  test('F2: finds at the next look, without a count, what came out of order by a moment', async () => {
    const { begin, clock } = aFeed([aRow('first', NOON_MS + 495), aRow('behind', NOON_MS + 450, 60)]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 500;
    expect(await readToTip(track, clock.nowMs)).toEqual(['first']);
    clock.nowMs = NOON_MS + 750;
    expect(await readToTip(track, clock.nowMs)).toEqual(['behind']);
  });

  test('F8: what was read is not read again at looks that find nothing new', async () => {
    const { begin, clock, reads } = aFeed([aRow('a', NOON_MS + 495)]);
    const track = begin(NOON_MS);
    for (clock.nowMs = NOON_MS + 500; clock.nowMs < NOON_MS + 3_000; clock.nowMs += 250) {
      await readToTip(track, clock.nowMs);
    }
    expect(reads.get('a')).toBeLessThanOrEqual(2);
  });

  test('F2: finds a row that appears behind the tip by its count, and reads only around it', async () => {
    const early = Array.from({ length: 40 }, (_, each) => aRow(`r${each}`, NOON_MS + each * 250));
    const { begin, clock, reads } = aFeed([...early, aRow('late', NOON_MS + 2_100, 9_000)]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 10_500;
    await readToTip(track, clock.nowMs);
    reads.clear();
    clock.nowMs = NOON_MS + 11_200;
    await expect(track.hasNews(clock.nowMs, false, signal)).resolves.toBe(true);
    await track.readLate(clock.nowMs, false, signal);
    expect(track.takeFresh()).toEqual(['late']);
    expect([...reads.values()].reduce((sum, count) => sum + count, 0)).toBeLessThan(20);
    await expect(track.hasNews(clock.nowMs, false, signal)).resolves.toBe(false);
  });

  test('F2: finds in the settle what no count could tell: one row late while another was removed', async () => {
    const removed = { ...aRow('removed', NOON_MS + 1_000), removedMs: NOON_MS + 3_000 };
    const { begin, clock } = aFeed([removed, aRow('late', NOON_MS + 1_100, 1_900)]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 2_000;
    expect(await readToTip(track, clock.nowMs)).toEqual(['removed']);
    clock.nowMs = NOON_MS + 4_000;
    await expect(track.hasNews(clock.nowMs, true, signal)).resolves.toBe(false);
    clock.nowMs = NOON_MS + SETTLE_MS + 5_000;
    await track.settle(clock.nowMs, 1, signal);
    expect(track.takeFresh()).toEqual(['late']);
  });

  test('makes its peace with rows that the engine has removed', async () => {
    const rows = Array.from({ length: 30 }, (_, each) => ({
      ...aRow(`r${each}`, NOON_MS + each * 100),
      removedMs: NOON_MS + 5_000,
    }));
    const { begin, clock } = aFeed(rows);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 4_000;
    await readToTip(track, clock.nowMs);
    clock.nowMs = NOON_MS + 6_000;
    await track.readLate(clock.nowMs, false, signal);
    await expect(track.hasNews(clock.nowMs, false, signal)).resolves.toBe(false);
    expect(track.takeFresh()).toEqual([]);
  });

  test('F6: counts a row that is no change of ours, and waits for no outcome of it', async () => {
    const { begin, clock } = aFeed([{ ...aRow('ours', NOON_MS + 100), change: null }]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 10_000;
    expect(await readToTip(track, clock.nowMs)).toEqual([]);
    await expect(track.hasNews(clock.nowMs, true, signal)).resolves.toBe(false);
    clock.nowMs += SETTLE_MS;
    await track.settle(clock.nowMs, 1, signal);
    expect(track.positionMs()).toBeGreaterThan(NOON_MS + 100);
  });

  test('F1: its position stays before what is not finished', async () => {
    const { begin, clock } = aFeed([aRow('a', NOON_MS + 100), aRow('b', NOON_MS + 600)]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 100_000;
    await readToTip(track, clock.nowMs);
    await track.settle(clock.nowMs, 1, signal);
    expect(track.positionMs()).toBe(NOON_MS + 100);
    track.finish('a');
    expect(track.positionMs()).toBe(NOON_MS + 600);
    track.finish('b');
    expect(track.positionMs()).toBeGreaterThan(NOON_MS + 600);
  });

  test('F1: what was found is still handed out when a later request fails', async () => {
    const { begin, clock, failWith, source } = aFeed([aRow('a', NOON_MS + 100), aRow('b', NOON_MS + 200)], NOON_MS, 1);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 1_000;
    let pages = 0;
    const readPage = source.readPage;
    source.readPage = (...asked) => {
      if (++pages > 1) failWith(new Error('away'));
      return readPage(...asked);
    };
    const reading = async () => {
      while (!track.isAtTip()) await track.readTip(clock.nowMs, null, signal);
    };
    await expect(reading()).rejects.toThrow('away');
    expect(track.takeFresh()).toEqual(['a']);
    source.readPage = readPage;
    failWith(null);
    expect(await readToTip(track, clock.nowMs)).toEqual(['b']);
  });

  test('does not hand out again at the tip what a settle was the first to find', async () => {
    const { begin, clock } = aFeed([aRow('a', NOON_MS + 100)]);
    const track = begin(NOON_MS);
    await readToTip(track, clock.nowMs);
    clock.nowMs += SETTLE_MS + 10_000;
    await track.settle(clock.nowMs, 1, signal);
    expect(track.takeFresh()).toEqual(['a']);
    expect(await readToTip(track, clock.nowMs)).toEqual([]);
  });

  test('F2: settles what it read while it was young, also when a backlog has come up behind it', async () => {
    const backlog = Array.from({ length: 20 }, (_, each) => aRow(`r${each}`, NOON_MS + 2_000 + each));
    const { begin, clock } = aFeed([aRow('young', NOON_MS + 500), aRow('late', NOON_MS + 400, 5_000), ...backlog]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 1_000;
    expect(await readToTip(track, clock.nowMs)).toEqual(['young']);
    clock.nowMs += 10 * SETTLE_MS; // it stood still, because the vault was away
    expect(await readToTip(track, clock.nowMs)).toHaveLength(20);
    await track.settle(clock.nowMs, 1, signal);
    expect(track.takeFresh()).toEqual(['late']);
  });

  test('F8: a backlog is read once', async () => {
    const rows = Array.from({ length: 500 }, (_, each) => aRow(`r${each}`, NOON_MS + each * 40));
    const { begin, clock, reads } = aFeed(rows, NOON_MS, 50);
    const track = begin(NOON_MS - 3_600_000);
    clock.nowMs = NOON_MS + 3_600_000;
    expect(await readToTip(track, clock.nowMs)).toHaveLength(500);
    for (let each = 0; each < 50; each++) await track.settle(clock.nowMs, 1, signal);
    const times = [...reads.values()];
    expect(times.filter((count) => count > 3)).toEqual([]);
    expect(times.reduce((sum, count) => sum + count, 0)).toBeLessThan(rows.length * 1.2);
  });

  test('F7: does not read beyond the time that it is told to stay behind', async () => {
    const { begin, clock } = aFeed([aRow('a', NOON_MS + 100), aRow('b', NOON_MS + 200)]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 1_000;
    await track.readTip(clock.nowMs, NOON_MS + 150, signal);
    expect(track.takeFresh()).toEqual(['a']);
    expect(track.isAtTip()).toBe(false);
    expect(await readToTip(track, clock.nowMs)).toEqual(['b']);
  });

  test('takes rows that lie a little in the future, and those that follow beside them', async () => {
    const { begin, clock } = aFeed([aRow('future', NOON_MS + 5_000, -4_500), aRow('now', NOON_MS + 600)]);
    const track = begin(NOON_MS);
    clock.nowMs = NOON_MS + 550;
    expect(await readToTip(track, clock.nowMs)).toEqual(['future']);
    clock.nowMs = NOON_MS + 650;
    expect(await readToTip(track, clock.nowMs)).toEqual(['now']);
  });
});

/** What a leader may do in any order; time passes in between. */
const action = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'tip' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('late' as const), whole: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('finish' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 15_000 }) }) },
);
const histories = fc
  .array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 40_000 }),
      lateMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: SETTLE_MS })),
    }),
    { maxLength: 40 },
  )
  .map((rows) => rows.map(({ atMs, lateMs }, each) => aRow(`r${each}`, NOON_MS + atMs, lateMs)));

describe('whatever a leader does in whatever order', () => {
  test('F1, F2: every row is handed out, once for each start, and the position passes none that is not finished', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.array(action, { minLength: 10, maxLength: 80 }),
        fc.integer({ min: 1, max: 5 }),
        async (rows, actions, pageRows) => {
          const { begin, clock } = aFeed(rows, NOON_MS, pageRows);
          let track = begin(NOON_MS);
          let handed: Id[] = [];
          const finished = new Set<Id>();
          const everHanded = new Set<Id>();
          const rest = [
            { kind: 'pass' as const, ms: 70_000 },
            { kind: 'tip' as const },
            { kind: 'settle-all' as const },
          ];
          for (const step of [...actions, ...rest]) {
            if (step.kind === 'tip') await track.readTip(clock.nowMs, null, signal);
            if (step.kind === 'late') await track.readLate(clock.nowMs, step.whole, signal);
            if (step.kind === 'settle') await track.settle(clock.nowMs, 1, signal);
            if (step.kind === 'settle-all') {
              while (!track.isAtTip()) await track.readTip(clock.nowMs, null, signal);
              for (let each = 0; each < 200; each++) await track.settle(clock.nowMs, 1, signal);
            }
            if (step.kind === 'pass') clock.nowMs += step.ms;
            if (step.kind === 'finish' && handed.length > 0) {
              const id = handed[step.which % handed.length] ?? '';
              finished.add(id);
              track.finish(id);
            }
            if (step.kind === 'restart') {
              track = begin(track.positionMs());
              handed = [];
            }
            handed.push(...track.takeFresh());
            for (const id of handed) everHanded.add(id);
            expect(new Set(handed).size).toBe(handed.length);
            const passed = rows.filter(
              ({ timeMs, change }) => timeMs < track.positionMs() && !finished.has(change ?? ''),
            );
            expect(passed).toEqual([]);
          }
          expect([...everHanded].sort()).toEqual(rows.map(({ id }) => id).sort());
        },
      ),
      { numRuns: 300 },
    );
  });
});
