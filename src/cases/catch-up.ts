/**
 * Finds what lies in the vault and is not in the index, and puts it there.
 *
 * Several processes may do this to one index at the same time. Each takes what is missing by chance and looks again before it
 * reads, so they share the work instead of doing it twice; and doing it twice changes nothing.
 */
import { failureCodeOf } from '../errors.ts';
import type { CaseIndex } from '../index/case-index.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import type { EntryReader } from './entry-reader.ts';
import { listSubmissions } from './list-submissions.ts';
import { putEntries } from './put-entries.ts';

export type CatchUp = {
  /** Put into the index. */
  found: number;
  /** Not read, or not taken by the index: tried again the next time. */
  leftOut: number;
  /** Buckets that may not be looked into. */
  closed: string[];
};

const LISTED_AT_A_TIME = 1_000;
const READ_AT_A_TIME = 100;

/** @throws FormvaultError of the object store, also where no bucket at all may be looked into; what the index throws */
export async function catchUp(
  from: {
    store: Pick<ObjectStore, 'list'>;
    index: Pick<CaseIndex, 'findKnown' | 'put'>;
    reader: EntryReader;
    isSubmissionKey(key: string): boolean;
  },
  buckets: readonly string[],
  signal: AbortSignal,
): Promise<CatchUp> {
  const { store, index, reader, isSubmissionKey } = from;
  const result: CatchUp = { found: 0, leftOut: 0, closed: [] };

  async function findMissing(bucket: string, keys: readonly string[]): Promise<string[]> {
    const known = await index.findKnown(bucket, keys);
    return keys.filter((key) => !known.has(key));
  }

  async function indexMissing(bucket: string, keys: readonly string[]): Promise<void> {
    const byChance = (await findMissing(bucket, keys)).sort(() => Math.random() - 0.5);
    for (let at = 0; at < byChance.length; at += READ_AT_A_TIME) {
      const missing = await findMissing(bucket, byChance.slice(at, at + READ_AT_A_TIME));
      const { entries, unreadable } = await reader.read(bucket, missing, signal);
      const refused = await putEntries((some) => index.put(some), entries);
      result.found += entries.length - refused.length;
      result.leftOut += unreadable.length + refused.length;
    }
  }

  for (const bucket of buckets) {
    try {
      for await (const keys of listSubmissions(store, isSubmissionKey, bucket, LISTED_AT_A_TIME, signal)) {
        await indexMissing(bucket, keys);
      }
    } catch (error) {
      const code = failureCodeOf(error);
      if (code !== 'BUCKET_MISSING' && code !== 'VAULT_REJECTED') throw error;
      if (code === 'VAULT_REJECTED' && result.closed.push(bucket) === buckets.length) throw error;
    }
  }
  return result;
}
