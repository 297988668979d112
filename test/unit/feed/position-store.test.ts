import { setImmediate } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import type { Positions } from '../../../src/feed/position-store.ts';
import { FEED_STATE_KEY } from '../../../src/vault/object-layout.ts';
import { NOON_MS } from '../../support/builders.ts';
import { createFragileStore, STATE_BUCKET } from '../../support/builders-store.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createPositionStore } = await import('../../../src/feed/position-store.ts');

const LEASE_SECONDS = 15;
const { signal } = new AbortController();
const positionsAt = (ms: number): Positions => ({ variableUpdates: ms, finishedTasks: ms + 1 });
const FIRST = positionsAt(NOON_MS);
const LATER = positionsAt(NOON_MS + 60_000);

function aWorld() {
  time = createVirtualTime(NOON_MS);
  const fragile = createFragileStore();
  /** Each with a clock of its own, since no two machines agree. */
  const anInstance = (skewMs = 0) => {
    const store = createPositionStore(fragile.store, {
      bucket: STATE_BUCKET,
      leaseSeconds: LEASE_SECONDS,
      nowMs: () => time.nowMs() + skewMs,
    });
    const waited: string[] = [];
    let acquired: Positions | null = null;
    return {
      ...store,
      waited,
      acquired: () => acquired,
      tryToLead: (first = FIRST, on: AbortSignal = signal) =>
        store
          .acquire(
            async () => first,
            () => waited.push('waiting'),
            on,
          )
          .then((positions) => {
            acquired = positions;
            return positions;
          }),
    };
  };
  const overwrite = async (text: string): Promise<void> => {
    const object = { bucket: STATE_BUCKET, key: FEED_STATE_KEY, body: text, contentType: 'application/json' };
    const etag = (await fragile.store.head(STATE_BUCKET, FEED_STATE_KEY, signal))?.etag;
    await (etag === undefined
      ? fragile.store.putIfAbsent(object, signal)
      : fragile.store.putIfUnchanged(object, etag, signal));
  };
  const read = async () =>
    JSON.parse(Buffer.from((await fragile.store.get(STATE_BUCKET, FEED_STATE_KEY, signal))?.body ?? []).toString());
  return { ...fragile, anInstance, overwrite, read };
}

describe('the first start', () => {
  test('begins where it is told, and leaves lease and positions in one object', async () => {
    const { anInstance, read } = aWorld();
    await expect(anInstance().tryToLead()).resolves.toEqual(FIRST);
    await expect(read()).resolves.toMatchObject({
      owner: expect.any(String),
      position: { variableUpdates: '2024-02-29T12:00:00.000Z', finishedTasks: '2024-02-29T12:00:00.001Z' },
    });
  });

  test('F10: has one leader of many that start at once', async () => {
    const { anInstance } = aWorld();
    const instances = Array.from({ length: 5 }, () => anInstance());
    for (const each of instances) void each.tryToLead();
    await time.runUntil(NOON_MS + 1_000);
    expect(instances.filter(({ acquired }) => acquired() !== null)).toHaveLength(1);
    expect(instances.flatMap(({ waited }) => waited)).toHaveLength(4);
  });
});

