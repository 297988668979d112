import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type FindableText, pairOf, renderWords, splitWords } from '../../../src/index/words.ts';

const nothing: FindableText = { caseId: '', formName: '', title: null, submittedBy: '', answers: [] };

/** The lexemes of a rendered tsvector, with their positions. */
function lexemesOf(text: Partial<FindableText>): Map<string, number[]> {
  const { words } = renderWords({ ...nothing, ...text });
  const found = [...words.matchAll(/'([^']*)'(?::([\d,]+))?(?: |$)/g)];
  expect(found.map(([whole]) => whole).join('')).toBe(words);
  return new Map(found.map(([, lexeme = '', positions]) => [lexeme, positions?.split(',').map(Number) ?? []]));
}

describe('words', () => {
  test.each([
    ['blanks and punctuation separate', 'Gate, north-side (open)!', ['gate', 'north', 'side', 'open']],
    ['a business key is a few words', 'BF-2026-0001', ['bf', '2026', '0001']],
    ['an address of a person too', 'anna.lopez@example.com', ['anna', 'lopez', 'example', 'com']],
    ['numbers keep all their digits', '12345678901234567890.50', ['12345678901234567890', '50']],
    [
      'a UUID is one word',
      'visit:1:8F0A1b2c-0f6e-4a58-9b3a-3d1f2f6a7c11, x8f0a1b2c-0f6e-4a58-9b3a-3d1f2f6a7c11',
      ['visit', '1', '8f0a1b2c0f6e4a589b3a3d1f2f6a7c11', 'x8f0a1b2c', '0f6e', '4a58', '9b3a', '3d1f2f6a7c11'],
    ],
    ['upper and lower case are the same', 'GRÖSSE Größe', ['grösse', 'größe']],
    ['composed and decomposed letters are the same', 'e\u0301 \u00e9', ['é', 'é']],
    ['letters of another width are the same', 'ＡＢＣ ﬁn', ['abc', 'fin']],
    ['letters keep their marks', 'नमस्ते', ['नमस्ते']],
    ['digits of any script', '٣٤٥ ५६', ['٣٤٥', '५६']],
    ['right to left', 'שלום \u202eעולם\u202c', ['שלום', 'עולם']],
    ['a date stands apart from its time', '2026-11-21T08:53:07Z', ['2026', '11', '21', '08', '53', '07z']],
    ['a T between other things does not separate', 'A1T2', ['a1t2']],
    [
      'scripts without blanks give a word for each letter',
      '申請書v2とカナ',
      ['申', '請', '書', 'v2', 'と', 'カ', 'ナ'],
    ],
    ['marks, emoji and controls alone are no words', '\u0301 🧾❤️ \0 \ud800 _ …', []],
  ])('%s', (_, text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test('are cut at 250 bytes, never inside a letter', () => {
    expect(splitWords('a'.repeat(300))).toEqual(['a'.repeat(250)]);
    expect(splitWords('ö'.repeat(300))).toEqual(['ö'.repeat(125)]);
    expect(splitWords('한'.repeat(300))).toEqual(['한'.repeat(83)]);
    expect(splitWords('𐐨'.repeat(300))).toEqual(['𐐨'.repeat(62)]);
    expect(splitWords(`${'a'.repeat(249)}ö`)).toEqual(['a'.repeat(249)]);
  });

  test('hold nothing that a database would mind, and are found again as they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        const words = splitWords(text);
        for (const word of words) {
          expect(word).toMatch(/^[\p{L}\p{N}][\p{L}\p{N}\p{M}]*$/u);
          expect(splitWords(word)).toEqual([word]);
        }
        expect(splitWords(words.join(' '))).toEqual(words);
      }),
    );
  });
});

