import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { ObjectStore, StoredObject } from '../object-store/object-store.ts';

/** The first one and another are in memory for each reader, however slow it is. */
const PART_BYTES = 4 * 1024 * 1024;

/** To be gone through once; what is not asked for is not read. */
export type ObjectInParts = Pick<StoredObject, 'bytes' | 'contentType'> & { parts: AsyncIterable<Uint8Array> };

/**
 * An object of any size. The first part is read before this returns, so that what is away is known before anything is sent.
 * `null` where it was taken away, with or without its bucket. `signal` is for the first part: the others end with their reader.
 * @throws FormvaultError of the object store
 */
export async function openInParts(
  store: Pick<ObjectStore, 'getPart'>,
  { bucket, key }: { bucket: string; key: string },
  signal: AbortSignal,
): Promise<ObjectInParts | null> {
  const readFrom = (from: number, until: AbortSignal) =>
    store.getPart(bucket, key, { from, maxBytes: PART_BYTES }, until);
  const first = await readFrom(0, signal).catch((error: unknown) => {
    if (failureCodeOf(error) === 'BUCKET_MISSING') return null;
    throw error;
  });
  if (first === null) return null;
  const { bytes, contentType, etag } = first;

  async function* parts(): AsyncGenerator<Uint8Array> {
    const { signal: never } = new AbortController();
    let sent = 0;
    while (sent < bytes) {
      const part = sent === 0 ? first : await readFrom(sent, never);
      if (part === null || part.etag !== etag || part.body.length === 0) throw changed(bucket, sent, bytes);
      sent += part.body.length;
      yield part.body;
    }
  }

  return { bytes, contentType, parts: parts() };
}

function changed(bucket: string, sent: number, bytes: number): FormvaultError {
  return new FormvaultError('VAULT_REJECTED', 'could not read an object to its end', {
    context: { bucket, sent, bytes },
    hint: 'It was replaced or taken away meanwhile, by something else than Formvault: look for what else writes to the bucket.',
  });
}
