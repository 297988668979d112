import { describe, expect, test } from '@jest/globals';
import { lookBeforeWriting } from '../../../src/object-store/look-before-writing.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { findIgnoredCondition } from '../../../src/object-store/probe-conditional-writes.ts';

const BUCKET = 'dev-cop-case';
const { signal } = new AbortController();
const anObject = (body: string, key = 'a') => ({ bucket: BUCKET, key, body, contentType: 'text/plain' });

/** A server that takes every write, whatever its conditions say. */
function aStoreThatIgnores(...conditions: ('If-None-Match' | 'If-Match')[]): ObjectStore {
  const store = createMemoryObjectStore(BUCKET);
  async function overwrite(
    object: Parameters<ObjectStore['putIfAbsent']>[0],
    on: AbortSignal,
  ): Promise<{ etag: string }> {
    const there = await store.head(object.bucket, object.key, on);
    const answer =
      there === null ? await store.putIfAbsent(object, on) : await store.putIfUnchanged(object, there.etag, on);
    return typeof answer === 'string' ? overwrite(object, on) : answer;
  }
  return {
    ...store,
    putIfAbsent: (object, on) =>
      conditions.includes('If-None-Match') ? overwrite(object, on) : store.putIfAbsent(object, on),
    putIfUnchanged: (object, etag, on) =>
      conditions.includes('If-Match') ? overwrite(object, on) : store.putIfUnchanged(object, etag, on),
  };
}

async function textOf(store: ObjectStore, key = 'a'): Promise<string> {
  return Buffer.from((await store.get(BUCKET, key, signal))?.body ?? []).toString();
}

describe('the probe of a server', () => {
  test.each(['If-None-Match', 'If-Match'] as const)('F10: finds out that it ignores %s', async (condition) => {
    await expect(findIgnoredCondition(aStoreThatIgnores(condition), BUCKET, signal)).resolves.toBe(condition);
  });

  test('F10: finds nothing on one that honours both, at the first start and at every later one', async () => {
    const store = createMemoryObjectStore(BUCKET);
    await expect(findIgnoredCondition(store, BUCKET, signal)).resolves.toBeNull();
    await expect(findIgnoredCondition(store, BUCKET, signal)).resolves.toBeNull();
  });

  test('fails where the bucket is missing', async () => {
    await expect(findIgnoredCondition(createMemoryObjectStore(), BUCKET, signal)).rejects.toMatchObject({
      code: 'BUCKET_MISSING',
    });
  });
});

describe('on a server that ignores conditions, looking first', () => {
  const aCarefulStore = () => lookBeforeWriting(aStoreThatIgnores('If-None-Match', 'If-Match'));

  test('V4: overwrites nothing', async () => {
    const store = aCarefulStore();
    await store.putIfAbsent(anObject('first'), signal);
    await expect(store.putIfAbsent(anObject('second'), signal)).resolves.toBe('taken');
    await expect(textOf(store)).resolves.toBe('first');
  });

  test('changes only what is as it was seen', async () => {
    const store = aCarefulStore();
    const written = await store.putIfAbsent(anObject('first'), signal);
    const etag = typeof written === 'string' ? '' : written.etag;
    await expect(store.putIfUnchanged(anObject('x', 'nothing here'), etag, signal)).resolves.toBe('changed');
    await expect(store.putIfUnchanged(anObject('second'), etag, signal)).resolves.toHaveProperty('etag');
    await expect(store.putIfUnchanged(anObject('third'), etag, signal)).resolves.toBe('changed');
    await expect(textOf(store)).resolves.toBe('second');
  });

  test('lets one of many writers at once through', async () => {
    const store = aCarefulStore();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, each) => store.putIfAbsent(anObject(`${each}`), signal)),
    );
    expect(answers.filter((answer) => answer !== 'taken')).toHaveLength(1);
  });

  test('goes on after a write that failed', async () => {
    const store = aCarefulStore();
    await expect(store.putIfAbsent(anObject('x'), AbortSignal.abort())).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
    await expect(store.putIfAbsent(anObject('y'), signal)).resolves.toHaveProperty('etag');
  });
});
