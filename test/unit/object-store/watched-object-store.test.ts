import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { watchObjectStore } from '../../../src/object-store/watched-object-store.ts';
import { createRememberingMetrics } from '../../support/builders-pipeline.ts';

const { signal } = new AbortController();
const anObject = (key = 'case/visit/anna-20240229T120000.json', body: string | Uint8Array = 'é') => ({
  bucket: 'b',
  key,
  body,
  contentType: 'application/json',
});

function aWorld() {
  const attempts: string[] = [];
  const measured: unknown[] = [];
  const faults: { onRequest: unknown } = { onRequest: null };
  const store = watchObjectStore(
    createMemoryObjectStore('b'),
    async (bucket, run) => {
      attempts.push(bucket);
      if (faults.onRequest !== null) throw faults.onRequest;
      return run();
    },
    {
      ...createRememberingMetrics(),
      vaultWritten: (result, seconds) => measured.push([result, seconds >= 0]),
      vaultBytes: (kind, bytes) => measured.push([kind, bytes]),
    },
  );
  return { store, attempts, measured, faults };
}

describe('a watched store', () => {
  test('learns from every request about a bucket whether that answers', async () => {
    const { store, attempts } = aWorld();
    const { key } = anObject();
    await store.putIfAbsent(anObject(), signal);
    await store.putIfUnchanged(anObject(), '"other"', signal);
    await store.head('b', key, signal);
    await store.get('b', key, signal);
    await store.getPart('b', key, { from: 0, maxBytes: 1 }, signal);
    await store.createBucket('new', signal);
    expect(attempts).toEqual(['b', 'b', 'b', 'b', 'b', 'new']);
  });

  test('answers as the store behind it does', async () => {
    const { store } = aWorld();
    await expect(store.putIfAbsent(anObject(), signal)).resolves.toMatchObject({ etag: expect.any(String) });
    await expect(store.putIfAbsent(anObject(), signal)).resolves.toBe('taken');
    await expect(store.putIfUnchanged(anObject(), '"other"', signal)).resolves.toBe('changed');
    await expect(store.bucketExists('b', signal)).resolves.toBe(true);
  });

  test('measures writes, and the bytes of what was written', async () => {
    const { store, measured } = aWorld();
    await store.putIfAbsent(anObject(), signal);
    await store.putIfAbsent(anObject(), signal);
    expect(measured).toEqual([
      ['persisted', true],
      ['submission', 2],
      ['unchanged', true],
    ]);
  });

  test.each([
    ['case/visit/anna-20240229T120000.json', 'submission'],
    ['tenants/t/case/attachments/anna-20240229T120000.json', 'submission'],
    ['case/visit/anna-20240229T120000/attachments/photo/a.jpg', 'attachment'],
    ['tenants/t/case/visit/anna-20240229T120000/attachments/list/a.json', 'attachment'],
  ])('counts %s as %s', async (key, kind) => {
    const { store, measured } = aWorld();
    await store.putIfAbsent(anObject(key, new Uint8Array(3)), signal);
    expect(measured).toContainEqual([kind, 3]);
  });

  test('counts a write that fails, and none that was given up', async () => {
    const { store, measured, faults } = aWorld();
    faults.onRequest = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object');
    await expect(store.putIfAbsent(anObject(), signal)).rejects.toBe(faults.onRequest);
    faults.onRequest = new FormvaultError('SHUTTING_DOWN', 'could not write an object');
    await expect(store.putIfAbsent(anObject(), AbortSignal.abort())).rejects.toBe(faults.onRequest);
    expect(measured).toEqual([['failed', true]]);
  });
});