describe('a lease', () => {
  test.each([0, 3_600_000, -3_600_000])(
    'F10: is taken over when it ends by the watcher’s own clock, %d ms off',
    async (skewMs) => {
      const { anInstance } = aWorld();
      const leader = anInstance();
      await leader.tryToLead();
      await leader.save(LATER, signal);
      const watcher = anInstance(skewMs);
      void watcher.tryToLead();
      await time.runUntil(NOON_MS + LEASE_SECONDS * 1000 - 1);
      expect(watcher.acquired()).toBeNull();
      await time.runUntil(NOON_MS + LEASE_SECONDS * 1200);
      expect(watcher.acquired()).toEqual(LATER);
      await expect(leader.save(LATER, signal)).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' });
    },
  );

  test('F10: that is renewed while another write is on its way ends with what was known last', async () => {
    const { store, read } = aWorld();
    let isFirst = true;
    const slowStore = {
      ...store,
      async putIfUnchanged(...write: Parameters<typeof store.putIfUnchanged>) {
        const waits = isFirst;
        isFirst = false;
        if (waits) for (let each = 0; each < 20; each++) await setImmediate();
        return store.putIfUnchanged(...write);
      },
    };
    const leader = createPositionStore(slowStore, { bucket: STATE_BUCKET, leaseSeconds: LEASE_SECONDS });
    await leader.acquire(
      async () => FIRST,
      () => undefined,
      signal,
    );
    const renewal = leader.save(FIRST, signal);
    leader.noteTrying(['detail/1']);
    await Promise.all([renewal, leader.save(LATER, signal)]);
    await expect(read()).resolves.toMatchObject({
      trying: ['detail/1'],
      position: { variableUpdates: '2024-02-29T12:01:00.000Z' },
    });
  });

  test('is kept for as long as it is renewed', async () => {
    const { anInstance } = aWorld();
    const leader = anInstance();
    await leader.tryToLead();
    const watcher = anInstance();
    void watcher.tryToLead();
    for (let each = 1; each <= 20; each++) {
      await time.runUntil(NOON_MS + each * 10_000);
      await leader.save(LATER, signal);
    }
    expect(watcher.acquired()).toBeNull();
    expect(watcher.waited).toEqual(['waiting']);
  });

  test('that was given up is taken at once', async () => {
    const { anInstance } = aWorld();
    const leader = anInstance();
    await leader.tryToLead();
    await leader.save(LATER, signal, true);
    const next = anInstance();
    await expect(next.tryToLead()).resolves.toEqual(LATER);
    expect(next.waited).toEqual([]);
  });

  test('F10: that ends for many watchers has one of them as its next leader', async () => {
    const { anInstance } = aWorld();
    await anInstance().tryToLead();
    const watchers = Array.from({ length: 4 }, () => anInstance());
    for (const each of watchers) void each.tryToLead();
    await time.runUntil(NOON_MS + 20_000);
    expect(watchers.filter(({ acquired }) => acquired() !== null)).toHaveLength(1);
  });

  test('is no longer waited for when the instance stops', async () => {
    const { anInstance } = aWorld();
    await anInstance().tryToLead();
    const stop = new AbortController();
    const waiting = anInstance().tryToLead(FIRST, stop.signal);
    await time.runUntil(NOON_MS + 5_000);
    stop.abort();
    await expect(waiting).rejects.toBeDefined();
    expect(time.sleeping()).toBe(0);
  });
});

describe('an answer that got lost', () => {
  test('when the lease was renewed is recognised as one’s own write', async () => {
    const { anInstance, faults, read } = aWorld();
    const leader = anInstance();
    await leader.tryToLead();
    faults.onAnswer = new Error('lost');
    await expect(leader.save(positionsAt(NOON_MS + 1), signal)).rejects.toThrow('lost');
    faults.onAnswer = null;
    await leader.save(LATER, signal);
    await expect(read()).resolves.toMatchObject({ position: { variableUpdates: '2024-02-29T12:01:00.000Z' } });
  });

  test('when the lease was taken is recognised as one’s own write: there is nobody to wait for', async () => {
    const { anInstance, faults } = aWorld();
    const instance = anInstance();
    faults.onAnswer = new Error('lost');
    await expect(instance.tryToLead()).rejects.toThrow('lost');
    faults.onAnswer = null;
    await expect(instance.tryToLead(LATER)).resolves.toEqual(FIRST);
    expect(instance.waited).toEqual([]);
    expect(instance.legacy().endedCleanly).toBe(true);
  });
});

