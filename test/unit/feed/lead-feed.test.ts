import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createFeedStatus } from '../../../src/feed/feed-status.ts';
import type { Pipeline, Term } from '../../../src/pipeline/pipeline.ts';
import type { Change, TaskChange, VariableChange } from '../../../src/submission/change.ts';
import { FEED_STATE_KEY } from '../../../src/vault/object-layout.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aTaskRow, aVariableRow, createSimulatedFeed, type HistoryRow } from '../../support/builders-feed.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createFragileStore, STATE_BUCKET } from '../../support/builders-store.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { leadFeed } = await import('../../../src/feed/lead-feed.ts');
const { createPositionStore } = await import('../../../src/feed/position-store.ts');

const LEASE_SECONDS = 15;
const running: AbortController[] = [];

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
  jest.spyOn(performance, 'now').mockImplementation(() => time.nowMs());
});

afterEach(async () => {
  for (const each of running.splice(0)) each.abort();
  await time.runUntil(time.nowMs());
  jest.restoreAllMocks();
});

type World = { variables?: HistoryRow<VariableChange>[]; tasks?: HistoryRow<TaskChange>[] | null };

function aWorld({ variables = [], tasks = [] }: World = {}) {
  const fragile = createFragileStore();
  const variableFeed = createSimulatedFeed(variables, time.nowMs);
  const taskFeed = tasks === null ? null : createSimulatedFeed(tasks, time.nowMs);

  /** `hold`: changes that never reach an outcome here. */
  function start(hold: string[] = []) {
    const stop = new AbortController();
    const abort = new AbortController();
    running.push(stop, abort);
    const handed: string[] = [];
    const rows = { variable_updates: 0, finished_tasks: 0 };
    const held: { change: Change; finish: (change: Change) => void; signals: Term }[] = [];
    const suspected: string[] = [];
    const status = createFeedStatus();
    const pipeline: Pipeline = {
      async submit(changes, finish, signals) {
        for (const change of changes) {
          handed.push(change.ref);
          if (hold.includes(change.ref)) held.push({ change, finish, signals });
          else finish(change);
        }
      },
      handOverSuspect(change, finish) {
        suspected.push(change.ref);
        finish(change);
      },
      inFlight: () => held.length,
      drain: async (signal) => (held.length === 0 ? undefined : time.pause(3_600_000, signal)),
    };
    const log = createRememberingLog();
    let end: unknown = 'running';
    const ended = leadFeed(
      {
        variableUpdates: variableFeed.source,
        finishedTasks: taskFeed?.source ?? null,
        positionStore: createPositionStore(fragile.store, {
          bucket: STATE_BUCKET,
          leaseSeconds: LEASE_SECONDS,
          nowMs: time.nowMs,
        }),
        pipeline,
        clock: { nowMs: time.nowMs, observe() {} },
        firstPositionMs: async () => NOON_MS,
        settleSeconds: 60,
        pollMs: 250,
        leaseSeconds: LEASE_SECONDS,
        status,
        onRows: (feed, counts) => {
          rows[feed] += counts.new;
        },
        log,
      },
      { stop: stop.signal, abort: abort.signal },
    ).then(
      () => {
        end = 'ended';
      },
      (error: unknown) => {
        end = error;
      },
    );
    const said = (sentence: string) => log.lines.filter((line) => line.sentence.includes(sentence)).length;
    return { handed, held, suspected, rows, status, stop, abort, ended, end: () => end, said };
  }

  async function savedState(): Promise<{ position: { variableUpdates: string; finishedTasks: string } }> {
    const object = await fragile.store.get(STATE_BUCKET, FEED_STATE_KEY, new AbortController().signal);
    return JSON.parse(Buffer.from(object?.body ?? []).toString());
  }

  async function savedPositions(): Promise<{ variableUpdates: number; finishedTasks: number }> {
    const { position } = await savedState();
    return { variableUpdates: Date.parse(position.variableUpdates), finishedTasks: Date.parse(position.finishedTasks) };
  }

  /** The state of the feed as somebody else left it. */
  async function overwrite(body: string): Promise<void> {
    const object = { bucket: STATE_BUCKET, key: FEED_STATE_KEY, contentType: 'application/json', body };
    await fragile.store.putIfAbsent(object, new AbortController().signal);
  }

  return { ...fragile, start, savedState, savedPositions, overwrite, variableFeed };
}

