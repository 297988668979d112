import { describe, expect, test } from '@jest/globals';
import { createEnvironmentBuckets } from '../../../src/cases/environment-buckets.ts';
import { createIndexKeeper } from '../../../src/cases/index-keeper.ts';
import { tellOfKept } from '../../../src/cases/tell-of-kept.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createVirtualTime } from '../../support/builders-time.ts';
import { createMemoryCaseIndex } from '../../support/memory-case-index.ts';
import { entryMaker } from './an-entry-maker.ts';

const BUCKET = 'dev-cop-case';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const { signal } = new AbortController();

type World = ReturnType<typeof aWorld>;

/** A vault and an index at a virtual clock; both can fail, and the index can be held up. */
function aWorld() {
  const time = createVirtualTime(0);
  const memory = createMemoryObjectStore(BUCKET);
  const log = createRememberingLog();
  const control = {
    indexFault: null as ((entries: readonly IndexEntry[]) => unknown) | null,
    storeFault: null as unknown,
    readFault: null as unknown,
    held: null as Promise<void> | null,
    puts: 0,
    reads: [] as string[],
  };
  const rows = createMemoryCaseIndex();
  const index = {
    ...rows,
    async put(entries: readonly IndexEntry[]) {
      control.puts++;
      await control.held;
      const fault = control.indexFault?.(entries) ?? null;
      if (fault !== null) throw fault;
      await rows.put(entries);
    },
  };
  const store: ObjectStore = {
    ...memory,
    async getPart(bucket, key, part, callers) {
      control.reads.push(key);
      if (control.readFault !== null) throw control.readFault;
      return memory.getPart(bucket, key, part, callers);
    },
    async *list(bucket, prefix, callers) {
      if (control.storeFault !== null) throw control.storeFault;
      yield* memory.list(bucket, prefix, callers);
    },
  };
  const put = (key: string, body = 'oslo', bucket = BUCKET) =>
    memory.putIfAbsent({ bucket, key, body, contentType: 'application/json' }, signal);
  const keys = async () => {
    const found: string[] = [];
    for await (const { key } of rows.rows()) found.push(key);
    return found;
  };
  let isNew = false;
  let onNew = (): void => undefined;
  const living = {
    index: {
      ...index,
      async beginReindex() {
        const run = await index.beginReindex();
        return {
          ...run,
          async finish(buckets: readonly string[]) {
            const result = await run.finish(buckets);
            isNew = false;
            return result;
          },
        };
      },
    },
    isNew: async () => isNew,
    whenNew(listener: () => void) {
      onNew = listener;
    },
    becomeNew() {
      isNew = true;
      onNew();
    },
  };
  return { time, log, control, index, living, store, memory, put, keys };
}

function aKeeper({ time, log, living, store }: World) {
  const known = [BUCKET];
  const buckets = createEnvironmentBuckets({ store, environment: 'dev', defaultProduct: 'cop-case', known, log });
  const keeper = createIndexKeeper({
    store,
    living,
    maker: entryMaker,
    buckets,
    log,
    time: { nowMs: time.nowMs, pause: time.pause },
  });
  const stop = new AbortController();
  const abort = new AbortController();
  const note = (key: string, body = 'oslo', bucket = BUCKET) =>
    keeper.note(bucket, { key, content: { metadata: {}, body } });
  return {
    keeper,
    note,
    stop,
    abort,
    state: keeper.state,
    run: () => keeper.run({ stop: stop.signal, abort: abort.signal }),
  };
}

/** Lets everything happen that happens at once. */
async function settle({ time }: World): Promise<void> {
  for (let each = 0; each < 20; each++) await time.runUntil(time.nowMs());
}

const keysOf = (count: number) => Array.from({ length: count }, (_, each) => `A/f/${each}.json`);

