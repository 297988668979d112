/**
 * Builds the index from the buckets alone.
 *
 *   list, far ahead ──▶ what this run has not done yet ──▶ read, many at a time ──▶ put
 *
 * What was there before stays findable until the end; only then is taken out what no bucket holds any more. What could not be read
 * or put anew stays as it is, and is marked at the very end, so that a run that goes on tries it again. An interrupted run goes
 * on where it was, and several processes share one: each takes what lies ready by chance, and looks whether another has done it.
 */
import { failureCodeOf } from '../errors.ts';
import type { CaseIndex } from '../index/case-index.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { createEntryReader, type EntryMaker } from './entry-reader.ts';
import { indexMissing } from './index-missing.ts';
import { listSubmissions } from './list-submissions.ts';
import { readAhead } from './read-ahead.ts';
import { someAtATime } from './some-at-a-time.ts';

export type ReindexProgress = {
  /** Submissions found in the buckets so far. */
  total: number;
  isTotalKnown: boolean;
  /** Of these: in the index by now, or left out. */
  done: number;
  /** Of these: done before the run was interrupted. */
  doneBefore: number;
};

export type Reindexed = {
  buckets: number;
  submissions: number;
  /** Taken out of the index, because no bucket holds them. */
  removed: number;
  /** Buckets that may not be looked into; what the index holds of them stays. */
  closed: string[];
  /** Not indexed anew: S3 does not give them, or the index does not take them. The first of them by name. */
  leftOut: { count: number; first: { bucket: string; key: string }[] };
};

/** Listed side by side, they are of few cases: each is counted once for all of its submissions. */
const READ_AT_A_TIME = 250;
/** While some are put, the next are read and those after them looked up. */
const CHUNKS_IN_FLIGHT = 4;
/** Half a million keys, which tell how much there is; with more, that is known later. */
const CHUNKS_AHEAD = 2_000;
const PATIENCE_MS = 120_000;
const MOST_NAMED = 20;

/** @throws FormvaultError of the object store; what the index throws; SHUTTING_DOWN when it is interrupted */
export async function reindex(
  from: {
    store: Pick<ObjectStore, 'list' | 'getPart'>;
    index: Pick<CaseIndex, 'beginReindex'>;
    maker: EntryMaker;
    /** Reads under way at the same time. */
    concurrency: number;
    onProgress(progress: ReindexProgress): void;
  },
  buckets: readonly string[],
  signal: AbortSignal,
): Promise<Reindexed> {
  const { store, index, maker, concurrency, onProgress } = from;
  const reader = createEntryReader({ store, maker, concurrency, patienceMs: PATIENCE_MS });
  const progress: ReindexProgress = { total: 0, isTotalKnown: false, done: 0, doneBefore: 0 };
  const leftOut: Reindexed['leftOut'] = { count: 0, first: [] };
  const keysLeftOut = new Map<string, string[]>();
  const closed = new Set<string>();
  const tell = (): void => onProgress({ ...progress });
  const run = await index.beginReindex();

  async function* chunks(): AsyncGenerator<{ bucket: string; keys: string[] }> {
    for (const bucket of buckets) {
      try {
        for await (const keys of listSubmissions(store, maker.isSubmissionKey, bucket, READ_AT_A_TIME, signal)) {
          yield { bucket, keys };
        }
      } catch (error) {
        const code = failureCodeOf(error);
        if (code === 'VAULT_REJECTED' && closed.add(bucket).size < buckets.length) continue;
        if (code !== 'BUCKET_MISSING') throw error;
      }
    }
    progress.isTotalKnown = true;
    tell();
  }

  function leaveOut(bucket: string, keys: readonly string[]): void {
    if (keys.length === 0) return;
    leftOut.count += keys.length;
    const ofBucket = keysLeftOut.get(bucket) ?? [];
    ofBucket.push(...keys);
    keysLeftOut.set(bucket, ofBucket);
    leftOut.first.push(...keys.slice(0, MOST_NAMED - leftOut.first.length).map((key) => ({ bucket, key })));
  }

  async function indexChunk({ bucket, keys }: { bucket: string; keys: string[] }): Promise<void> {
    const indexed = await indexMissing(run, reader, { bucket, keys, atATime: READ_AT_A_TIME }, signal);
    leaveOut(bucket, indexed.leftOut);
    progress.done += keys.length;
    progress.doneBefore += indexed.known;
    tell();
  }

  const ahead = readAhead(chunks(), CHUNKS_AHEAD, ({ keys }) => {
    progress.total += keys.length;
    tell();
  });
  await someAtATime(ahead, CHUNKS_IN_FLIGHT, indexChunk);
  const open = buckets.filter((bucket) => !closed.has(bucket));
  for (const [bucket, keys] of keysLeftOut) await run.retain(bucket, keys);
  const { removed } = await run.finish(open);
  const submissions = progress.done - leftOut.count;
  return { buckets: open.length, submissions, removed, closed: [...closed], leftOut };
}
