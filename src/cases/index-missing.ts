/**
 * Reads what is missing somewhere and puts it there.
 *
 * Several processes may do this to one index at the same time. Each takes what is missing by chance and looks again before it
 * reads, so that they seldom do the same; and doing it twice changes nothing.
 */
import type { IndexEntry } from '../index/case-index.ts';
import type { EntryReader } from './entry-reader.ts';
import { putEntries } from './put-entries.ts';

/** An index, or a run that builds one. */
export type Target = {
  findDone(bucket: string, keys: readonly string[]): Promise<ReadonlySet<string>>;
  put(entries: readonly IndexEntry[]): Promise<void>;
};

export type IndexedMissing = {
  /** Were there already. */
  known: number;
  put: number;
  /** Keys of what could not be read, or was not taken. */
  leftOut: string[];
};

/** @throws FormvaultError of the object store; what the target throws */
export async function indexMissing(
  target: Target,
  reader: EntryReader,
  { bucket, keys, atATime }: { bucket: string; keys: readonly string[]; atATime: number },
  signal: AbortSignal,
): Promise<IndexedMissing> {
  async function findMissing(some: readonly string[]): Promise<string[]> {
    const done = await target.findDone(bucket, some);
    return some.filter((key) => !done.has(key));
  }

  const missing = await findMissing(keys);
  const byChance = missing.length <= atATime ? missing : missing.sort(() => Math.random() - 0.5);
  const result: IndexedMissing = { known: keys.length - missing.length, put: 0, leftOut: [] };
  for (let at = 0; at < byChance.length; at += atATime) {
    const some = byChance.slice(at, at + atATime);
    const stillMissing = at === 0 ? some : await findMissing(some);
    const { entries, unreadable } = await reader.read(bucket, stillMissing, signal);
    const refused = await putEntries((each) => target.put(each), entries);
    result.put += entries.length - refused.length;
    result.leftOut.push(...unreadable, ...refused.map(({ key }) => key));
  }
  return result;
}