describe('a submission that was kept', () => {
  test('is in the index at once, without being read from the vault', async () => {
    const world = aWorld();
    const { note, run, stop } = aKeeper(world);
    const running = run();
    await settle(world);
    note('A/f/1.json', 'bergen');
    await settle(world);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json']);
    expect(world.control.reads).toEqual([]);
    stop.abort();
    await running;
  });

  test('waits for those that are being indexed, and goes with all that came meanwhile', async () => {
    const world = aWorld();
    const { note, run, stop, state } = aKeeper(world);
    const held = Promise.withResolvers<void>();
    world.control.held = held.promise;
    const running = run();
    await settle(world);
    for (const key of keysOf(60)) note(key);
    await settle(world);
    for (const key of keysOf(90)) note(key);
    expect(state().waiting).toBe(90);
    world.control.held = null;
    held.resolve();
    await settle(world);
    await expect(world.keys()).resolves.toHaveLength(90);
    expect(world.control.puts).toBe(2);
    stop.abort();
    await running;
  });

  test('is the only thing that is indexed: no file, no state, nothing that breaks a reader', async () => {
    const world = aWorld();
    const { note, run, stop } = aKeeper(world);
    const running = run();
    for (const key of ['.formvault/feed.json', 'A/f/1/attachments/photo/x.json', 'A/f/1.json']) note(key);
    note('A/f/hostile.json', 'break');
    note('A/f/other.json', 'no submission');
    await settle(world);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json']);
    expect(world.log.lines.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { rows: 1 } }]);
    stop.abort();
    await running;
  });

  test('before the keeper runs is indexed when it does', async () => {
    const world = aWorld();
    const { note, run, stop, state } = aKeeper(world);
    note('A/f/1.json');
    expect(state()).toMatchObject({ state: 'not started', waiting: 1 });
    const running = run();
    await settle(world);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json']);
    stop.abort();
    await running;
  });
});

describe('a store that tells of what it writes', () => {
  test('has each submission in the index that it wrote, or that was there already and was never told of', async () => {
    const world = aWorld();
    const { keeper, run, stop } = aKeeper(world);
    const store = tellOfKept(world.store, keeper.note);
    const running = run();
    await settle(world);
    const write = (key: string) =>
      store.putIfAbsent({ bucket: BUCKET, key, body: 'oslo', contentType: 'application/json' }, signal);
    await write('A/f/1.json');
    await world.put('A/f/answer-was-lost.json');
    await expect(write('A/f/answer-was-lost.json')).resolves.toBe('taken');
    await settle(world);
    await write('A/f/1.json');
    await settle(world);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json', 'A/f/answer-was-lost.json']);
    expect(world.control.reads).toEqual(['A/f/answer-was-lost.json']);
    stop.abort();
    await running;
  });

  test('leaves what it cannot look at now to a catch-up', async () => {
    const world = aWorld();
    const { keeper, run, stop, state } = aKeeper(world);
    const running = run();
    await settle(world);
    await world.put('A/f/1.json');
    world.control.readFault = new FormvaultError('VAULT_UNAVAILABLE', 'could not read an object');
    keeper.note(BUCKET, { key: 'A/f/1.json', content: null });
    await settle(world);
    expect(state().waiting).toBe(0);
    world.control.readFault = null;
    await world.time.runUntil(MINUTE_MS);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json']);
    stop.abort();
    await running;
  });
});