const passSeconds = (seconds: number) => time.runUntil(time.nowMs() + seconds * 1000);

describe('a leader', () => {
  test('hands out what is new and saves how far it came', async () => {
    const { start, savedPositions } = aWorld({
      variables: [aVariableRow('a', NOON_MS + 900)],
      tasks: [aTaskRow('t', NOON_MS + 901)],
    });
    const { handed } = start();
    await passSeconds(120);
    expect(handed).toEqual(['detail/a', 'task/t']);
    expect((await savedPositions()).variableUpdates).toBeGreaterThan(NOON_MS + 901);
    expect((await savedPositions()).finishedTasks).toBeGreaterThan(NOON_MS + 901);
  });

  test('F1: keeps the saved position before what has no outcome, for each feed by itself', async () => {
    const { start, savedPositions } = aWorld({
      variables: [aVariableRow('a', NOON_MS + 900), aVariableRow('b', NOON_MS + 5_000)],
      tasks: [aTaskRow('t', NOON_MS + 901)],
    });
    const { held } = start(['detail/a']);
    await passSeconds(200);
    expect((await savedPositions()).variableUpdates).toBe(NOON_MS + 900);
    expect((await savedPositions()).finishedTasks).toBeGreaterThan(NOON_MS + 60_000);
    for (const { finish, change } of held) finish(change);
    await passSeconds(40);
    expect((await savedPositions()).variableUpdates).toBeGreaterThan(NOON_MS + 60_000);
  });

  test('may follow the variable updates alone', async () => {
    const { start, savedPositions } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900)], tasks: null });
    const { handed } = start();
    await passSeconds(120);
    expect(handed).toEqual(['detail/a']);
    const { variableUpdates, finishedTasks } = await savedPositions();
    expect(finishedTasks).toBe(variableUpdates);
  });

  test('that cannot reach the state bucket goes on; the position stays where it was until it can', async () => {
    const { start, savedPositions, faults } = aWorld({ variables: [aVariableRow('a', NOON_MS + 30_000)] });
    const leader = start();
    await passSeconds(20);
    const before = await savedPositions();
    faults.onRequest = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object');
    await passSeconds(200);
    expect(leader.handed).toEqual(['detail/a']);
    expect(leader.said('cannot be saved')).toBe(1);
    faults.onRequest = null;
    expect(await savedPositions()).toEqual(before);
    await passSeconds(10);
    expect((await savedPositions()).variableUpdates).toBeGreaterThan(NOON_MS + 30_000);
    expect(leader.said('is saved again')).toBe(1);
  });
});

describe('a leader before that ended without a word', () => {
  const aState = (given: object): string =>
    JSON.stringify({
      version: 1,
      owner: 'another',
      position: { variableUpdates: '2024-02-29T12:00:00Z', finishedTasks: '2024-02-29T12:00:00Z' },
      ...given,
    });

  test('has what it may have ended on tried with care, and what ended it twice handed over as suspect', async () => {
    const before = [1, 2, 3].map((each) => aVariableRow(`${each}`, NOON_MS + each));
    const world = aWorld({ variables: [...before, aVariableRow('fresh', NOON_MS + 60_000)] });
    await world.overwrite(aState({ trying: ['detail/2'], deaths: { 'detail/2': 1, 'detail/3': 1 } }));
    const leader = world.start();
    await passSeconds(LEASE_SECONDS * 2);
    expect(leader.handed).toEqual(['detail/1', 'detail/3']);
    expect(leader.suspected).toEqual(['detail/2']);
    await passSeconds(60);
    expect(leader.handed).toEqual(['detail/1', 'detail/3', 'detail/fresh']);
  });

  test('and a stop after it leave nothing behind', async () => {
    const world = aWorld({ variables: [aVariableRow('1', NOON_MS + 1)] });
    await world.overwrite(aState({ trying: ['detail/1'] }));
    const leader = world.start();
    await passSeconds(LEASE_SECONDS * 2);
    leader.stop.abort();
    await leader.ended;
    expect(await world.savedState()).not.toHaveProperty('deaths');
    const next = world.start();
    await passSeconds(5);
    expect(next.said('trying with care')).toBe(0);
  });
});

