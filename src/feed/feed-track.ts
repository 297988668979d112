/**
 * One of the engine's two feeds, and how far it was read.
 *
 *        settled            recent                  tip        now
 *   ───────┼──────────────────┼──────────────────────┼──────────┼──▶ time by the engine's clock
 *   read   │ counted every    │ counted every second │ read as soon
 *   twice  │ 13 s             │                      │ as it appears
 *
 * Time stamps are taken before the commit, so a row may appear behind the tip, up to FEED_SETTLE_SECONDS late (F2). Reading a
 * stretch again costs the engine a SELECT for each row, counting it does not: so what was read is counted, and only where the
 * count differs is it read again. The count can be fooled (one row late while another was removed); the settle reads
 * every window once more, whole, and only what is settled counts for the position that survives a crash.
 *
 * What was found waits in `takeFresh`, also when a later request fails. It is `pending` until `finish` is called for it, and the
 * position stays before it (F1).
 */

import { type PageSize, type ReadPage, type Row, readAllRows, readWindow } from '../engine/read-window.ts';
import type { Window } from '../time/window.ts';
import { BUCKET_MS, bucketStart, createSeenRows } from './seen-rows.ts';

/** How a feed is read; both in closed windows. */
export type FeedSource<T> = {
  readPage: ReadPage<T>;
  count(window: Window, signal: AbortSignal): Promise<number>;
};

export type FeedTrack<T> = ReturnType<typeof createFeedTrack<T>>;

/** Clocks of several engines differ, and some databases round up: rows may lie a little in the future. */
const FUTURE_MS = 10_000;
/** `Date` headers have whole seconds: our idea of the engine's clock may be behind by as much, and fresh rows ahead of it. */
const CLOCK_BEHIND_MS = 1_000;
/** Most rows that come out of order do so by less than this: each look begins so much before the one before it. */
const OVERLAP_MS = 100;
/** Rows younger than this are still being committed out of order; whether one is late is asked a moment later. */
const COMMIT_MS = 250;
const RECENT_MS = 32_000;
/** A window with so few rows is read rather than halved. */
const FEW_ROWS = 8;
const SETTLE_ROWS = 500;