describe('while the index is away', () => {
  test('nothing is held up or thrown, and everything is in it when it is back', async () => {
    const world = aWorld();
    const { note, run, stop, state } = aKeeper(world);
    const running = run();
    await settle(world);
    world.control.indexFault = () => new Error('connection refused');
    for (const key of keysOf(250)) {
      await world.put(key);
      note(key);
    }
    await world.time.runUntil(10 * MINUTE_MS);
    expect(state()).toMatchObject({ state: 'failing' });
    expect(world.control.puts).toBeLessThan(400);
    const errors = world.log.lines.filter(({ level }) => level === 'error');
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.length).toBeLessThan(11);

    world.control.indexFault = null;
    await world.time.runUntil(11 * MINUTE_MS);
    await expect(world.keys()).resolves.toHaveLength(250);
    expect(state()).toMatchObject({ state: 'fresh', waiting: 0, failures: 0 });
    expect(world.log.lines.at(-1)).toMatchObject({ level: 'info' });
    stop.abort();
    await running;
  });

  test('what does not fit into the queue is found in the buckets afterwards', async () => {
    const world = aWorld();
    const { note, run, stop, state } = aKeeper(world);
    const running = run();
    await settle(world);
    world.control.indexFault = () => new Error('connection refused');
    for (const key of keysOf(6_000)) {
      await world.put(key);
      note(key);
    }
    expect(state().waiting).toBe(5_000);
    world.control.indexFault = null;
    await world.time.runUntil(5 * MINUTE_MS);
    await expect(world.keys()).resolves.toHaveLength(6_000);
    stop.abort();
    await running;
  });

  test('an index that comes back empty is filled again', async () => {
    const world = aWorld();
    const { note, run, stop } = aKeeper(world);
    for (const key of keysOf(3)) await world.put(key);
    const running = run();
    await settle(world);
    world.control.indexFault = () => new Error('damaged');
    note('A/f/new.json');
    await world.put('A/f/new.json');
    await settle(world);
    await (await world.index.beginReindex()).finish([BUCKET]);
    await expect(world.keys()).resolves.toEqual([]);
    world.control.indexFault = null;
    await world.time.runUntil(5 * MINUTE_MS);
    await expect(world.keys()).resolves.toHaveLength(4);
    stop.abort();
    await running;
  });
});

test('an entry that the index does not take keeps no other one out', async () => {
  const world = aWorld();
  const { note, run, stop, state } = aKeeper(world);
  world.control.indexFault = (entries) =>
    entries.some(({ key }) => key.includes('poison')) ? new Error('invalid byte sequence') : null;
  const running = run();
  await settle(world);
  note('A/f/poison.json');
  await settle(world);
  for (const key of keysOf(5)) note(key);
  await world.time.runUntil(MINUTE_MS);
  note('A/f/poison.json');
  await world.time.runUntil(3 * MINUTE_MS);
  note('A/f/last.json');
  await world.time.runUntil(4 * MINUTE_MS);
  await expect(world.keys()).resolves.toHaveLength(6);
  expect(state()).toMatchObject({ state: 'fresh', waiting: 0 });
  stop.abort();
  await running;
});

describe('catching up', () => {
  test('at the start finds what the index does not know, and reads nothing else', async () => {
    const world = aWorld();
    for (const key of keysOf(2_500)) await world.put(key);
    await world.index.put([...keysOf(2_000)].flatMap((key) => asEntry(key)));
    const { run, stop, state } = aKeeper(world);
    const running = run();
    await world.time.runUntil(MINUTE_MS);
    await expect(world.keys()).resolves.toHaveLength(2_500);
    expect(world.control.reads).toHaveLength(500);
    expect(state()).toMatchObject({ state: 'fresh', caughtUpMs: expect.any(Number) });
    expect(world.log.lines.at(-1)).toMatchObject({ level: 'info', fields: { rows: 500 } });
    stop.abort();
    await running;
  });

  test('every day finds what another program wrote, also into a new bucket', async () => {
    const world = aWorld();
    const { run, stop } = aKeeper(world);
    const running = run();
    await settle(world);
    await world.memory.createBucket('dev-visits', signal);
    await world.put('A/f/by-hand.json', 'oslo', 'dev-visits');
    await world.time.runUntil(DAY_MS / 2);
    await expect(world.keys()).resolves.toEqual([]);
    await world.time.runUntil(DAY_MS);
    await expect(world.keys()).resolves.toEqual(['A/f/by-hand.json']);
    stop.abort();
    await running;
  });

  test('is tried again while the vault is away, and says so', async () => {
    const world = aWorld();
    await world.put('A/f/1.json');
    world.control.storeFault = new FormvaultError('VAULT_UNAVAILABLE', 'could not list objects');
    const { run, stop, state } = aKeeper(world);
    const running = run();
    await world.time.runUntil(MINUTE_MS / 2);
    expect(state()).toMatchObject({ state: 'failing', caughtUpMs: null });
    world.control.storeFault = null;
    await world.time.runUntil(2 * MINUTE_MS);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json']);
    expect(state()).toMatchObject({ state: 'fresh' });
    stop.abort();
    await running;
  });

  test('is shared by processes that do it at the same time', async () => {
    const world = aWorld();
    for (const key of keysOf(3_000)) await world.put(key);
    const keepers = [aKeeper(world), aKeeper(world)];
    const running = keepers.map(({ run }) => run());
    await world.time.runUntil(MINUTE_MS);
    await expect(world.keys()).resolves.toHaveLength(3_000);
    expect(world.control.reads.length).toBeLessThan(4_500);
    for (const { stop } of keepers) stop.abort();
    await Promise.all(running);
  });
});

