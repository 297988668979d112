import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BUCKET_MS, bucketStart, createSeenRows } from '../../../src/feed/seen-rows.ts';

const rows = fc.uniqueArray(
  fc.record({ id: fc.string({ maxLength: 2 }), timeMs: fc.integer({ min: 0, max: 9_999 }) }),
  {
    selector: ({ id }) => id,
  },
);
const bucket = fc.integer({ min: 0, max: 19 });
const window = fc
  .tuple(bucket, bucket)
  .map(([a, b]) => ({ fromMs: Math.min(a, b) * BUCKET_MS, toMs: (Math.max(a, b) + 1) * BUCKET_MS - 1 }));

test('rows are known by id and time, and counted in windows of whole buckets', () => {
  fc.assert(
    fc.property(rows, window, (known, counted) => {
      const seen = createSeenRows();
      for (const row of [...known, ...known]) seen.add(row);
      const inside = known.filter(({ timeMs }) => timeMs >= counted.fromMs && timeMs <= counted.toMs);
      expect(seen.count(counted)).toBe(inside.length);
      expect(known.every(seen.has)).toBe(true);
      expect(seen.has({ id: 'unknown', timeMs: 0 })).toBe(false);
    }),
  );
});

test('what the engine says of a window replaces what was known of it, and of nothing else', () => {
  fc.assert(
    fc.property(rows, window, (known, replaced) => {
      const seen = createSeenRows();
      for (const row of known) seen.add(row);
      const said = { id: 'said by the engine', timeMs: replaced.fromMs };
      seen.replace(replaced, [said]);
      const isInside = ({ timeMs }: { timeMs: number }) => timeMs >= replaced.fromMs && timeMs <= replaced.toMs;
      expect(known.map(seen.has)).toEqual(known.map((row) => !isInside(row)));
      expect(seen.count(replaced)).toBe(1);
    }),
  );
});

test('only whole buckets before a time are forgotten', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 0, max: 10_500 }), (known, beforeMs) => {
      const seen = createSeenRows();
      for (const row of known) seen.add(row);
      seen.forgetBefore(beforeMs);
      expect(known.map(seen.has)).toEqual(known.map(({ timeMs }) => timeMs >= bucketStart(beforeMs)));
    }),
  );
});

test('a window of many years is counted by the buckets that exist', () => {
  const seen = createSeenRows();
  seen.add({ id: 'a', timeMs: 1_700_000_000_000 });
  expect(seen.count({ fromMs: 0, toMs: bucketStart(1_800_000_000_000) - 1 })).toBe(1);
});

test('a stretch from 1970 to now is stepped over at once', () => {
  const seen = createSeenRows();
  const nowMs = Date.UTC(2026, 0, 1);
  seen.add({ id: 'a', timeMs: nowMs - 10_000 });

  expect(seen.endOfStretch(0, nowMs, 1)).toBe(nowMs);
});

test('a stretch ends before the bucket that would make it too long', () => {
  const seen = createSeenRows();
  for (const [index, timeMs] of [100, 700, 1_200].entries()) seen.add({ id: `row ${index}`, timeMs });

  expect(seen.endOfStretch(0, 5_000, 2)).toBe(1_000);
});

test('a stretch has one bucket at least, however full it is', () => {
  const seen = createSeenRows();
  for (let index = 0; index < 5; index++) seen.add({ id: `row ${index}`, timeMs: index });

  expect(seen.endOfStretch(0, 5_000, 2)).toBe(BUCKET_MS);
});

test('a stretch ends where its known rows become too many, has one bucket at least, and steps over what is empty', () => {
  fc.assert(
    fc.property(rows, fc.nat(9_999), bucket, fc.integer({ min: 1, max: 5 }), (known, fromMs, until, mostRows) => {
      const seen = createSeenRows();
      for (const row of known) seen.add(row);
      const untilMs = until * BUCKET_MS;
      const endMs = seen.endOfStretch(fromMs, untilMs, mostRows);
      const firstEndMs = bucketStart(fromMs) + BUCKET_MS;
      expect(endMs % BUCKET_MS).toBe(0);
      expect(endMs).toBeGreaterThanOrEqual(firstEndMs);
      expect(endMs).toBeLessThanOrEqual(Math.max(untilMs, firstEndMs));
      const inside = known.filter(({ timeMs }) => timeMs >= bucketStart(fromMs) && timeMs < endMs);
      expect(endMs === firstEndMs || inside.length <= mostRows).toBe(true);
    }),
  );
});
