/**
 * Keeps the index fresh, and never holds up anything that keeps forms.
 *
 *   note ──▶ queue ──▶ index        within a second
 *             │ full, or the index is away
 *             ▼
 *          catch-up: lists the buckets, indexes what is missing; also at the start, and once a day;
 *                    an index that is new, or was damaged, is built as a whole
 *
 * Whatever is lost here is found by a catch-up, so nothing is worth waiting for: a queue that is full drops what comes, an
 * entry that the index does not take is dropped, and so is what is left at a stop.
 */
import type { ObjectStore } from '../object-store/object-store.ts';
import type { Log } from '../observability/log.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { type CatchUp, catchUp } from './catch-up.ts';
import { createEntryReader, type EntryMaker } from './entry-reader.ts';
import type { EnvironmentBuckets } from './environment-buckets.ts';
import { createKeptQueue, type KeptObject } from './kept-queue.ts';
import type { LivingIndex } from './living-index.ts';
import { entriesOfNoted } from './noted-entries.ts';
import { putEntries } from './put-entries.ts';
import { type ReindexProgress, reindex } from './reindex.ts';
import { createWakeUp } from './wake-up.ts';

export type IndexKeeperOptions = {
  store: Pick<ObjectStore, 'list' | 'getPart'>;
  living: Pick<LivingIndex, 'index' | 'isNew' | 'whenNew'>;
  maker: EntryMaker;
  buckets: EnvironmentBuckets;
  log: Log;
  catchUpEveryMs?: number;
  time?: { nowMs(): number; pause(ms: number, signal: AbortSignal): Promise<void> };
};

export type IndexKeeper = {
  /** That an object was kept, or was there. Returns at once and never throws. */
  note(bucket: string, object: KeptObject): void;
  /** Until it is stopped; then what waits is still indexed, at the latest until the second signal. */
  run(signals: { stop: AbortSignal; abort: AbortSignal }): Promise<void>;
  state(): IndexKeeperState;
};

export type IndexKeeperState = {
  state: 'not started' | 'opening' | 'building' | 'catching up' | 'fresh' | 'failing';
  /** Of an index that is being built. */
  progress: ReindexProgress | null;
  waiting: number;
  /** In a row, of what was noted and of catching up. */
  failures: number;
  /** When the last catch-up ended, by `performance.now`; `null` before. */
  caughtUpMs: number | null;
};

const BATCH = 100;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A single entry that the index does not take so often is left to a catch-up. */
const MAX_TRIES_ALONE = 5;
const DAY_MS = 24 * 60 * 60_000;
/** After an overflow or a failure another one may follow soon. */
const CATCH_UP_EVERY_MS = 10_000;
const CATCH_UP_READS = 8;
const PATIENCE_MS = 30_000;
const LOG_EVERY_MS = 60_000;

