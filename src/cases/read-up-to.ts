import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { ObjectStore, ReadObject } from '../object-store/object-store.ts';

/**
 * An object, unless it is larger. `null` where it was taken away, with or without its bucket.
 * @throws FormvaultError of the object store; VAULT_REJECTED for one that is larger
 */
export async function readUpTo(
  maxBytes: number,
  store: Pick<ObjectStore, 'getPart'>,
  { bucket, key }: { bucket: string; key: string },
  signal: AbortSignal,
): Promise<ReadObject | null> {
  const stored = await store.getPart(bucket, key, { from: 0, maxBytes }, signal).catch((error: unknown) => {
    if (failureCodeOf(error) === 'BUCKET_MISSING') return null;
    throw error;
  });
  if (stored === null || stored.bytes <= maxBytes) return stored;
  throw new FormvaultError('VAULT_REJECTED', 'could not read an object as a whole', {
    context: { bucket, bytes: stored.bytes, maxBytes },
    hint: 'It is too large to be sent from here: get it from S3 itself.',
  });
}
