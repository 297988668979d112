import type { IndexEntry } from '../index/case-index.ts';
import { isAboutEntry } from '../index/index-failures.ts';

/** So many, taken by chance, tell an index that is away from one that does not take some of the entries. */
const TRIED_ALONE = 3;

/**
 * Puts entries into the index, and gives back those that it does not take: one of them does not keep the others out.
 *
 * One that is refused for what is in it says nothing about the index: it is given back even where it is the only one, or it would
 * stop every catch-up.
 *
 * They go in the order of their places, so that two processes that put the same rows never wait for each other in a circle.
 * @throws what the index throws where it takes none, other than for what is in them
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
    if (entries.length > 1) return putOneByOne(put, entries);
    if (isAboutEntry(error)) return [...entries];
    throw error;
  }
}

async function putOneByOne(
  put: (entries: readonly IndexEntry[]) => Promise<void>,
  entries: readonly IndexEntry[],
): Promise<IndexEntry[]> {
  const refused: IndexEntry[] = [];
  const failures: unknown[] = [];
  let taken = 0;
  let faulty = 0;
  for (const entry of entries.toSorted(() => Math.random() - 0.5)) {
    try {
      await put([entry]);
      taken++;
    } catch (error) {
      refused.push(entry);
      if (isAboutEntry(error)) faulty++;
      else failures.push(error);
    }
    const tellingEntries = Math.min(TRIED_ALONE, entries.length - faulty);
    if (taken === 0 && failures.length > 0 && failures.length >= tellingEntries) throw failures[0];
  }
  return refused;
}

function byPlace(a: IndexEntry, b: IndexEntry): number {
  if (a.bucket !== b.bucket) return a.bucket < b.bucket ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}
