import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aVariableRow } from '../../support/builders-feed.ts';
import { aLeaderWorld, LEASE_SECONDS, type LeaderWorld } from '../../support/builders-leader.ts';
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
