import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unlessBlank } from '../../../src/submission/blank.ts';
import { parseSubmissionDate } from '../../../src/submission/submission-date.ts';

describe('a submission date', () => {
  test.each([
    ['2024-02-29T08:05:09Z', '2024-02-29T08:05:09.000Z'],
    ['2024-02-29T08:05:09.1234567Z', '2024-02-29T08:05:09.123Z'],
    ['2024-02-29T08:05:09,5Z', '2024-02-29T08:05:09.500Z'],
    ['2024-02-29T08:05Z', '2024-02-29T08:05:00.000Z'],
    ['2024-02-29T08:05:09', '2024-02-29T08:05:09.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['20240229T080509Z', '2024-02-29T08:05:09.000Z'],
    ['20240229T080509', '2024-02-29T08:05:09.000Z'],
    ['20240229T0805', '2024-02-29T08:05:00.000Z'],
    ['20240229', '2024-02-29T00:00:00.000Z'],
    ['2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00.000Z'],
    ['2024-02-29T08:05:09+05:30', '2024-02-29T02:35:09.000Z'],
    ['2024-02-29T08:05:09+0100', '2024-02-29T07:05:09.000Z'],
    ['20240229T080509+01', '2024-02-29T07:05:09.000Z'],
    ['2024-W09-4', '2024-02-29T00:00:00.000Z'],
    ['2024W094T080509Z', '2024-02-29T08:05:09.000Z'],
    ['2024-060', '2024-02-29T00:00:00.000Z'],
    ['2024-02-29T24:00:00Z', '2024-03-01T00:00:00.000Z'],
    [' 2024-02-29 ', '2024-02-29T00:00:00.000Z'],
  ])('%j is %s', (text, iso) => {
    const ms = parseSubmissionDate(text);
    expect(ms === null ? null : new Date(ms).toISOString()).toBe(iso);
  });

  test.each([
    '',
    'yesterday',
    '29.02.2024',
    '02/29/2024',
    '2023-02-29',
    '2024-13-01',
    '2024-02-29T25:00',
    '2024-02-29T08:60',
    '12:30',
    'T12:30',
    '08:05:09Z',
    '-000001-01-01',
    '+012024-01-01',
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00+01:00',
    'Thu, 29 Feb 2024 08:05:09 GMT',
    '2024-02-29 maybe',
  ])('%j is none', (text) => {
    expect(parseSubmissionDate(text)).toBeNull();
  });

  test('is read back from every time that JavaScript writes', () => {
    const time = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(fc.property(time, (date) => parseSubmissionDate(date.toISOString()) === date.getTime()));
  });

  test('is a time with a year of four digits, or none, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseSubmissionDate(text);
        expect(ms === null || /^\d{4}-/.test(new Date(ms).toISOString())).toBe(true);
      }),
    );
  });
});

test.each([undefined, null, '', ' ', '\t\n', '\u00a0', '\u200b', '\u2060\ufeff', '\u3000', '\u0007'])(
  '%j is blank',
  (text) => {
    expect(unlessBlank(text)).toBeNull();
  },
);

test.each(['a', ' a ', '0', '.', '😀', '\u0301', '-'])('%j is not blank, and stays as it is', (text) => {
  expect(unlessBlank(text)).toBe(text);
});