describe('the words of a submission', () => {
  test('of longer texts have their positions, and those of two texts never touch', () => {
    const lexemes = lexemesOf({ answers: ['a b c d e f g h one', 'one two three four five six seven eight nine'] });
    const positions = ['a', 'b', 'one', 'two'].map((word) => lexemes.get(`~${word}`));
    expect(positions).toEqual([[1], [2], [9, 11], [12]]);
    expect(lexemes.has('one')).toBe(false);
  });

  test('of longer texts stand in pairs too, those of two texts do not', () => {
    const lexemes = lexemesOf({ answers: ['a b c d e f g h one', 'two three four five six seven eight nine ten'] });
    const has = (first: string, second: string) => lexemes.has(pairOf(first, second).lexeme);
    expect([has('a', 'b'), has('h', 'one'), has('two', 'three')]).toEqual([true, true, true]);
    expect([has('b', 'a'), has('a', 'c'), has('one', 'two')]).toEqual([false, false, false]);
  });

  test('of longer texts stand in pairs as numbers, each once', () => {
    const { pairs } = renderWords({ ...nothing, answers: ['gates b gates b gates b gates b a b', 'in progress'] });
    const expected = [pairOf('gates', 'b').hex, pairOf('b', 'gates').hex];
    expect(pairs).toBe(expected.sort().join(''));
    expect(pairs).toMatch(/^[0-9a-f]{16}$/);
  });

  test('of pairs of two short words are lexemes of their own', () => {
    const lexemes = lexemesOf({ answers: ['the gate of the north side is open again today'] });
    expect(lexemes.has('-of the')).toBe(true);
    expect([pairOf('of', 'the'), pairOf('gate', 'open').hex]).toEqual([{ lexeme: '-of the', hex: null }, null]);
    expect([lexemes.has('-the north'), lexemes.has(pairOf('the', 'north').lexeme)]).toEqual([false, true]);
  });

  test('of pairs are numbers that hardly two have in common', () => {
    const pairs = new Set(Array.from({ length: 20_000 }, (_, index) => pairOf(`after${index % 200}`, `b${index}`).hex));
    expect(pairs.size).toBeGreaterThan(19_995);
  });

  test('of pairs are a few thousand lexemes, however many words there are', () => {
    const pairs = new Set(Array.from({ length: 50_000 }, (_, index) => pairOf(`after${index}`, `b${index}`).lexeme));
    expect(pairs.size).toBeGreaterThan(3_500);
    expect(pairs.size).toBeLessThanOrEqual(4_096);
    for (const pair of pairs) expect(pair).toMatch(/^\+[0-9a-z]{1,3}$/);
  });

  test('of short texts stand by themselves and from each of them on, those of a field once more', () => {
    const lexemes = lexemesOf({
      caseId: 'BF-2026-0001',
      formName: 'site-visit',
      title: 'Visit',
      submittedBy: 'anna@example.com',
      answers: ['in progress'],
    });
    expect([...lexemes.keys()]).toEqual([
      '*',
      '0001',
      '2026',
      '=2026 0001 ',
      '=anna example com ',
      '=bf 2026 0001 ',
      '=example com ',
      '=in progress ',
      '=site visit ',
      'anna',
      'b/anna example com ',
      'b/com ',
      'b/example com ',
      'bf',
      'com',
      'example',
      'f/site visit ',
      'f/visit ',
      'in',
      'progress',
      'site',
      'visit',
    ]);
    expect([...lexemes.values()].flat()).toEqual([]);
  });

  test('of a long title are looked up in both ways', () => {
    const lexemes = [...lexemesOf({ title: 'One two three four five six seven eight nine' }).keys()];
    expect(lexemes).toEqual(
      expect.arrayContaining(['~one', '~nine', '=one two three four five six seven eight ', 'f/nine ', '=eight nine ']),
    );
  });

  test('of a text of eight words are those of a short one', () => {
    const lexemes = [...lexemesOf({ answers: ['I confirm that the information given is complete'] }).keys()];
    expect(lexemes).toEqual(expect.arrayContaining(['=information given is complete ', 'confirm']));
    expect(lexemes.filter((lexeme) => /^[~+-]/.test(lexeme))).toEqual([]);
  });

  test('of a moment are those of its date and those of hour and minute', () => {
    const lexemes = [...lexemesOf({ answers: ['2026-01-15T08:05:00Z'] }).keys()];
    expect(lexemes).toEqual(expect.arrayContaining(['=2026 01 15 ', '=08 05 ', '2026']));
    expect(lexemes.filter((lexeme) => lexeme.startsWith('~') || lexeme.includes('00z'))).toEqual([]);
  });

  test('begin with one that each submission has', () => {
    expect(renderWords(nothing)).toEqual({ words: "'*'", pairs: '' });
  });

  test('end with the ten thousandth word', () => {
    const answers = Array.from({ length: 300 }, (_, index) => `first${index} ${'x '.repeat(98)} last${index}`);
    const lexemes = lexemesOf({ answers });
    expect(lexemes.has('~last99')).toBe(true);
    expect(lexemes.has('~first100')).toBe(false);
  });

  test('end where 256 KB of text were read', () => {
    const lexemes = lexemesOf({ answers: [`near ${' '.repeat(300 * 1024)} far`, 'behind'] });
    expect([...lexemes.keys()]).toEqual(['*', 'near']);
  });

  test.each([
    ['Hangul', '한'],
    ['Georgian', 'ა'],
    ['Deseret', '𐐨'],
  ])('are no lexeme that a database refuses, also where long words of %s stand together', (_, letter) => {
    const eight = Array.from({ length: 8 }, (_, number) => `${number}${letter.repeat(300)}`).join(' ');
    const texts = { caseId: eight, formName: eight, title: eight, submittedBy: eight };
    const lexemes = lexemesOf({ ...texts, answers: [eight, `${eight} ${eight}`] });
    const bytes = [...lexemes.keys()].map((lexeme) => Buffer.byteLength(lexeme));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(2_046);
    expect(Math.max(...bytes)).toBeGreaterThan(1_900);
  });

  test('keep within what a tsvector can hold', () => {
    const rare = Array.from({ length: 20_000 }, (_, index) => `${'語'.repeat(1)}${'ж'.repeat(60)}${index}`);
    const { words } = renderWords({ ...nothing, answers: [rare.slice(0, 4_000).join(' '), 'and '.repeat(9_000)] });
    const positions = [...words.matchAll(/:([\d,]+)/g)].map(([, list = '']) => list.split(',').map(Number));
    expect(Buffer.byteLength(words)).toBeLessThan(1_000_000);
    expect(Math.max(...positions.flat())).toBeLessThanOrEqual(16_383);
    expect(Math.max(...positions.map((list) => list.length))).toBe(255);
  });
});