export function createIndexKeeper(options: IndexKeeperOptions): IndexKeeper {
  const { store, living, maker, buckets, log, catchUpEveryMs = DAY_MS, time } = options;
  const { index } = living;
  const clock = time ?? { nowMs: () => performance.now(), pause };
  const readerOf = (patienceMs: number) => createEntryReader({ store, maker, concurrency: CATCH_UP_READS, patienceMs });
  const reader = readerOf(PATIENCE_MS);
  const quickReader = readerOf(0);
  const queue = createKeptQueue();
  const noted = createWakeUp();
  const catchUpWanted = createWakeUp();
  const failures = { noted: 0, catchUp: 0 };
  let loggedMs = Number.NEGATIVE_INFINITY;
  const catchingUp = { store, index, reader, isSubmissionKey: maker.isSubmissionKey };
  let state: Exclude<IndexKeeperState['state'], 'failing'> = 'not started';
  let progress: ReindexProgress | null = null;
  let caughtUpMs: number | null = null;

  function noteFailure(err: unknown, kind: keyof typeof failures): void {
    failures[kind]++;
    if (clock.nowMs() - loggedMs < LOG_EVERY_MS) return;
    loggedMs = clock.nowMs();
    log.error({ err, part: 'index', failures: failures[kind] }, 'index of the cases cannot be kept fresh');
  }

  function noteSuccess(kind: keyof typeof failures): void {
    const before = failures[kind];
    failures[kind] = 0;
    if (before === 0 || failures.noted + failures.catchUp > 0) return;
    log.info({ part: 'index', failures: before }, 'index of the cases is kept fresh again');
  }

  async function indexNoted({ stop, abort }: { stop: AbortSignal; abort: AbortSignal }): Promise<void> {
    while (!abort.aborted) {
      const batch = queue.take(BATCH);
      if (batch.length === 0) {
        if (stop.aborted) return;
        await noted.wait(stop);
        continue;
      }
      try {
        const { entries, unreadable, isShort } = await entriesOfNoted(
          batch,
          { index, reader: quickReader, maker },
          stop,
        );
        const refused = await putEntries((some) => index.put(some), entries);
        reportLeftOut(refused.length + unreadable);
        if (isShort) catchUpWanted.wake();
        noteSuccess('noted');
      } catch (err) {
        noteFailure(err, 'noted');
        catchUpWanted.wake();
        if (stop.aborted) return;
        if (batch.length > 1 || failures.noted < MAX_TRIES_ALONE) queue.giveBack(batch);
        else failures.noted = 0;
        await clock.pause(backOffMs(Math.max(0, failures.noted - 1), FIRST_PAUSE_MS, LONGEST_PAUSE_MS), stop);
      }
    }
  }

  async function keepCatchingUp(stop: AbortSignal): Promise<void> {
    living.whenNew(catchUpWanted.wake);
    while (!stop.aborted) {
      try {
        const beganMs = clock.nowMs();
        if (caughtUpMs === null) state = 'opening';
        const isNew = await living.isNew();
        if (isNew || caughtUpMs === null) state = isNew ? 'building' : 'catching up';
        const places = await buckets.list(stop);
        const result = isNew ? await build(places, stop) : await catchUp(catchingUp, places, stop);
        report(result, (clock.nowMs() - beganMs) / 1000);
        noteSuccess('catchUp');
        state = 'fresh';
        progress = null;
        caughtUpMs = clock.nowMs();
        await clock.pause(CATCH_UP_EVERY_MS, stop);
        await catchUpWanted.wait(stop, (ending) => clock.pause(catchUpEveryMs * (1 - Math.random() / 10), ending));
      } catch (err) {
        if (stop.aborted) return;
        noteFailure(err, 'catchUp');
        await clock.pause(backOffMs(failures.catchUp - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), stop);
      }
    }
  }

  /** An index that lacks everything, or has it by other rules. */
  async function build(places: readonly string[], stop: AbortSignal): Promise<CatchUp> {
    const onProgress = (now: ReindexProgress): void => {
      progress = now;
    };
    const from = { store, index, maker, concurrency: CATCH_UP_READS, onProgress };
    const { submissions, leftOut, closed } = await reindex(from, places, stop);
    return { found: submissions, leftOut: leftOut.count, closed };
  }

  function report({ found, leftOut, closed }: CatchUp, seconds: number): void {
    if (found > 0) log.info({ part: 'index', rows: found, seconds }, 'index has caught up with the vault');
    reportLeftOut(leftOut);
    for (const bucket of closed) log.warn({ part: 'index', bucket }, 'bucket may not be listed: it is not indexed');
  }

  function reportLeftOut(rows: number): void {
    if (rows > 0) log.error({ part: 'index', rows }, 'submissions could not be indexed');
  }

  return {
    note(bucket, object) {
      try {
        buckets.note(bucket);
        if (!maker.isSubmissionKey(object.key)) return;
        if (queue.add(bucket, object)) noted.wake();
        else catchUpWanted.wake();
      } catch (err) {
        noteFailure(err, 'noted');
        catchUpWanted.wake();
      }
    },
    async run(signals) {
      await Promise.all([indexNoted(signals), keepCatchingUp(signals.stop)]);
    },
    state() {
      const isFailing = failures.noted + failures.catchUp > 0;
      return {
        state: isFailing ? 'failing' : state,
        progress,
        waiting: queue.size(),
        failures: Math.max(failures.noted, failures.catchUp),
        caughtUpMs,
      };
    },
  };
}
