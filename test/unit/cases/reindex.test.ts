import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { type ReindexProgress, reindex } from '../../../src/cases/reindex.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { CaseIndex, IndexEntry } from '../../../src/index/case-index.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { anIndexEntry, createMemoryCaseIndex } from '../../support/memory-case-index.ts';
import { entryMaker } from './an-entry-maker.ts';

const BUCKET = 'dev-cop-case';
const OTHER = 'dev-visits';
const { signal } = new AbortController();

function aVault() {
  const memory = createMemoryObjectStore(BUCKET, OTHER);
  const faults = new Map<string, unknown>();
  const reads: string[] = [];
  const store: ObjectStore = {
    ...memory,
    async getPart(bucket, key, part, callers) {
      reads.push(key);
      await setImmediate(); // reading takes longer than listing
      if (faults.has(key)) throw faults.get(key);
      return memory.getPart(bucket, key, part, callers);
    },
    async *list(bucket, prefix, callers) {
      if (faults.has(bucket)) throw faults.get(bucket);
      yield* memory.list(bucket, prefix, callers);
    },
  };
  const index = createMemoryCaseIndex();
  const progress: ReindexProgress[] = [];
  return {
    index,
    faults,
    reads,
    progress,
    async keep(keys: string[], body = 'oslo', bucket = BUCKET) {
      for (const key of keys) {
        const object = { bucket, key, body, contentType: 'application/json', metadata: { title: 'Visit' } };
        await memory.putIfAbsent(object, signal);
      }
    },
    run(options: { buckets?: string[]; signal?: AbortSignal; index?: Pick<CaseIndex, 'beginReindex'> } = {}) {
      const from = {
        store,
        index: options.index ?? index,
        maker: entryMaker,
        concurrency: 8,
        onProgress: (each: ReindexProgress) => progress.push(each),
      };
      return reindex(from, options.buckets ?? [BUCKET, OTHER], options.signal ?? signal);
    },
    async keys() {
      const found: string[] = [];
      for await (const row of index.rows()) found.push(`${row.bucket}/${row.key}`);
      return found;
    },
  };
}

const keysOf = (count: number, caseId = 'A') => Array.from({ length: count }, (_, each) => `${caseId}/f/${each}.json`);
const rejected = () => new FormvaultError('VAULT_REJECTED', 'could not read an object');

/** An index whose runs do something before they put. */
function watching(index: CaseIndex, onPut: (entries: readonly IndexEntry[]) => void): Pick<CaseIndex, 'beginReindex'> {
  return {
    async beginReindex() {
      const run = await index.beginReindex();
      return {
        ...run,
        async put(entries) {
          onPut(entries);
          await run.put(entries);
        },
      };
    },
  };
}

describe('building the index again', () => {
  test('puts every submission of all buckets into it, with what its metadata and body say, and nothing else', async () => {
    const { keep, run, index } = aVault();
    await keep(['A/f/1.json', 'A/f/1/attachments/photo/x.json', '.formvault/feed.json', 'readme.txt']);
    await keep(['B/f/1.json'], 'bergen', OTHER);
    await keep(['C/f/1.json'], 'no submission');

    await expect(run()).resolves.toMatchObject({ buckets: 2, removed: 0, closed: [], leftOut: { count: 0 } });
    const rows: IndexEntry[] = [];
    for await (const row of index.rows()) rows.push(row);
    expect(rows).toMatchObject([
      { bucket: BUCKET, key: 'A/f/1.json', title: 'Visit', words: 'oslo' },
      { bucket: OTHER, key: 'B/f/1.json', title: 'Visit', words: 'bergen' },
    ]);
  });

  test('takes out what no bucket holds any more', async () => {
    const { keep, run, index, keys } = aVault();
    await index.put([anIndexEntry({ key: 'gone/f/1.json' })]);
    await keep(['A/f/1.json']);
    await expect(run()).resolves.toMatchObject({ removed: 1 });
    await expect(keys()).resolves.toEqual([`${BUCKET}/A/f/1.json`]);
  });

  test('goes on where it was interrupted', async () => {
    const { keep, run, index, reads, progress, keys } = aVault();
    await keep(keysOf(2_000));
    const stop = new AbortController();
    let puts = 0;
    const interrupted = watching(index, () => {
      if (++puts === 4) stop.abort();
    });
    await expect(run({ index: interrupted, signal: stop.signal })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    reads.length = 0;
    progress.length = 0;

    await expect(run()).resolves.toMatchObject({ submissions: 2_000 });
    expect(reads.length).toBeLessThan(1_001);
    expect(progress.at(-1)).toMatchObject({ total: 2_000, done: 2_000, isTotalKnown: true });
    expect(progress.at(-1)?.doneBefore).toBeGreaterThan(999);
    await expect(keys()).resolves.toHaveLength(2_000);
  });

  test('is shared by processes that do it at the same time', async () => {
    const { keep, run, keys, reads } = aVault();
    await keep(keysOf(20_000));
    const [one, other] = await Promise.all([run(), run()]);
    expect([one.submissions, other.submissions]).toEqual([20_000, 20_000]);
    await expect(keys()).resolves.toHaveLength(20_000);
    expect(reads.length).toBeLessThan(28_000);
  });

  test('removes nothing when it does not come to its end', async () => {
    const { keep, run, index, faults, keys } = aVault();
    await index.put([anIndexEntry({ key: 'old/f/1.json' })]);
    await keep(keysOf(3));
    faults.set(OTHER, new FormvaultError('ENGINE_REJECTED', 'a surprise'));
    await expect(run()).rejects.toMatchObject({ code: 'ENGINE_REJECTED' });
    await expect(keys()).resolves.toContain(`${BUCKET}/old/f/1.json`);
  });

  test('tells how far it is', async () => {
    const { keep, run, progress } = aVault();
    await keep(keysOf(1_200));
    await run();
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).toSorted((a, b) => a - b));
    expect(progress.at(-1)).toEqual({ total: 1_200, isTotalKnown: true, done: 1_200, doneBefore: 0 });
  });
});

