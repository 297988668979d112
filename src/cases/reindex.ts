/**
 * Builds the index from the buckets alone.
 *
 *   list ──▶ what this run has not done yet ──▶ read, many at a time ──▶ put
 *   count (beside it, far ahead: how much there is)
 *
 * What was there before stays findable until the end; only then is taken out what no bucket holds any more. An interrupted run goes
 * on where it was.
 */
import { failureCodeOf } from '../errors.ts';
import type { CaseIndex } from '../index/case-index.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { createEntryReader, type EntryMaker } from './entry-reader.ts';
import { indexMissing } from './index-missing.ts';
import { listSubmissions } from './list-submissions.ts';
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
  /** Not in the index: S3 does not give them, or the index does not take them. The first of them by name. */
  leftOut: { count: number; first: { bucket: string; key: string }[] };
};

const LISTED_AT_A_TIME = 1_000;
const READ_AT_A_TIME = 250;
/** While some are put, the next are read and those after them looked up. */
const CHUNKS_IN_FLIGHT = 4;
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
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const reader = createEntryReader({ store, maker, concurrency, patienceMs: PATIENCE_MS });
  const progress: ReindexProgress = { total: 0, isTotalKnown: false, done: 0, doneBefore: 0 };
  const leftOut: Reindexed['leftOut'] = { count: 0, first: [] };
  const closed = new Set<string>();
  const run = await index.beginReindex();

  async function* chunks(): AsyncGenerator<{ bucket: string; keys: string[] }> {
    for (const bucket of buckets) {
      try {
        for await (const keys of listSubmissions(store, maker.isSubmissionKey, bucket, LISTED_AT_A_TIME, either)) {
          yield { bucket, keys };
        }
      } catch (error) {
        const code = failureCodeOf(error);
        if (code === 'VAULT_REJECTED' && closed.add(bucket).size < buckets.length) continue;
        if (code !== 'BUCKET_MISSING') throw error;
      }
    }
  }

  async function count(): Promise<void> {
    for await (const { keys } of chunks()) {
      progress.total += keys.length;
      onProgress({ ...progress });
    }
    progress.isTotalKnown = true;
  }

  function leaveOut(bucket: string, keys: readonly string[]): void {
    leftOut.count += keys.length;
    leftOut.first.push(...keys.slice(0, MOST_NAMED - leftOut.first.length).map((key) => ({ bucket, key })));
  }

  async function indexChunk({ bucket, keys }: { bucket: string; keys: string[] }): Promise<void> {
    const indexed = await indexMissing(run, reader, { bucket, keys, atATime: READ_AT_A_TIME }, either);
    leaveOut(bucket, indexed.leftOut);
    progress.done += keys.length;
    progress.doneBefore += indexed.known;
    onProgress({ ...progress });
  }

  const stopOnFailure = (error: unknown): never => {
    failed.abort();
    throw error;
  };
  const ends = await Promise.allSettled([
    someAtATime(chunks(), CHUNKS_IN_FLIGHT, indexChunk).catch(stopOnFailure),
    count().catch(stopOnFailure),
  ]);
  throwFirstCause(ends, signal);
  const open = buckets.filter((bucket) => !closed.has(bucket));
  const { removed } = await run.finish(open);
  const submissions = progress.done - leftOut.count;
  return { buckets: open.length, submissions, removed, closed: [...closed], leftOut };
}

/** What was stopped because of something else is not the cause, unless it was the caller who stopped all. */
function throwFirstCause(ends: readonly PromiseSettledResult<void>[], signal: AbortSignal): void {
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  if (errors.length === 0) return;
  throw errors.find((error) => failureCodeOf(error) !== 'SHUTTING_DOWN' || signal.aborted) ?? errors[0];
}
