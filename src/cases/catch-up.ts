import { failureCodeOf } from '../errors.ts';
import type { CaseIndex } from '../index/case-index.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import type { EntryReader } from './entry-reader.ts';
import { indexMissing } from './index-missing.ts';
import { listSubmissions } from './list-submissions.ts';

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

/**
 * Finds what lies in the vault and is not in the index, and puts it there.
 * @throws FormvaultError of the object store, also where no bucket at all may be looked into; what the index throws
 */
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
  const target = { findDone: index.findKnown, put: index.put };
  const result: CatchUp = { found: 0, leftOut: 0, closed: [] };
  for (const bucket of buckets) {
    try {
      for await (const keys of listSubmissions(store, isSubmissionKey, bucket, LISTED_AT_A_TIME, signal)) {
        const { put, leftOut } = await indexMissing(target, reader, { bucket, keys, atATime: READ_AT_A_TIME }, signal);
        result.found += put;
        result.leftOut += leftOut.length;
      }
    } catch (error) {
      const code = failureCodeOf(error);
      if (code !== 'BUCKET_MISSING' && code !== 'VAULT_REJECTED') throw error;
      if (code === 'VAULT_REJECTED' && result.closed.push(bucket) === buckets.length) throw error;
    }
  }
  return result;
}
