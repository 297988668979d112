import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  childrenOf,
  findMember,
  isKind,
  JsonSyntaxError,
  type JsonTree,
  keyOf,
  parseJsonTree,
  pointerOf,
  sliceOf,
  textOf,
} from '../../../src/submission/json-tree.ts';

const blanks = fc.constantFrom('', ' ', '\n', '\t\r\n ');
/** JSON with blanks and escapes that `JSON.stringify` would not write. */
const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 6 }), blanks, fc.constantFrom<0 | 1 | 4>(0, 1, 4))
  .map(([value, around, indent]) => `${around}${JSON.stringify(value, null, indent)}${around}`);

const mutatedText = fc
  .tuple(jsonText, fc.nat(), fc.nat(3), fc.constantFrom('', ...'{}[]",:\\0-+.eEtfn \u0000\u007f\u00a0\ufeff\'/'))
  .map(([text, at, removed, inserted]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + inserted + text.slice(place + removed);
  });

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isTreeText(text: string): boolean {
  try {
    parseJsonTree(text);
    return true;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false;
    throw error;
  }
}

function readValue(tree: JsonTree, node: number): unknown {
  if (isKind(tree, node, 'array')) return [...childrenOf(tree, node)].map((child) => readValue(tree, child));
  if (!isKind(tree, node, 'object')) return JSON.parse(sliceOf(tree, node));
  return Object.fromEntries([...childrenOf(tree, node)].map((child) => [keyOf(tree, child), readValue(tree, child)]));
}

/** RFC 6901, read the other way round. */
function follow(value: unknown, pointer: string): unknown {
  const steps = pointer.split('/').slice(1);
  return steps.reduce(
    (at, step) => (at as Record<string, unknown>)[step.replaceAll('~1', '/').replaceAll('~0', '~')],
    value,
  );
}

function nodesOf(tree: JsonTree): number[] {
  return Array.from({ length: tree.after[0] ?? 0 }, (_, node) => node);
}

describe('what is JSON', () => {
  test('is accepted, and nothing else is', () => {
    fc.assert(fc.property(jsonText, (text) => isTreeText(text)));
  });

  test('is told as JSON.parse tells it, also for texts with a mistake', () => {
    fc.assert(
      fc.property(mutatedText, (text) => isTreeText(text) === isJsonText(text)),
      { numRuns: 3_000 },
    );
  });

  test.each([
    '',
    ' ',
    '{',
    '[',
    '"',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{"a"}',
    '{"a":}',
    '{a:1}',
    "{'a':1}",
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    '1e+',
    '0x1',
    'NaN',
    'Infinity',
    'tru',
    'truefalse',
    'True',
    'null null',
    '"\t"',
    '"\\x"',
    '"\\u12g4"',
    '"\\u12',
    '"\\',
    '[1 2]',
    '[1}',
    '{"a":1]',
    '}',
    '\ufeff{}',
    '\u00a01',
    '// 1',
    '1//',
    '{"a":1}}',
    '\u2028',
  ])('is not %j', (text) => {
    expect(isTreeText(text)).toBe(false);
    expect(isJsonText(text)).toBe(false);
  });

  test.each([
    '-0',
    '1E400',
    '1e-7',
    '"\u2028\u007f"',
    '"\\ud800"',
    '"\ud800"',
    ' [ ] ',
    '{ }',
    '{"":0}',
    '{"__proto__":1}',
  ])('is %j', (text) => {
    expect(isTreeText(text)).toBe(true);
  });

  test('a mistake is reported by its place, never with what stands there', () => {
    expect(() => parseJsonTree('{"name":"Mrs Smith",}')).toThrow('not JSON at character 21 of 21');
    expect(() => parseJsonTree('{"name":"Mrs Smith"')).toThrow('the JSON text ends too early, after 19 characters');
  });
});

describe('a tree', () => {
  test('holds the same values as JSON.parse', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const tree = parseJsonTree(text);
        expect(readValue(tree, 0)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('knows the text of each value, and its pointer leads to that value', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const tree = parseJsonTree(text);
        const root = JSON.parse(text);
        for (const node of nodesOf(tree)) {
          expect(follow(root, pointerOf(tree, node))).toEqual(JSON.parse(sliceOf(tree, node)));
        }
      }),
    );
  });

  test('knows where each subtree ends', () => {
    const tree = parseJsonTree('{"a":[1,[2]],"b":{}}');
    expect([...tree.after.slice(0, 6)]).toEqual([6, 5, 3, 5, 5, 6]);
  });

  test('keeps a number as it was written', () => {
    const tree = parseJsonTree('[1.0, 12345678901234567890, 1E400, -0]');
    expect([...childrenOf(tree, 0)].map((node) => textOf(tree, node))).toEqual([
      '1.0',
      '12345678901234567890',
      '1E400',
      '-0',
    ]);
  });

  test('takes the last of doubled keys, also of one that is escaped', () => {
    const tree = parseJsonTree('{"form":1,"x":0,"\\u0066orm":2}');
    expect(textOf(tree, findMember(tree, 0, 'form') ?? 0)).toBe('2');
  });

  test.each([
    ['"a\\"b"', 'a"b'],
    ['"\\\\"', '\\'],
    ['"\\u00e9\\ud83d\\ude00\\/\\n"', 'é😀/\n'],
    ['""', ''],
  ])('reads the key %s without its escapes', (written, key) => {
    const tree = parseJsonTree(`{${written}:[1]}`);
    expect(keyOf(tree, 1)).toBe(key);
    expect(findMember(tree, 0, key)).toBe(1);
  });

  test('gives the text of strings, numbers and booleans, and none of null, objects and arrays', () => {
    const tree = parseJsonTree('["a\\tb",1.50,true,false,null,{},[]]');
    expect([...childrenOf(tree, 0)].map((node) => textOf(tree, node))).toEqual([
      'a\tb',
      '1.50',
      'true',
      'false',
      null,
      null,
      null,
    ]);
  });

  test('finds no member in what is no object', () => {
    expect(findMember(parseJsonTree('["form"]'), 0, '0')).toBeNull();
    expect(findMember(parseJsonTree('"form"'), 0, 'form')).toBeNull();
  });

  test('points by RFC 6901: ~ and / are escaped, elements counted from 0', () => {
    const tree = parseJsonTree('{"a/b":{"m~n":[0,{"":1}]}}');
    expect(nodesOf(tree).map((node) => pointerOf(tree, node))).toEqual([
      '',
      '/a~1b',
      '/a~1b/m~0n',
      '/a~1b/m~0n/0',
      '/a~1b/m~0n/1',
      '/a~1b/m~0n/1/',
    ]);
  });
});

describe('a large text', () => {
  test('may be nested 100,000 levels deep', () => {
    const depth = 100_000;
    const tree = parseJsonTree(`${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`);
    expect(tree.after[0]).toBe(depth + 1);
    expect(pointerOf(tree, depth)).toHaveLength((depth / 2) * 4);
  });

  test('may hold a million elements, in flat memory', () => {
    const tree = parseJsonTree(`[${'0,'.repeat(999_999)}0]`);
    expect(tree.after[0]).toBe(1_000_001);
    expect(tree.labels[1_000_000]).toBe(999_999);
  });
});