export function createFeedTrack<T>(
  source: FeedSource<T>,
  options: {
    startMs: number;
    settleMs: number;
    pageSize: PageSize;
    /** How many rows came: new ones, those that were read before, and those that are no change of ours. */
    onRows?: (counts: { new: number; seen: number; foreign: number }) => void;
  },
) {
  const seen = createSeenRows();
  const pending = new Map<string, number>();
  const { settleMs, pageSize } = options;
  let settledMs = options.startMs;
  let tipMs = options.startMs;
  /** The end of what was too young when it was read for the first time, so that only the settle may pass it. */
  let youngMs = options.startMs - 1;
  let isAtTip = false;
  /** When the tip was read last, and up to where what came late was counted. */
  let lookedMs = options.startMs;
  let countedMs = options.startMs;

  let fresh: T[] = [];

  function takeIn(rows: Row<T>[]): void {
    const counts = { new: 0, seen: 0, foreign: 0 };
    for (const row of rows) {
      if (seen.has(row)) {
        counts.seen++;
        continue;
      }
      seen.add(row);
      if (row.change === null) {
        counts.foreign++;
        continue;
      }
      counts.new++;
      pending.set(row.id, row.timeMs);
      fresh.push(row.change);
    }
    options.onRows?.(counts);
  }

  /** When the oldest change happened that has no outcome yet; `null` when each has one. */
  function oldestPendingMs(): number | null {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const timeMs of pending.values()) oldestMs = Math.min(oldestMs, timeMs);
    return Number.isFinite(oldestMs) ? oldestMs : null;
  }

  /** What lies before the first whole bucket was not read as a whole and cannot be counted. */
  function countedFrom(nowMs: number, whole: boolean): number {
    return bucketStart((whole ? settledMs : Math.max(settledMs, nowMs - RECENT_MS)) + BUCKET_MS - 1);
  }

  /** Finds rows that came late by halving the window while the counts differ. */
  async function readWhereCountsDiffer(window: Window, signal: AbortSignal): Promise<void> {
    const count = await source.count(window, signal);
    if (count === seen.count(window)) return;
    const buckets = (window.toMs + 1 - window.fromMs) / BUCKET_MS;
    if (buckets <= 1 || count <= FEW_ROWS) {
      const rows = await readAllRows(source.readPage, window, pageSize, signal);
      takeIn(rows);
      seen.replace(window, rows);
      return;
    }
    const middleMs = window.fromMs + Math.floor(buckets / 2) * BUCKET_MS;
    await readWhereCountsDiffer({ fromMs: middleMs, toMs: window.toMs }, signal);
    await readWhereCountsDiffer({ fromMs: window.fromMs, toMs: middleMs - 1 }, signal);
  }

  return {
    /** Everything up to here was read at least once; more may follow at once unless `isAtTip()`. */
    tipMs: () => tipMs,
    isAtTip: () => isAtTip,

    /** Whether a count says that something is new or late, over the recent past or everything that is not settled. */
    async hasNews(nowMs: number, whole: boolean, signal: AbortSignal): Promise<boolean> {
      const window = { fromMs: countedFrom(nowMs, whole), toMs: bucketStart(nowMs + FUTURE_MS) - 1 };
      return (await source.count(window, signal)) !== seen.count(window);
    },

    /** Reads the next stretch at the tip: one page, or more where it ends in a tie. `untilMs`: where another feed stands. */
    async readTip(nowMs: number, untilMs: number | null, signal: AbortSignal): Promise<void> {
      const overlapMs = Math.max(settledMs, lookedMs - OVERLAP_MS);
      const window = { fromMs: isAtTip ? Math.min(tipMs + 1, overlapMs) : tipMs, toMs: untilMs ?? nowMs + FUTURE_MS };
      lookedMs = nowMs;
      if (window.toMs < window.fromMs) {
        isAtTip = untilMs === null;
        return;
      }
      for await (const batch of readWindow(source.readPage, window, pageSize, signal)) {
        takeIn(batch.rows);
        const lastMs = batch.rows.findLast(({ timeMs }) => timeMs <= nowMs + CLOCK_BEHIND_MS)?.timeMs ?? tipMs;
        const hasAdvanced = lastMs > tipMs;
        tipMs = Math.max(tipMs, lastMs, batch.isLast ? Math.min(untilMs ?? tipMs, nowMs) : tipMs);
        isAtTip = batch.isLast && untilMs === null;
        if (hasAdvanced) break;
      }
      // What was already old enough when it was read for the first time is settled: a backlog is read once.
      if (!isAtTip && settledMs > youngMs) settledMs = Math.max(settledMs, Math.min(tipMs, nowMs - settleMs));
      if (tipMs > nowMs - settleMs) youngMs = tipMs;
      seen.forgetBefore(settledMs);
    },

    /** Reads rows that came late, over the recent past or everything that is not settled. */
    async readLate(nowMs: number, whole: boolean, signal: AbortSignal): Promise<void> {
      const fromMs = countedFrom(nowMs, whole);
      const toMs = bucketStart(isAtTip ? nowMs - COMMIT_MS : tipMs) - 1;
      // What was not counted before differs more often than the rest: apart, it costs no halving of the whole.
      const newMs = Math.min(Math.max(fromMs, countedMs), toMs + 1);
      if (newMs > fromMs) await readWhereCountsDiffer({ fromMs, toMs: newMs - 1 }, signal);
      if (toMs >= newMs) await readWhereCountsDiffer({ fromMs: newMs, toMs }, signal);
      countedMs = toMs + 1;
    },

    /** Reads the oldest window once more when it is old enough and not too short, and moves on. */
    async settle(nowMs: number, shortestMs: number, signal: AbortSignal): Promise<void> {
      const untilMs = Math.min(bucketStart(nowMs - settleMs), isAtTip ? Number.POSITIVE_INFINITY : bucketStart(tipMs));
      if (untilMs - settledMs < shortestMs) return;
      const toMs = seen.endOfStretch(settledMs, untilMs, SETTLE_ROWS);
      const window = { fromMs: settledMs, toMs: toMs - 1 };
      takeIn(await readAllRows(source.readPage, window, pageSize, signal));
      settledMs = toMs;
      tipMs = Math.max(tipMs, settledMs - 1);
      seen.forgetBefore(settledMs);
    },

    /** What was found since the last call. */
    takeFresh(): T[] {
      const found = fresh;
      fresh = [];
      return found;
    },

    finish(id: string): void {
      pending.delete(id);
    },

    /** Everything before this has a final outcome; a restart begins here. */
    positionMs: () => Math.min(settledMs, oldestPendingMs() ?? settledMs),
    oldestPendingMs,
  };
}
