import { describe, expect, test } from '@jest/globals';
import { writeDate, writeParts, writeTime } from '../../../src/forms/written-dates.ts';

describe('a date with a time', () => {
  test.each([
    ['2026-11-21T08:53:00Z', '21 November 2026, 08:53 UTC'],
    ['2026-11-21T08:53:07.057Z', '21 November 2026, 08:53:07 UTC'],
    ['2026-11-21T00:30:00+01:00', '20 November 2026, 23:30 UTC'],
    ['2026-12-31T23:30-0500', '1 January 2027, 04:30 UTC'],
    ['2026-11-21T08:53', '21 November 2026, 08:53'],
    ['2026-11-21 08:53:00', '21 November 2026, 08:53'],
    ['2026-11-21', '21 November 2026'],
    ['0099-02-28T00:00:00Z', '28 February 0099, 00:00 UTC'],
  ])('%s is written as %s', (text, written) => {
    expect(writeDate(text, 'date-time')).toBe(written);
  });

  test.each(['2026-02-30', '2026-13-01', '2026-11-21T24:00:00Z', '2026-11-21T08:61Z', 'today', '20261121', ''])(
    '%j is none',
    (text) => {
      expect(writeDate(text, 'date-time')).toBeNull();
    },
  );
});

describe('where only the day was asked for', () => {
  test.each([
    ['2026-11-21', '21 November 2026'],
    ['2026-11-21T00:00:00+03:00', '21 November 2026'],
    ['2026-11-21T12:00:00-08:00', '21 November 2026'],
    ['2026-11-21T00:00:00.000Z', '21 November 2026'],
  ])('%s is the day as it was where the person was: %s', (text, written) => {
    expect(writeDate(text, 'date')).toBe(written);
  });

  test('a time that may be another day somewhere else is told whole', () => {
    expect(writeDate('2026-11-20T23:00:00.000Z', 'date')).toBe('20 November 2026, 23:00 UTC');
  });
});

test.each([
  ['08:53', '08:53'],
  ['08:53:00', '08:53'],
  ['08:53:09', '08:53:09'],
  ['08:53Z', '08:53 UTC'],
  ['08:53+01:00', '08:53 UTC+01:00'],
])('the time %s is written as %s', (text, written) => {
  expect(writeTime(text)).toBe(written);
});

test.each(['25:00', '8:53', 'noon', ''])('%j is no time', (text) => {
  expect(writeTime(text)).toBeNull();
});

describe('a day in parts', () => {
  const american = ['month', 'day', 'year'] as const;
  test.each([
    ['11/21/2026', '21 November 2026'],
    ['11/00/2026', 'November 2026'],
    ['00/00/2026', '2026'],
    ['11/21/0000', '21 November'],
    ['00/00/0000', ''],
  ])('%s is %s', (text, written) => {
    expect(writeParts(text, american, american)).toBe(written);
  });

  test('is read day first where the form asks so', () => {
    const order = ['day', 'month', 'year'] as const;
    expect(writeParts('03/04/2026', order, order)).toBe('3 April 2026');
  });

  test('may be without the parts that the form hides', () => {
    expect(writeParts('11/2026', american, ['month', 'year'])).toBe('November 2026');
  });

  test.each(['13/01/2026', '11-21-2026', '11/21', '1/2/3/4', 'x/y/z', ''])('%j is none', (text) => {
    expect(writeParts(text, american, american)).toBeNull();
  });
});