describe('a leader that ends without a word', () => {
  /** Leads, tries something, and is heard of no more. */
  async function leadAndDie(world: ReturnType<typeof aWorld>, trying: string[]): Promise<void> {
    const leader = world.anInstance();
    void leader.tryToLead();
    await time.runUntil(time.nowMs() + LEASE_SECONDS * 2_000);
    expect(leader.acquired()).not.toBeNull();
    leader.noteTrying(trying);
    await leader.save(LATER, signal);
  }

  async function nextLegacy(world: ReturnType<typeof aWorld>) {
    const next = world.anInstance();
    void next.tryToLead();
    await time.runUntil(time.nowMs() + LEASE_SECONDS * 2_000);
    const { endedCleanly, deaths } = next.legacy();
    return { next, endedCleanly, deaths: Object.fromEntries(deaths) };
  }

  test('is told from one that gave its lease up, and from a first start', async () => {
    const world = aWorld();
    await expect(nextLegacy(world)).resolves.toMatchObject({ endedCleanly: true });
    const { next } = await nextLegacy(world);
    await next.save(LATER, signal, true);
    await expect(nextLegacy(world)).resolves.toMatchObject({ endedCleanly: true });
    await expect(nextLegacy(world)).resolves.toMatchObject({ endedCleanly: false, deaths: {} });
  });

  test('leaves a count of how often each change was being tried, over many leaders', async () => {
    const world = aWorld();
    await leadAndDie(world, ['detail/1', 'detail/2']);
    await leadAndDie(world, ['detail/2']);
    await leadAndDie(world, []);
    await expect(nextLegacy(world)).resolves.toMatchObject({ deaths: { 'detail/1': 1, 'detail/2': 2 } });
  });

  test('is forgotten when the next one gives its lease up', async () => {
    const world = aWorld();
    await leadAndDie(world, ['detail/1']);
    const { next, deaths } = await nextLegacy(world);
    expect(deaths).toEqual({ 'detail/1': 1 });
    await next.save(LATER, signal, true);
    expect(await world.read()).not.toHaveProperty('deaths');
    await expect(nextLegacy(world)).resolves.toMatchObject({ endedCleanly: true, deaths: {} });
  });

  test('is not forgotten when the answer to taking its lease gets lost', async () => {
    const world = aWorld();
    await leadAndDie(world, ['detail/1']);
    const next = world.anInstance();
    const taking = next.tryToLead();
    taking.catch(() => undefined);
    world.faults.onAnswer = new Error('lost');
    await time.runUntil(time.nowMs() + LEASE_SECONDS * 2_000);
    await expect(taking).rejects.toThrow('lost');
    world.faults.onAnswer = null;
    await next.tryToLead();
    expect(next.legacy()).toEqual({ endedCleanly: false, deaths: new Map([['detail/1', 1]]) });
  });

  test('may have been of a version that kept no such counts', async () => {
    const world = aWorld();
    const position = { variableUpdates: '2024-02-29T12:00:00Z', finishedTasks: '2024-02-29T12:00:00Z' };
    await world.overwrite(JSON.stringify({ version: 1, owner: 'another', position }));
    await expect(nextLegacy(world)).resolves.toMatchObject({ endedCleanly: false, deaths: {} });
  });

  test('leaves a state that an earlier version can read: it has the same fields where nothing is suspected', async () => {
    const { anInstance, read } = aWorld();
    await anInstance().tryToLead();
    expect(Object.keys(await read()).sort()).toEqual(['owner', 'position', 'renewed', 'version']);
  });

  test.each([{ trying: 'detail/1' }, { deaths: 'detail/1' }, { trying: null }])(
    'never leaves a state with %j: it stops the program',
    async (given) => {
      const { overwrite, anInstance } = aWorld();
      const position = { variableUpdates: '2024-02-29T12:00:00Z', finishedTasks: '2024-02-29T12:00:00Z' };
      await overwrite(JSON.stringify({ version: 1, owner: null, position, ...given }));
      await expect(anInstance().tryToLead()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    },
  );
});

describe('a state that was deleted', () => {
  test('is written again by its leader from what it knows', async () => {
    const { anInstance, lose, read } = aWorld();
    const leader = anInstance();
    await leader.tryToLead();
    await lose(FEED_STATE_KEY);
    await leader.save(LATER, signal);
    await expect(read()).resolves.toMatchObject({ position: { variableUpdates: '2024-02-29T12:01:00.000Z' } });
  });

  test('is no first start for an instance that waits for the lease', async () => {
    const { anInstance, lose } = aWorld();
    const leader = anInstance();
    await leader.tryToLead();
    const watcher = anInstance();
    void watcher.tryToLead(positionsAt(NOON_MS + 9_000_000));
    await time.runUntil(NOON_MS + 5_000);
    await lose(FEED_STATE_KEY);
    await time.runUntil(NOON_MS + 10_000);
    await expect(leader.save(LATER, signal)).resolves.toBeUndefined();
    await time.runUntil(NOON_MS + 14_000);
    expect(watcher.acquired()).toBeNull();

    await lose(FEED_STATE_KEY);
    await time.runUntil(NOON_MS + 40_000);
    expect(watcher.acquired()).toEqual(LATER);
  });
});

describe('a state that cannot be read', () => {
  test.each([
    '',
    'null',
    '{',
    '{}',
    '{"version":2,"owner":null,"position":{"variableUpdates":"2024-02-29","finishedTasks":"2024-02-29"}}',
    '{"version":1,"owner":null,"position":{"variableUpdates":"soon","finishedTasks":"2024-02-29"}}',
    '{"version":1,"owner":null,"position":{"variableUpdates":"2024-02-29"}}',
    '{"version":1,"owner":5,"position":{"variableUpdates":"2024-02-29","finishedTasks":"2024-02-29"}}',
  ])('stops the program instead of starting over: %s', async (text) => {
    const { anInstance, overwrite } = aWorld();
    await overwrite(text);
    await expect(anInstance().tryToLead()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      context: { bucket: STATE_BUCKET },
    });
  });
});