describe('what cannot be indexed', () => {
  test('is left out and named: refused by S3, made to break a reader, not taken by the index', async () => {
    const { keep, run, index, faults, keys } = aVault();
    await keep(['A/f/1.json', 'A/f/refused.json', 'A/f/poison.json']);
    await keep(['A/f/hostile.json'], 'break');
    faults.set('A/f/refused.json', rejected());
    const poisoned = watching(index, (entries) => {
      if (entries.some(({ key }) => key.includes('poison'))) throw new Error('invalid byte sequence');
    });
    const { leftOut, submissions } = await run({ index: poisoned });
    expect(submissions).toBe(1);
    expect(leftOut.count).toBe(3);
    expect(leftOut.first.map(({ key }) => key).toSorted()).toEqual([
      'A/f/hostile.json',
      'A/f/poison.json',
      'A/f/refused.json',
    ]);
    await expect(keys()).resolves.toEqual([`${BUCKET}/A/f/1.json`]);
  });

  test('stays findable as it was: unreadable now, or not taken now; what is gone does not', async () => {
    const { keep, run, index, faults, keys } = aVault();
    const before = ['A/f/refused.json', 'A/f/poison.json', 'A/f/gone.json'].map((key) => anIndexEntry({ key }));
    await index.put(before);
    await keep(['A/f/1.json', 'A/f/refused.json', 'A/f/poison.json', 'A/f/never-indexed.json']);
    for (const key of ['A/f/refused.json', 'A/f/never-indexed.json']) faults.set(key, rejected());
    const poisoned = watching(index, (entries) => {
      if (entries.some(({ key }) => key.includes('poison'))) throw new Error('invalid byte sequence');
    });
    await expect(run({ index: poisoned })).resolves.toMatchObject({ removed: 1, leftOut: { count: 3 } });
    const left = ['A/f/1.json', 'A/f/poison.json', 'A/f/refused.json'];
    await expect(keys()).resolves.toEqual(left.map((key) => `${BUCKET}/${key}`));
  });

  test('is tried again by a run that goes on', async () => {
    const { keep, run, index, faults, reads } = aVault();
    await index.put([anIndexEntry({ key: 'A/f/refused.json' })]);
    await keep(['A/f/1.json', 'A/f/refused.json']);
    faults.set('A/f/refused.json', rejected());
    const interrupted = {
      async beginReindex() {
        const retain = () => Promise.reject(new Error('connection lost'));
        return { ...(await index.beginReindex()), retain };
      },
    };
    await expect(run({ index: interrupted })).rejects.toThrow('connection lost');
    faults.clear();
    reads.length = 0;

    await expect(run()).resolves.toMatchObject({ leftOut: { count: 0 } });
    expect(reads).toEqual(['A/f/refused.json']);
  });

  test('ends the run when it is everything: it is not the fault of the objects, or of the entries', async () => {
    const { keep, run, index, faults } = aVault();
    await index.put([anIndexEntry({ key: 'old/f/1.json' })]);
    await keep(keysOf(50));
    for (const key of keysOf(50)) faults.set(key, rejected());
    await expect(run()).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
    faults.clear();
    const away = watching(index, () => {
      throw new Error('connection refused');
    });
    await expect(run({ index: away })).rejects.toThrow('connection refused');
    await expect(index.countSubmissions()).resolves.toBe(1);
  });
});

describe('a bucket', () => {
  test('that is missing holds nothing', async () => {
    const { keep, run, keys } = aVault();
    await keep(keysOf(1));
    await expect(run({ buckets: ['dev-missing', BUCKET] })).resolves.toMatchObject({ submissions: 1 });
    await expect(keys()).resolves.toHaveLength(1);
  });

  test('that may not be listed is told, and what the index holds of it stays', async () => {
    const { keep, run, index, faults, keys } = aVault();
    await keep(keysOf(1));
    await index.put([anIndexEntry({ bucket: OTHER, key: 'B/f/1.json' })]);
    faults.set(OTHER, rejected());
    await expect(run()).resolves.toMatchObject({ buckets: 1, closed: [OTHER], removed: 0 });
    await expect(keys()).resolves.toEqual([`${BUCKET}/A/f/0.json`, `${OTHER}/B/f/1.json`]);
  });

  test('is not the only one that may not be listed: that is a failure', async () => {
    const { run, faults } = aVault();
    for (const bucket of [BUCKET, OTHER]) faults.set(bucket, rejected());
    await expect(run()).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
  });
});
