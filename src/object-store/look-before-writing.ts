import pLimit from 'p-limit';
import type { ObjectStore } from './object-store.ts';

/**
 * For S3 servers that ignore conditions, where only one instance exists: looks, then writes, one write at a time for a key.
 * Everything else is the store's own.
 */
export function lookBeforeWriting(store: ObjectStore): ObjectStore {
  const writers = new Map<string, ReturnType<typeof pLimit>>();

  async function inTurn<T>(bucket: string, key: string, write: () => Promise<T>): Promise<T> {
    const name = `${bucket}/${key}`;
    const writer = writers.get(name) ?? pLimit(1);
    writers.set(name, writer);
    try {
      return await writer(write);
    } finally {
      if (writer.activeCount + writer.pendingCount === 0) writers.delete(name);
    }
  }

  return {
    ...store,
    putIfAbsent: (object, signal) =>
      inTurn(object.bucket, object.key, async () => {
        const there = await store.head(object.bucket, object.key, signal);
        return there === null ? store.putIfAbsent(object, signal) : 'taken';
      }),
    putIfUnchanged: (object, etag, signal) =>
      inTurn(object.bucket, object.key, async () => {
        const there = await store.head(object.bucket, object.key, signal);
        return there?.etag === etag ? store.putIfUnchanged(object, etag, signal) : 'changed';
      }),
  };
}