describe('what the feed says of itself', () => {
  test('is how far behind it is: the age of the oldest change without an outcome', async () => {
    const { start } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900)] });
    const { status, held, rows } = start(['detail/a']);
    expect(status).toMatchObject({ state: 'starting', readMs: null });
    await passSeconds(100);
    expect(status).toMatchObject({ state: 'leading', failures: 0, leaseFailures: 0 });
    expect(status.lagSeconds()).toBeCloseTo(99.1, 1);
    expect(rows).toEqual({ variable_updates: 1, finished_tasks: 0 });
    for (const { finish, change } of held) finish(change);
    expect(status.lagSeconds()).toBe(0);
  });

  test('is when it was read last, and how often it failed since', async () => {
    const { start, variableFeed } = aWorld();
    const { status } = start();
    await passSeconds(10);
    variableFeed.failWith(new FormvaultError('ENGINE_UNAVAILABLE', 'could not read the variable updates'));
    await passSeconds(60);
    expect(status.failures).toBeGreaterThan(2);
    expect(time.nowMs() - Number(status.readMs)).toBeGreaterThan(55_000);
    variableFeed.failWith(null);
    await passSeconds(60);
    expect(status.failures).toBe(0);
    expect(time.nowMs() - Number(status.readMs)).toBeLessThan(2_000);
  });

  test('is that it waits, and nothing of a lag, while another instance leads', async () => {
    const { start } = aWorld();
    start();
    await passSeconds(1);
    const { status } = start();
    await passSeconds(5);
    expect([status.state, status.lagSeconds()]).toEqual(['waiting', null]);
  });

  test('counts failures of the lease until it is read again, also while another instance leads', async () => {
    const { start, faults } = aWorld();
    start();
    await passSeconds(1);
    const { status } = start();
    await passSeconds(5);
    faults.onRequest = new FormvaultError('VAULT_UNAVAILABLE', 'could not read an object');
    await passSeconds(6);
    expect(status.leaseFailures).toBeGreaterThan(0);
    faults.onRequest = null;
    await passSeconds(10);
    expect([status.state, status.leaseFailures]).toEqual(['waiting', 0]);
  });

  test('is that it has stopped, when it has', async () => {
    const { start } = aWorld();
    const { status, stop, ended } = start();
    await passSeconds(5);
    stop.abort();
    await ended;
    expect([status.state, status.lagSeconds()]).toEqual(['stopped', null]);
  });
});

describe('a stop', () => {
  test('saves the position last and gives the lease up, so that the next instance leads at once', async () => {
    const { start } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900), aVariableRow('b', NOON_MS + 8_000)] });
    const first = start();
    await passSeconds(5);
    first.stop.abort();
    await first.ended;
    expect(first.end()).toBe('ended');
    const second = start();
    await passSeconds(5);
    expect(second.said('waiting')).toBe(0);
    expect(second.handed).toContain('detail/b');
  });

  test('waits for runs to reach an outcome, and for no more when the deadline is over', async () => {
    const { start, savedPositions } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900)] });
    const leader = start(['detail/a']);
    await passSeconds(5);
    leader.stop.abort();
    await passSeconds(20);
    expect(leader.end()).toBe('running');
    expect(leader.held[0]?.signals.abort.aborted).toBe(false);
    expect(leader.held[0]?.signals.stopRetrying.aborted).toBe(true);
    leader.abort.abort();
    await leader.ended;
    expect(leader.held[0]?.signals.abort.aborted).toBe(true);
    expect((await savedPositions()).variableUpdates).toBeLessThanOrEqual(NOON_MS + 900);
  });

  test('keeps the lease while runs still go on behind it', async () => {
    const { start } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900)] });
    const leader = start(['detail/a']);
    await passSeconds(5);
    const second = start();
    leader.stop.abort();
    await passSeconds(60);
    expect(second.handed).toEqual([]);
  });

  test('ends an instance that waits for its turn', async () => {
    const { start } = aWorld();
    start();
    await passSeconds(1);
    const second = start();
    await passSeconds(5);
    second.stop.abort();
    await second.ended;
    expect(second.end()).toBe('ended');
    expect(second.said('trying again')).toBe(0);
  });
});

