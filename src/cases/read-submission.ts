import type { Visible } from '../access/visible.ts';
import type { CaseIndex, IndexedSubmission } from '../index/case-index.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { readUpTo } from './read-up-to.ts';

export type ObjectPlace = {
  caseId: string;
  key: string;
  /** Where the same key is in two buckets; without it the newer one is meant. */
  bucket?: string;
};

export type StoredSubmission = {
  submission: IndexedSubmission;
  /** As it lies in the vault. */
  body: Uint8Array;
};

export type CaseVault = {
  index: Pick<CaseIndex, 'findSubmission'>;
  store: Pick<ObjectStore, 'getPart'>;
};

/** Larger than any form that people fill in, and small enough to be in memory some times. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * A submission of this very case, which the index knows; no other object is ever read. `null` where there is none that the
 * person may see.
 * @throws FormvaultError of index and object store; VAULT_REJECTED for one that is too large to be shown
 */
export async function readSubmission(
  { index, store }: CaseVault,
  place: ObjectPlace,
  visible: Visible,
  signal: AbortSignal,
): Promise<StoredSubmission | null> {
  if (Object.values(place).some((text) => text.includes('\0'))) return null; // no database takes such a text
  const submission = await index.findSubmission(place, visible);
  if (submission === null) return null;
  const stored = await readUpTo(MAX_BYTES, store, submission, signal);
  return stored && { submission, body: stored.body };
}
