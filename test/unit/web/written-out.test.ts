import { describe, expect, test } from '@jest/globals';
import { writeBytes, writeCount, writeDuration, writeTime } from '../../../src/web/written-out.ts';

describe('a time', () => {
  test.each([
    ['2024-02-29T08:05:09.000Z', '29 February 2024, 08:05 UTC'],
    ['2024-02-29T23:30:00-05:00', '1 March 2024, 04:30 UTC'],
    ['2024-02-29T08:05:09', '29 February 2024, 08:05 UTC'],
    ['2024-02-29', '29 February 2024, 00:00 UTC'],
    ['last Tuesday', 'last Tuesday'],
    ['1', '1'],
    ['', ''],
  ])('%j is written as %j', (time, written) => {
    expect(writeTime(time)).toBe(written);
  });

  test('in ms is written as well', () => {
    expect(writeTime(0)).toBe('1 January 1970, 00:00 UTC');
    expect(writeTime(Number.NaN)).toBe('NaN');
  });
});

test.each([
  [0, 'less than a second'],
  [1, '1 second'],
  [61, '1 minute 1 second'],
  [7_320, '2 hours 2 minutes'],
  [86_400, '1 day'],
  [90_061, '1 day 1 hour'],
  [40_000_000, '462 days 23 hours'],
])('a duration of %d seconds is written as %j', (seconds, written) => {
  expect(writeDuration(seconds)).toBe(written);
});

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1_000, '1 KB'],
  [1_240, '1.2 KB'],
  [182_044, '182 KB'],
  [5_500_000, '5.5 MB'],
])('%d bytes are written as %j', (bytes, written) => {
  expect(writeBytes(bytes)).toBe(written);
});

test('a count has its word in the right number', () => {
  expect([0, 1, 12_345].map((count) => writeCount(count, 'case'))).toEqual(['0 cases', '1 case', '12,345 cases']);
});
