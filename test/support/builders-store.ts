import { createMemoryObjectStore } from '../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../src/object-store/object-store.ts';

export const STATE_BUCKET = 'dev-cop-case';

/** A store in memory whose objects a test can lose, and whose requests and whose answers to writes can get lost. */
export function createFragileStore(...buckets: string[]) {
  const store = createMemoryObjectStore(...(buckets.length === 0 ? [STATE_BUCKET] : buckets));
  const deleted = new Map<string, string>();
  const faults: { onRequest: Error | null; onAnswer: Error | null } = { onRequest: null, onAnswer: null };

  async function perform<T>(request: () => Promise<T>): Promise<T> {
    if (faults.onRequest !== null) throw faults.onRequest;
    return request();
  }

  async function write<T>(request: () => Promise<T>): Promise<T> {
    const answer = await perform(request);
    if (faults.onAnswer !== null) throw faults.onAnswer;
    return answer;
  }

  const fragile: ObjectStore = {
    ...store,
    putIfAbsent: (object, signal) =>
      write(async () => {
        const etag = deleted.get(object.key);
        const answer =
          etag === undefined ? store.putIfAbsent(object, signal) : store.putIfUnchanged(object, etag, signal);
        const result = await answer;
        if (result === 'changed') return 'taken';
        if (result !== 'taken') deleted.delete(object.key);
        return result;
      }),
    putIfUnchanged: (object, etag, signal) =>
      write(async () => (deleted.has(object.key) ? 'changed' : store.putIfUnchanged(object, etag, signal))),
    get: (bucket, key, signal) => perform(async () => (deleted.has(key) ? null : store.get(bucket, key, signal))),
    head: (bucket, key, signal) => perform(async () => (deleted.has(key) ? null : store.head(bucket, key, signal))),
  };

  return {
    store: fragile,
    faults,
    /** As somebody with another tool would. */
    async lose(key: string): Promise<void> {
      const there = await store.head(STATE_BUCKET, key, new AbortController().signal);
      if (there !== null) deleted.set(key, there.etag);
    },
  };
}
