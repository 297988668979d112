import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalPieces, digestOf } from '../../../src/submission/digest.ts';
import { parseJsonTree } from '../../../src/submission/json-tree.ts';

function canonical(text: string): string {
  return [...canonicalPieces(parseJsonTree(text), 0)].join('');
}

function digest(text: string): string {
  return digestOf(parseJsonTree(text));
}

/** RFC 8785 written down once more, the simple way. */
function canonicalise(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalise).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalise(member)}`).join(',')}}`;
}

function shuffled(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map((each) => shuffled(each, seed));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, shuffled(member, seed)] as const);
  const turn = seed % (members.length + 1);
  return Object.fromEntries([...members.slice(turn), ...members.slice(0, turn)].reverse());
}

const plainJson = fc.jsonValue({ maxDepth: 5 });

describe('the canonical text', () => {
  test('sorts members by UTF-16 code units, as in RFC 8785, section 3.2.3', () => {
    const text =
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",' +
      '"\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}';
    expect(Object.values(JSON.parse(canonical(text)))).toHaveLength(7);
    expect([...canonical(text).matchAll(/:"(\w+)/g)].map(([, word]) => word)).toEqual([
      'Carriage',
      'One',
      'Control',
      'Latin',
      'Euro',
      'Emoji',
      'Hebrew',
    ]);
  });

  test('writes strings as in RFC 8785, section 3.2.2', () => {
    expect(canonical('"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"')).toBe(
      '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"',
    );
  });

  test('keeps the text of numbers', () => {
    expect(canonical('[1.0, 1e2,12345678901234567890, -0]')).toBe('[1.0,1e2,12345678901234567890,-0]');
  });

  test('keeps doubled keys in their order, between their sorted neighbours', () => {
    expect(canonical('{"b":2,"a":1,"c":0,"a":0}')).toBe('{"a":1,"a":0,"b":2,"c":0}');
  });

  test('escapes what UTF-8 cannot carry', () => {
    expect(canonical('"\ud800"')).toBe('"\\ud800"');
    expect(digest('"\ud800"')).toBe(digest('"\\uD800"'));
    expect(digest('"\ud800"')).not.toBe(digest('"\ud801"'));
  });

  test('agrees with a simple canonicaliser on any JSON', () => {
    fc.assert(
      fc.property(plainJson, (value) => {
        const text = JSON.stringify(value);
        expect(canonical(text)).toBe(canonicalise(JSON.parse(text)));
      }),
    );
  });
});

describe('the digest', () => {
  test('is the SHA-256 of the canonical text', () => {
    expect(digest(' { "b" : [ ] , "a" : "\\u0041" } ')).toBe(
      createHash('sha256').update('{"a":"A","b":[]}').digest('hex'),
    );
  });

  test('does not change with blanks and the order of members', () => {
    fc.assert(
      fc.property(plainJson, fc.nat(7), (value, seed) => {
        const plain = JSON.parse(JSON.stringify(value));
        expect(digest(JSON.stringify(shuffled(plain, seed), null, 3))).toBe(digest(JSON.stringify(plain)));
      }),
    );
  });

  test.each([
    ['[1.0]', '[1]'],
    ['[9007199254740993]', '[9007199254740992]'],
    ['{"a":1}', '{"a":"1"}'],
    ['{"a":null}', '{}'],
    ['[1,2]', '[2,1]'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['[[],[]]', '[[[]]]'],
  ])('tells %s from %s', (one, other) => {
    expect(digest(one)).not.toBe(digest(other));
  });

  test('of a part equals that of the part alone', () => {
    expect(digestOf(parseJsonTree('{"x":{"b":1,"a":[2]}}'), 1)).toBe(digest('{"a":[2],"b":1}'));
  });

  test('holds for what is hashed in several chunks', () => {
    const value = { list: Array.from({ length: 20_000 }, (_, i) => `answer ${i}`) };
    expect(digest(JSON.stringify(value))).toBe(createHash('sha256').update(JSON.stringify(value)).digest('hex'));
  });

  test('needs no recursion: 100,000 levels', () => {
    const text = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(digest(text)).toBe(createHash('sha256').update(text).digest('hex'));
  });
});
