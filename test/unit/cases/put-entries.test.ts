import { describe, expect, test } from '@jest/globals';
import { putEntries } from '../../../src/cases/put-entries.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import { anIndexEntry } from '../../support/memory-case-index.ts';

const refusalOf = (sqlState: string) =>
  new FormvaultError('INDEX_UNAVAILABLE', 'could not write to the index', { context: { sqlState } });
const away = () => new FormvaultError('INDEX_UNAVAILABLE', 'could not write to the index');
const entriesOf = (...keys: string[]) => keys.map((key) => anIndexEntry({ key }));
const keysOf = (entries: readonly IndexEntry[]) => entries.map(({ key }) => key).toSorted();

/** Takes a batch unless one of its entries has a failure. */
function anIndex(failureOf: (key: string) => unknown) {
  const taken: string[] = [];
  const put = async (entries: readonly IndexEntry[]) => {
    for (const { key } of entries) {
      const failure = failureOf(key);
      if (failure !== null) throw failure;
    }
    taken.push(...entries.map(({ key }) => key));
  };
  return { put, taken };
}

const ofPoison = (failure: unknown) => (key: string) => (key.startsWith('poison') ? failure : null);

describe('an entry that is refused for what is in it', () => {
  test.each(['22021', '22P02', '54000'])('with %s is given back, also where it is the only one', async (sqlState) => {
    const { put } = anIndex(ofPoison(refusalOf(sqlState)));
    await expect(putEntries(put, entriesOf('poison'))).resolves.toMatchObject([{ key: 'poison' }]);
  });

  test('keeps no other out, however many of them there are', async () => {
    const { put, taken } = anIndex(ofPoison(refusalOf('54000')));
    const refused = await putEntries(put, entriesOf('a', 'poison-1', 'poison-2', 'poison-3', 'poison-4', 'b'));
    expect(keysOf(refused)).toEqual(['poison-1', 'poison-2', 'poison-3', 'poison-4']);
    expect(taken.toSorted()).toEqual(['a', 'b']);
  });

  test('says nothing about the index, where all are like it', async () => {
    const { put } = anIndex(ofPoison(refusalOf('54000')));
    const entries = entriesOf('poison-1', 'poison-2', 'poison-3', 'poison-4');
    await expect(putEntries(put, entries)).resolves.toHaveLength(4);
  });

  test('does not hide that the index takes none of the others', async () => {
    const { put } = anIndex((key) => (key.startsWith('poison') ? refusalOf('22021') : away()));
    const failure = { code: 'INDEX_UNAVAILABLE', context: {} };
    await expect(putEntries(put, entriesOf('poison', 'a'))).rejects.toMatchObject(failure);
    await expect(putEntries(put, entriesOf('poison', 'a', 'b', 'c', 'd'))).rejects.toMatchObject(failure);
  });
});

describe('an entry that fails for another reason', () => {
  test.each([
    ['none that is told', away()],
    ['the server', refusalOf('53300')],
    ['no failure of the index', new Error('surprise')],
  ])('ends it where it is the only one: %s', async (_, failure) => {
    const { put } = anIndex(ofPoison(failure));
    await expect(putEntries(put, entriesOf('poison'))).rejects.toBe(failure);
  });

  test('is given back where others are taken', async () => {
    const { put, taken } = anIndex(ofPoison(away()));
    await expect(putEntries(put, entriesOf('a', 'poison', 'b'))).resolves.toMatchObject([{ key: 'poison' }]);
    expect(taken.toSorted()).toEqual(['a', 'b']);
  });

  test('ends it after three that were taken by chance', async () => {
    let puts = 0;
    const put = async () => {
      puts++;
      throw away();
    };
    await expect(putEntries(put, entriesOf('a', 'b', 'c', 'd', 'e'))).rejects.toMatchObject({
      code: 'INDEX_UNAVAILABLE',
    });
    expect(puts).toBe(4);
  });
});