describe('an index that is new', () => {
  test('is built as a whole: what it has by other rules too, and what is gone goes', async () => {
    const world = aWorld();
    for (const key of keysOf(3)) await world.put(key, 'bergen');
    await world.index.put([...asEntry('A/f/0.json'), ...asEntry('gone/f/0.json')]);
    world.living.becomeNew();
    const { run, stop, state } = aKeeper(world);
    const running = run();
    await world.time.runUntil(MINUTE_MS);
    const words: string[] = [];
    for await (const row of world.index.rows()) words.push(row.words);
    expect(words).toEqual(['bergen', 'bergen', 'bergen']);
    expect(state()).toMatchObject({ state: 'fresh', progress: null });
    stop.abort();
    await running;
  });

  test('is built as soon as somebody opened it', async () => {
    const world = aWorld();
    await world.put('A/f/1.json');
    const { run, stop } = aKeeper(world);
    const running = run();
    await world.time.runUntil(MINUTE_MS);
    await (await world.index.beginReindex()).finish([BUCKET]);
    world.living.becomeNew();
    await world.time.runUntil(2 * MINUTE_MS);
    await expect(world.keys()).resolves.toEqual(['A/f/1.json']);
    stop.abort();
    await running;
  });

  test('tells how far it is', async () => {
    const world = aWorld();
    for (const key of keysOf(20)) await world.put(key);
    world.living.becomeNew();
    const held = Promise.withResolvers<void>();
    const { living } = world;
    const begin = living.index.beginReindex;
    living.index.beginReindex = async () => ({ ...(await begin()), put: () => held.promise });
    const { run, stop, state } = aKeeper(world);
    const running = run();
    await settle(world);
    expect(state()).toMatchObject({ state: 'building', progress: { total: 20, done: 0 } });
    held.resolve();
    stop.abort();
    await running;
  });
});

describe('a stop', () => {
  test('indexes what waits first', async () => {
    const world = aWorld();
    const { note, run, stop } = aKeeper(world);
    const running = run();
    await settle(world);
    for (const key of keysOf(250)) note(key);
    stop.abort();
    await running;
    await expect(world.keys()).resolves.toHaveLength(250);
  });

  test('does not wait for an index that is away', async () => {
    const world = aWorld();
    const { note, run, stop } = aKeeper(world);
    world.control.indexFault = () => new Error('connection refused');
    const running = run();
    note('A/f/1.json');
    await settle(world);
    stop.abort();
    await running;
  });

  test('ends a catch-up in its midst', async () => {
    const world = aWorld();
    for (const key of keysOf(500)) await world.put(key);
    const { run, stop, state } = aKeeper(world);
    const held = Promise.withResolvers<void>();
    world.control.held = held.promise;
    const running = run();
    await settle(world);
    stop.abort();
    held.resolve();
    await running;
    expect(state()).toMatchObject({ caughtUpMs: null, failures: 0 });
  });
});

function asEntry(key: string): IndexEntry[] {
  const entry = entryMaker.entryOf({ bucket: BUCKET, key, metadata: {}, body: '', bytes: 0 });
  return entry === null ? [] : [entry];
}
