import { createHash } from 'node:crypto';
import { FormvaultError } from '../errors.ts';
import type { ObjectStore, ObjectToPut, ReadObject } from './object-store.ts';

/** The object store's contract in memory, with the given buckets to begin with. */
export function createMemoryObjectStore(...bucketNames: string[]): ObjectStore {
  const buckets = new Map<string, Map<string, ReadObject>>(bucketNames.map((name) => [name, new Map()]));

  /** Gives way once, as a request would, so that racing callers really interleave. */
  async function arrive(attempted: string, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    if (signal.aborted) throw new FormvaultError('SHUTTING_DOWN', attempted);
  }

  async function openBucket(bucket: string, attempted: string, signal: AbortSignal): Promise<Map<string, ReadObject>> {
    await arrive(attempted, signal);
    const objects = buckets.get(bucket);
    if (objects === undefined) throw new FormvaultError('BUCKET_MISSING', attempted, { context: { bucket } });
    return objects;
  }

  async function get(bucket: string, key: string, signal: AbortSignal): Promise<ReadObject | null> {
    const kept = (await openBucket(bucket, 'could not read an object', signal)).get(key);
    return kept === undefined ? null : { ...kept, metadata: { ...kept.metadata }, body: Uint8Array.from(kept.body) };
  }

  return {
    async putIfAbsent(object, signal) {
      const objects = await openBucket(object.bucket, 'could not write an object', signal);
      if (objects.has(object.key)) return 'taken';
      const kept = keep(object);
      objects.set(object.key, kept);
      return { etag: kept.etag };
    },

    async putIfUnchanged(object, etag, signal) {
      const objects = await openBucket(object.bucket, 'could not write an object', signal);
      if (objects.get(object.key)?.etag !== etag) return 'changed';
      const kept = keep(object);
      objects.set(object.key, kept);
      return { etag: kept.etag };
    },

    async head(bucket, key, signal) {
      await arrive('could not look at an object', signal);
      const kept = buckets.get(bucket)?.get(key);
      if (kept === undefined) return null;
      const { body: _, ...stored } = kept;
      return { ...stored, metadata: { ...stored.metadata } };
    },

    get,

    async getPart(bucket, key, { from, maxBytes }, signal) {
      const read = await get(bucket, key, signal);
      return read && { ...read, body: read.body.subarray(from, from + maxBytes) };
    },

    async *list(bucket, prefix, signal) {
      const objects = await openBucket(bucket, 'could not list objects', signal);
      for (const key of [...objects.keys()].sort()) if (key.startsWith(prefix)) yield key;
    },

    async *listBuckets(prefix, signal) {
      await arrive('could not list the buckets', signal);
      for (const name of [...buckets.keys()].sort()) if (name.startsWith(prefix)) yield name;
    },

    async bucketExists(bucket, signal) {
      await arrive('could not look at a bucket', signal);
      return buckets.has(bucket);
    },

    async createBucket(bucket, signal) {
      await arrive('could not create a bucket', signal);
      if (!buckets.has(bucket)) buckets.set(bucket, new Map());
    },

    close() {},
  };
}

/** As on S3, the same content has the same ETag. */
function keep({ body, contentType, metadata = {} }: ObjectToPut): ReadObject {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Uint8Array.from(body);
  return {
    etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
    bytes: bytes.length,
    contentType,
    metadata: { ...metadata },
    body: bytes,
  };
}
