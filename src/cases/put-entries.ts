import type { IndexEntry } from '../index/case-index.ts';

/** So many, taken by chance, tell an index that is away from one that does not take some of the entries. */
const TRIED_ALONE = 3;

/**
 * Puts entries into the index, and gives back those that it does not take: one of them does not keep the others out.
 *
 * They go in the order of their places, so that two processes that put the same rows never wait for each other in a circle.
 * @throws what the index throws where it takes none
 */
export async function putEntries(
  put: (entries: readonly IndexEntry[]) => Promise<void>,
  entries: readonly IndexEntry[],
): Promise<IndexEntry[]> {
  if (entries.length === 0) return [];
  try {
    await put(entries.toSorted(byPlace));
    return [];
  } catch (error) {
    if (entries.length === 1) throw error;
    return putOneByOne(put, entries, error);
  }
}

async function putOneByOne(
  put: (entries: readonly IndexEntry[]) => Promise<void>,
  entries: readonly IndexEntry[],
  error: unknown,
): Promise<IndexEntry[]> {
  const refused: IndexEntry[] = [];
  const byChance = entries.toSorted(() => Math.random() - 0.5);
  for (const [index, entry] of byChance.entries()) {
    await put([entry]).catch(() => refused.push(entry));
    const areAllRefused = refused.length === index + 1;
    if (areAllRefused && refused.length >= Math.min(TRIED_ALONE, entries.length)) throw error;
  }
  return refused;
}

function byPlace(a: IndexEntry, b: IndexEntry): number {
  if (a.bucket !== b.bucket) return a.bucket < b.bucket ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}
