import type { Window } from '../time/window.ts';

/** Windows that are counted begin and end with a bucket. */
export const BUCKET_MS = 500;

/** The ids of the rows that were read and may still appear again, by time. */
export type SeenRows = ReturnType<typeof createSeenRows>;

export function createSeenRows() {
  const buckets = new Map<number, Set<string>>();

  function* bucketsIn({ fromMs, toMs }: Window): Generator<Set<string>> {
    const last = Math.floor(toMs / BUCKET_MS);
    const first = Math.floor(fromMs / BUCKET_MS);
    if (last - first > buckets.size) {
      for (const [bucket, ids] of buckets) if (bucket >= first && bucket <= last) yield ids;
    } else {
      for (let bucket = first; bucket <= last; bucket++) {
        const ids = buckets.get(bucket);
        if (ids !== undefined) yield ids;
      }
    }
  }

  return {
    has: (row: { id: string; timeMs: number }): boolean =>
      buckets.get(Math.floor(row.timeMs / BUCKET_MS))?.has(row.id) ?? false,

    add(row: { id: string; timeMs: number }): void {
      const bucket = Math.floor(row.timeMs / BUCKET_MS);
      const ids = buckets.get(bucket) ?? new Set();
      buckets.set(bucket, ids.add(row.id));
    },

    /** How many rows are known in a window that begins and ends with a bucket. */
    count(window: Window): number {
      let sum = 0;
      for (const ids of bucketsIn(window)) sum += ids.size;
      return sum;
    },

    /**
     * Where a stretch ends that holds no more than so many known rows, at `untilMs` the latest; it has one bucket at least.
     * Steps over what is empty: the stretch may begin in 1970.
     */
    endOfStretch(fromMs: number, untilMs: number, mostRows: number): number {
      const first = Math.floor(fromMs / BUCKET_MS);
      const known = [...buckets.keys()].filter((bucket) => bucket >= first && bucket * BUCKET_MS < untilMs);
      let rows = 0;
      for (const bucket of known.sort((a, b) => a - b)) {
        rows += buckets.get(bucket)?.size ?? 0;
        if (rows > mostRows) return Math.max(bucket, first + 1) * BUCKET_MS;
      }
      return Math.max(untilMs, (first + 1) * BUCKET_MS);
    },

    /** What the engine says of a window that begins and ends with a bucket replaces what was known of it. */
    replace(window: Window, rows: Iterable<{ id: string; timeMs: number }>): void {
      for (const ids of bucketsIn(window)) ids.clear();
      for (const row of rows) this.add(row);
    },

    /** Forgets whole buckets that lie before a time. */
    forgetBefore(timeMs: number): void {
      const first = Math.floor(timeMs / BUCKET_MS);
      for (const bucket of buckets.keys()) if (bucket < first) buckets.delete(bucket);
    },
  };
}

/** The start of the bucket that a time lies in. */
export function bucketStart(timeMs: number): number {
  return Math.floor(timeMs / BUCKET_MS) * BUCKET_MS;
}
