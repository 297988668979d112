import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { FEED_STATE_KEY } from '../../../src/vault/object-layout.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aTaskRow, aVariableRow } from '../../support/builders-feed.ts';
import { aLeaderWorld, LEASE_SECONDS, type LeaderWorld } from '../../support/builders-leader.ts';
import { STATE_BUCKET } from '../../support/builders-store.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { leadFeed } = await import('../../../src/feed/lead-feed.ts');
const { createPositionStore } = await import('../../../src/feed/position-store.ts');

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

const aWorld = (given?: LeaderWorld) => aLeaderWorld({ leadFeed, createPositionStore, time, running }, given);
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