describe('a second instance', () => {
  test('F10: takes over within the lease, and reads again what the first did not finish', async () => {
    const { start } = aWorld({
      variables: [aVariableRow('a', NOON_MS + 900), aVariableRow('b', NOON_MS + 1_500)],
    });
    const first = start(['detail/a']);
    await passSeconds(6);
    const second = start();
    await passSeconds(1);
    expect(second.said('waiting')).toBe(1);
    first.abort.abort(); // as if it were killed: nothing is drained, saved or given up
    await passSeconds(LEASE_SECONDS + 4);
    expect(second.handed).toContain('detail/a');
  });

  test('F10: that took the lease makes the first one step down, abort its runs and wait for its turn', async () => {
    const { start, lose, store } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900)] });
    const first = start(['detail/a']);
    await passSeconds(3);
    await lose(FEED_STATE_KEY);
    const state = {
      version: 1,
      owner: 'another',
      position: { variableUpdates: '2024-02-29T12:00:00Z', finishedTasks: '2024-02-29T12:00:00Z' },
    };
    const object = {
      bucket: STATE_BUCKET,
      key: FEED_STATE_KEY,
      contentType: 'application/json',
      body: JSON.stringify(state),
    };
    await store.putIfAbsent(object, new AbortController().signal);
    await passSeconds(6);
    expect(first.said('stepping down')).toBe(1);
    expect(first.held[0]?.signals.abort.aborted).toBe(true);
    expect(first.said('another instance leads')).toBe(1);
    await passSeconds(LEASE_SECONDS + 4);
    expect(first.handed).toEqual(['detail/a', 'detail/a']);
  });
});

describe('at the start', () => {
  test('a state bucket that is away is waited for', async () => {
    const { start, faults } = aWorld({ variables: [aVariableRow('a', NOON_MS + 900)] });
    faults.onRequest = new FormvaultError('VAULT_UNAVAILABLE', 'could not read an object');
    const { handed, said } = start();
    await passSeconds(100);
    expect(said('trying again')).toBeGreaterThan(2);
    faults.onRequest = null;
    await passSeconds(60);
    expect(handed).toEqual(['detail/a']);
  });

  test.each(['CONFIG_INVALID', 'BUCKET_MISSING', 'HISTORY_LEVEL_TOO_LOW'] as const)(
    '%s is waited for by nobody',
    async (code) => {
      const { start, faults } = aWorld();
      faults.onRequest = new FormvaultError(code, 'could not read an object');
      const { ended, end } = start();
      await ended;
      expect(end()).toMatchObject({ code });
    },
  );
});

test('failures of the feed are logged once a minute, the recovery always', async () => {
  const { start, variableFeed } = aWorld();
  const { said } = start();
  await passSeconds(10);
  variableFeed.failWith(new FormvaultError('ENGINE_UNAVAILABLE', 'could not read the variable updates'));
  await passSeconds(185);
  expect(said('feed cannot be read')).toBeGreaterThanOrEqual(3);
  expect(said('feed cannot be read')).toBeLessThanOrEqual(4);
  variableFeed.failWith(null);
  await passSeconds(60);
  expect(said('feed is read again')).toBe(1);
});
