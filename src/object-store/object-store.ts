/**
 * S3 behind a port. Two implementations keep the same contract (`test/contract/object-store.test.ts`): `s3-object-store.ts`
 * and, for unit tests, `memory-object-store.ts`.
 *
 * Every write is one conditional request; only an answer with an ETag counts as written. Nothing is ever deleted.
 * Errors: VAULT_UNAVAILABLE (network, time-out, 5xx, throttling, 409), VAULT_REJECTED (other 4xx, no credentials),
 * BUCKET_MISSING, SHUTTING_DOWN (the caller's own signal).
 */
export type StoredObject = {
  etag: string;
  bytes: number;
  contentType: string;
  /** User metadata as stored: lower-case names, values still percent-encoded. */
  metadata: Record<string, string>;
};

export type ReadObject = StoredObject & { body: Uint8Array };

export type ObjectToPut = {
  bucket: string;
  key: string;
  body: string | Uint8Array;
  contentType: string;
  metadata?: Record<string, string>;
};

export interface ObjectStore {
  /** Writes with `If-None-Match: *`. `taken`: there is an object already, perhaps one's own after a lost answer. */
  putIfAbsent(object: ObjectToPut, signal: AbortSignal): Promise<{ etag: string } | 'taken'>;
  /**
   * Writes with `If-Match`. `changed`: the object has another ETag, perhaps from one's own lost write, or is not there; some
   * servers say so in a missing bucket too.
   */
  putIfUnchanged(object: ObjectToPut, etag: string, signal: AbortSignal): Promise<{ etag: string } | 'changed'>;
  /** `null` in a missing bucket too: the answer to a HEAD does not tell the two apart. */
  head(bucket: string, key: string, signal: AbortSignal): Promise<StoredObject | null>;
  get(bucket: string, key: string, signal: AbortSignal): Promise<ReadObject | null>;
  /** `maxBytes` of it from `from` on; less, or nothing, where the object ends before. `bytes` is the size of the whole. */
  getPart(
    bucket: string,
    key: string,
    part: { from: number; maxBytes: number },
    signal: AbortSignal,
  ): Promise<ReadObject | null>;
  /** Keys below a prefix; the order is the server's. */
  list(bucket: string, prefix: string, signal: AbortSignal): AsyncIterable<string>;
  /** Buckets of this account whose names begin so. VAULT_REJECTED where that is not allowed. */
  listBuckets(prefix: string, signal: AbortSignal): AsyncIterable<string>;
  bucketExists(bucket: string, signal: AbortSignal): Promise<boolean>;
  /** Creating a bucket that is one's own already is a success. */
  createBucket(bucket: string, signal: AbortSignal): Promise<void>;
  close(): void;
}
