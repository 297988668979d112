import { expect, test } from '@jest/globals';
import { catchUp } from '../../../src/cases/catch-up.ts';
import { createEntryReader } from '../../../src/cases/entry-reader.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { createMemoryCaseIndex } from '../../support/memory-case-index.ts';
import { entryMaker } from './an-entry-maker.ts';

const [FIRST, SECOND] = ['dev-cop-case', 'dev-visits'] as const;
const { signal } = new AbortController();

/** Two buckets; the index refuses what has `poison` in its key. */
async function aWorld(keys: { bucket: string; key: string }[], sqlState?: string) {
  const store = createMemoryObjectStore(FIRST, SECOND);
  for (const place of keys)
    await store.putIfAbsent({ ...place, body: 'oslo', contentType: 'application/json' }, signal);
  const rows = createMemoryCaseIndex();
  const index = {
    ...rows,
    async put(entries: readonly IndexEntry[]) {
      const context = sqlState === undefined ? {} : { sqlState };
      if (entries.some(({ key }) => key.includes('poison')))
        throw new FormvaultError('INDEX_UNAVAILABLE', 'could not write to the index', { context });
      await rows.put(entries);
    },
  };
  const reader = createEntryReader({ store, maker: entryMaker, concurrency: 2, patienceMs: 0 });
  const { isSubmissionKey } = entryMaker;
  return { run: () => catchUp({ store, index, reader, isSubmissionKey }, [FIRST, SECOND], signal), rows };
}

const POISON = { bucket: FIRST, key: 'A/f/poison.json' };
const GOOD = { bucket: SECOND, key: 'B/f/1.json' };

test('an entry that the index can never take stops no catch-up, even alone in its bucket', async () => {
  const { run, rows } = await aWorld([POISON, GOOD], '54000');

  await expect(run()).resolves.toEqual({ found: 1, leftOut: 1, closed: [] });
  await expect(run()).resolves.toEqual({ found: 0, leftOut: 1, closed: [] });
  await expect(rows.countSubmissions()).resolves.toBe(1);
});

test('an index that takes nothing ends it', async () => {
  const { run, rows } = await aWorld([POISON, GOOD]);

  await expect(run()).rejects.toMatchObject({ code: 'INDEX_UNAVAILABLE' });
  await expect(rows.countSubmissions()).resolves.toBe(0);
});
