import { describe, expect, test } from '@jest/globals';
import { FAILURES } from '../../src/errors.ts';
import { codeOf, readFilesBelow } from './source-files.ts';

/** `docs/ARCHITECTURE.md` says what they are. */
const RULES = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'F9', 'F10', 'V1', 'V2', 'V3', 'V4', 'V5'];

const NOT_RAISED_YET: Record<string, string> = {
  LOCK_LOST: 'external tasks, whose locks can get lost, come with the handling of failures by incidents',
};
/** Thrown to be the cause of another, or caught by their callers. */
const INNER_ERRORS = new Set([
  'src/feed/position-store.ts: Error',
  'src/http/http-client.ts: Error',
  'src/submission/json-tree.ts: JsonSyntaxError',
]);
/** These lists name every code, which proves nothing. */
const LISTS = ['test/architecture/promises.test.ts', 'test/unit/pipeline/outcome.test.ts'];

const tests = readFilesBelow('test', ['.test.ts']);
const sources = readFilesBelow('src', ['.ts']).filter(({ path }) => path !== 'src/errors.ts');

describe('rules', () => {
  test.each(RULES)('%s is named by a test', (rule) => {
    const isNamed = new RegExp(`['"\`](?:[FV]\\d+, )*${rule}(?:, [FV]\\d+)*[: ]`);
    expect(tests.filter(({ text }) => isNamed.test(text)).length).toBeGreaterThan(0);
  });
});

describe('failures', () => {
  test.each(Object.keys(FAILURES).filter((code) => !Object.hasOwn(NOT_RAISED_YET, code)))(
    '%s is named in a test',
    (code) => {
      const naming = tests.filter(({ path, text }) => !LISTS.includes(path) && text.includes(code));
      expect(naming.length).toBeGreaterThan(0);
    },
  );

  test.each(Object.keys(NOT_RAISED_YET))('%s is raised by nothing yet', (code) => {
    const raising = sources.filter((file) => codeOf(file).includes(`FormvaultError('${code}'`));
    expect(raising.map(({ path }) => path)).toEqual([]);
  });

  test('are raised as FormvaultError with a code of the table, but for what never leaves its own part', () => {
    const thrown = sources.flatMap((file) =>
      [...codeOf(file).matchAll(/throw new (\w*Error)\b/g)].map(([, name]) => `${file.path}: ${name}`),
    );
    const foreign = thrown.filter((each) => !each.endsWith(': FormvaultError') && !INNER_ERRORS.has(each));
    expect(foreign).toEqual([]);
  });
});
