import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CaseQuery, parseCaseQuery } from '../../../src/index/parse-query.ts';

const term = (words: string, more: Partial<CaseQuery['terms'][number]> = {}) => ({
  words: words.split(' '),
  prefix: false,
  not: false,
  field: null,
  ...more,
});

describe('a query', () => {
  test.each([
    ['words', 'Gate harbour', [term('gate'), term('harbour')]],
    ['a phrase', '"north side" gate', [term('north side'), term('gate')]],
    ['the beginning of a word', 'harb*', [term('harb', { prefix: true })]],
    ['a phrase that goes on', '"north si*"', [term('north si', { prefix: true })]],
    ['a star behind the quotes', '"north si"*', [term('north si', { prefix: true })]],
    ['a word that must not be there', '-closed', [term('closed', { not: true })]],
    ['a phrase that must not be there', '-"north side"', [term('north side', { not: true })]],
    ['a business key', 'BF-2026-0001', [term('bf 2026 0001')]],
    ['business keys by their beginning', 'BF-2026*', [term('bf 2026', { prefix: true })]],
    ['a star behind a hyphen stands for whole words', 'BF-2026-*', [term('bf 2026')]],
    ['a form', 'form:site-visit', [term('site visit', { field: 'form' })]],
    ['a form in quotes', 'FORM:"Site visit"', [term('site visit', { field: 'form' })]],
    ['a submitter', 'by:anna@example.com', [term('anna example com', { field: 'by' })]],
    ['a submitter that it must not be', '-by:anna', [term('anna', { field: 'by', not: true })]],
    ['quotes of a text programme', '“north side” „gate“', [term('north side'), term('gate')]],
    ['quotes that do not end', 'gate "north side', [term('gate'), term('north side')]],
    ['quotes inside a word', 'north"side gate"', [term('north side'), term('gate')]],
    ['a field that there is not', 'http://example.com', [term('http example com')]],
    ['a field at the end of a word', 'platform:gate', [term('platform gate')]],
    ['a script without blanks', '申請', [term('申 請')]],
  ])('knows %s', (_, text, terms) => {
    expect(parseCaseQuery(text)).toEqual({ terms, fromMs: null, toMs: null, ignored: [] });
  });

  test.each([
    ['from:2026-11-21', '2026-11-21T00:00:00.000Z', null],
    ['to:2026-11-21', null, '2026-11-21T23:59:59.999Z'],
    ['to:20261121', null, '2026-11-21T23:59:59.999Z'],
    ['from:2026-02 to:2026-02', '2026-02-01T00:00:00.000Z', '2026-02-28T23:59:59.999Z'],
    ['to:2024-02', null, '2024-02-29T23:59:59.999Z'],
    ['from:2026 to:2026', '2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z'],
    ['to:2026-12', null, '2026-12-31T23:59:59.999Z'],
    ['from:"2026-11"', '2026-11-01T00:00:00.000Z', null],
    ['from:0050', '0050-01-01T00:00:00.000Z', null],
    ['from:2025 from:2026-03 to:2027 to:2026', '2026-03-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z'],
  ])('knows the time in %s', (text, from, to) => {
    const { fromMs, toMs, ignored } = parseCaseQuery(text);
    const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    expect([iso(fromMs), iso(toMs), ignored]).toEqual([from, to, []]);
  });

  test.each([
    '-',
    '*',
    '-*',
    '""',
    '…',
    'form:',
    'by:""',
    '-form:',
    'from:',
    'from:yesterday',
    'to:2026-13',
    'from:2026-00',
  ])('leaves out %s and says so', (text) => {
    expect(parseCaseQuery(`gate ${text}`)).toEqual({
      terms: [term('gate')],
      fromMs: null,
      toMs: null,
      ignored: [text],
    });
  });

  test.each(['from:2026-02-29', 'from:2026-1-1', 'to:202611', '-from:2026'])('leaves out the date in %s', (text) => {
    expect(parseCaseQuery(text)).toEqual({ terms: [], fromMs: null, toMs: null, ignored: [text] });
  });

  test('of nothing asks for nothing', () => {
    for (const text of ['', '  ', '\t\n']) {
      expect(parseCaseQuery(text)).toEqual({ terms: [], fromMs: null, toMs: null, ignored: [] });
    }
  });

  test('that is too long is read up to a point, and says so', () => {
    const words = parseCaseQuery('gate '.repeat(2_000));
    expect(words.terms).toHaveLength(24);
    expect(words.ignored.length).toBeGreaterThan(0);
    const phrase = parseCaseQuery(`"${'gate '.repeat(2_000)}"`);
    expect(phrase.terms[0]?.words).toHaveLength(32);
    expect(JSON.stringify(phrase).length).toBeLessThan(1_000);
  });

  test('never fails and stays small, whatever is typed', () => {
    const piece = fc.constantFrom(
      '"',
      '-',
      '*',
      ' ',
      ':',
      'form:',
      'by:',
      'from:',
      'to:',
      '2026',
      '-11',
      "'",
      '\\',
      '\0',
      'a',
    );
    const text = fc.oneof(
      fc
        .array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 60 })
        .map((all) => all.join('')),
      fc.array(piece, { minLength: 2_000, maxLength: 2_500 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (typed) => {
        const { terms, ignored } = parseCaseQuery(typed);
        expect(terms.length).toBeLessThanOrEqual(24);
        expect(ignored.length).toBeLessThanOrEqual(20);
        for (const { words } of terms) expect(words.length).toBeGreaterThan(0);
        for (const left of ignored) expect(left.length).toBeLessThanOrEqual(101);
      }),
    );
  });
});
