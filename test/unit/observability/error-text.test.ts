import { expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { errorChain, errorText } from '../../../src/observability/error-text.ts';

test('the text holds code, message, context, hint and stack, then each cause with its stack', () => {
  const root = new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
  const error = new FormvaultError('VAULT_UNAVAILABLE', 'could not write the submission', {
    cause: root,
    context: { bucket: 'dev-cop-case', status: null },
  });

  expect(errorText(error).replaceAll(/( {4}at .*\n?)+/g, '(frames)\n')).toBe(
    `FormvaultError VAULT_UNAVAILABLE: could not write the submission
  bucket: dev-cop-case
  status: null
  Check that S3 can be reached from here.
(frames)
Caused by: TypeError: fetch failed
(frames)
Caused by: Error ECONNREFUSED: refused
(frames)
`,
  );
});

test('what a JSON parser quotes is left out', () => {
  let cause: unknown;
  try {
    JSON.parse('Mrs Smith\n    at High Street');
  } catch (error) {
    cause = error;
  }
  const error = new FormvaultError('SUBMISSION_INVALID', 'could not parse the variable as JSON', { cause });

  expect(errorText(error)).not.toMatch(/Smith|High Street/);
  expect(errorText(error)).toContain('Caused by: SyntaxError: the text could not be parsed');
});

test('lines of a message that look like frames are not taken for frames', () => {
  expect(errorChain(new Error('a\n    at b'))[0]?.frames).not.toContain('at b');
});

test('errors that cause each other come to an end', () => {
  const first = new Error('first');
  const second = new Error('second', { cause: first });
  first.cause = second;

  expect(errorChain(first).map(({ message }) => message)).toEqual(['first', 'second']);
});

test('a chain without end is cut', () => {
  let error = new Error('root');
  for (let depth = 0; depth < 100; depth++) error = new Error(`level ${depth}`, { cause: error });

  expect(errorChain(error)).toHaveLength(11);
});

test('a message without end is cut', () => {
  expect(errorText(new Error('x'.repeat(100_000))).length).toBeLessThan(10_000);
});

test('an error without a message takes those of the errors in it', () => {
  const error = new AggregateError([new Error('refused by ::1'), new Error('refused by 127.0.0.1'), null]);

  expect(errorChain(error)[0]?.message).toBe('refused by ::1; refused by 127.0.0.1; no message');
});

test('a context of a foreign error, and what is no scalar in one of ours, are left out', () => {
  const foreign = Object.assign(new Error('foreign'), { context: { password: 'tiger' }, hint: 'tiger' });
  const ours = new FormvaultError('UNEXPECTED', 'could not go on', { cause: foreign });
  Object.assign(ours.context, { nested: { password: 'tiger' } });

  expect(errorText(ours)).not.toContain('tiger');
});

test.each(['Mrs Smith', 42, Symbol('x'), () => 'Mrs Smith'])(
  'a thrown thing that is no error is named by its type',
  (thrown) => {
    expect(errorText(thrown)).toBe(`Error: a thrown ${typeof thrown}`);
  },
);

test.each([undefined, null])('a thrown %s has no text', (thrown) => {
  expect(errorText(thrown)).toBe('');
});
