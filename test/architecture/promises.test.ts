import { describe, expect, test } from '@jest/globals';
import { FAILURES } from '../../src/errors.ts';
import { codeOf, readFilesBelow } from './source-files.ts';

/** `docs/ARCHITECTURE.md` says what they are. */
const RULES = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'F9', 'F10', 'V1', 'V2', 'V3', 'V4', 'V5'];

/** Thrown to be the cause of another, or caught by their callers. */
const INNER_ERRORS = new Set(['src/feed/position-store.ts: Error', 'src/submission/json-tree.ts: JsonSyntaxError']);
/** These name codes only to look at lists of them, which proves nothing. */
const LISTS = [
  'test/architecture/promises.test.ts',
  'test/architecture/document-facts.test.ts',
  'test/unit/pipeline/outcome.test.ts',
];

const tests = readFilesBelow('test', ['.test.ts']);
const sources = readFilesBelow('src', ['.ts']).filter(({ path }) => path !== 'src/errors.ts');

describe('rules', () => {
  test.each(RULES)('%s is named by a test', (rule) => {
    const isNamed = new RegExp(`['"\`](?:[FV]\\d+, )*${rule}(?:, [FV]\\d+)*[: ]`);
    expect(tests.filter(({ text }) => isNamed.test(text)).length).toBeGreaterThan(0);
  });
});

describe('failures', () => {
  test.each(Object.keys(FAILURES))('%s is named in a test', (code) => {
    const naming = tests.filter(({ path, text }) => !LISTS.includes(path) && text.includes(code));
    expect(naming.length).toBeGreaterThan(0);
  });

  test('are raised as FormvaultError with a code of the table, but for what never leaves its own part', () => {
    const thrown = sources.flatMap((file) =>
      [...codeOf(file).matchAll(/throw new (\w*Error)\b/g)].map(([, name]) => `${file.path}: ${name}`),
    );
    const foreign = thrown.filter((each) => !each.endsWith(': FormvaultError') && !INNER_ERRORS.has(each));
    expect(foreign).toEqual([]);
  });
});
