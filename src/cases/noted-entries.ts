import type { CaseIndex, IndexEntry } from '../index/case-index.ts';
import { type EntryMaker, type EntryReader, makeEntry } from './entry-reader.ts';
import type { QueuedObject } from './kept-queue.ts';

export type NotedEntries = {
  entries: IndexEntry[];
  unreadable: number /** The vault is away for some. */;
  isShort: boolean;
};

/**
 * Entries of objects that were noted: by their content, or, where there was one already, by what lies in the vault, unless the
 * index knows it.
 * @throws what the index throws
 */
export async function entriesOfNoted(
  objects: readonly QueuedObject[],
  from: { index: Pick<CaseIndex, 'findKnown'>; reader: EntryReader; maker: EntryMaker },
  signal: AbortSignal,
): Promise<NotedEntries> {
  const noted: NotedEntries = { entries: [], unreadable: 0, isShort: false };
  const toLookAt = new Map<string, string[]>();
  for (const { bucket, key, content, bytes } of objects) {
    if (content === null) {
      toLookAt.set(bucket, [...(toLookAt.get(bucket) ?? []), key]);
      continue;
    }
    const entry = makeEntry(from.maker, { bucket, key, ...content, bytes });
    if (entry === 'unreadable') noted.unreadable++;
    else if (entry !== null) noted.entries.push(entry);
  }
  for (const [bucket, keys] of toLookAt) {
    const known = await from.index.findKnown(bucket, keys);
    const missing = keys.filter((key) => !known.has(key));
    const read = await from.reader.read(bucket, missing, signal).catch(() => null);
    noted.entries.push(...(read?.entries ?? []));
    noted.unreadable += read?.unreadable.length ?? 0;
    noted.isShort ||= read === null;
  }
  return noted;
}
