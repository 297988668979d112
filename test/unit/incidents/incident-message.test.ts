import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FAILURES, type FailureCode, FormvaultError } from '../../../src/errors.ts';
import { type About, causeOf, formTarget, incidentMessage } from '../../../src/incidents/incident-message.ts';
import { errorText } from '../../../src/observability/error-text.ts';

const ABOUT: About = { form: 'site-visit', caseId: 'BF-1' };
const PER_SUBMISSION: FailureCode[] = ['SUBMISSION_INVALID', 'PRODUCT_INVALID', 'SOURCE_GONE'];
const CODES = Object.keys(FAILURES) as FailureCode[];

const failing = (code: FailureCode, bucket?: string) =>
  new FormvaultError(code, 'could not write an object', bucket === undefined ? {} : { context: { bucket } });

/** What people call forms and cases, with everything that also stands around them in the message. */
const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(
        'a',
        ' ',
        '\n',
        '\u0000',
        '(',
        ')',
        '). ',
        ', case ',
        ' (form ',
        ' in bucket ',
        '😀',
        '\ud83d',
        '–',
        '…',
      ),
      { maxLength: 200 },
    )
    .map((parts) => parts.join('')),
);
const anyAbout = fc.record({ form: fc.option(anyName), caseId: fc.option(anyName) });

describe('the message of an incident', () => {
  test('says code, what was attempted, where, form, case and what to do', () => {
    expect(incidentMessage(failing('VAULT_UNAVAILABLE', 'dev-cop-case'), ABOUT)).toBe(
      `VAULT_UNAVAILABLE: could not write an object in bucket dev-cop-case (form site-visit, case BF-1). ${FAILURES.VAULT_UNAVAILABLE.hint}`,
    );
    expect(incidentMessage(failing('SUBMISSION_INVALID'), { form: null, caseId: null })).toBe(
      `SUBMISSION_INVALID: could not write an object (form –, case –). ${FAILURES.SUBMISSION_INVALID.hint}`,
    );
  });

  test.each([new TypeError('x'), 'thrown', null, undefined, 5])('is whole for %p too', (error) => {
    expect(incidentMessage(error, ABOUT)).toMatch(/^UNEXPECTED: .+ \(form site-visit, case BF-1\)\. Report it/);
  });

  test('has 666 characters at most, no control character and no half of a character, whatever is put in', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CODES), anyName, anyName, anyAbout, (code, attempted, hint, about) => {
        const message = incidentMessage(new FormvaultError(code, attempted, { hint: hint.toWellFormed() }), about);
        expect(message.length).toBeLessThanOrEqual(666);
        expect(message.isWellFormed()).toBe(true);
        expect(message.slice(0, message.indexOf(', case '))).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 500 },
    );
  });

  test('names form and case even where they are long', () => {
    const long = { form: 'f'.repeat(500), caseId: 'c'.repeat(500) };
    expect(incidentMessage(failing('VAULT_REJECTED', 'b'.repeat(63)), long)).toMatch(
      /\(form f{119}…, case c{119}…\)\. Check the credentials/,
    );
  });
});

describe('the cause of an incident', () => {
  test('is found in its message again, whatever form and case are called', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CODES),
        fc.option(fc.constantFrom('dev-a', 'dev-b.c')),
        anyAbout,
        (code, bucket, about) => {
          const error = failing(code, bucket ?? undefined);
          const expected = causeOf(
            incidentMessage(error, { ...about, form: code === 'FORM_UNKNOWN' ? about.form : 'x' }),
          );
          expect(causeOf(incidentMessage(error, about))).toEqual(expected);
          if (PER_SUBMISSION.includes(code)) expect(expected).toBeNull();
          else if (code === 'FORM_UNKNOWN') expect(expected).toEqual({ code, target: formTarget(about.form ?? '–') });
          else if (code.startsWith('FORM_API')) expect(expected).toEqual({ code, target: 'form-api' });
          else expect(expected).toEqual({ code, target: bucket ?? '' });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('of an unknown form is the same for every case, and another for another form', () => {
    fc.assert(
      fc.property(anyName, anyName, anyName, (form, one, other) => {
        const [a, b] = [one, other].map((caseId) =>
          causeOf(incidentMessage(failing('FORM_UNKNOWN'), { form, caseId })),
        );
        expect(a).toEqual(b);
        expect(a).toEqual({ code: 'FORM_UNKNOWN', target: formTarget(form) });
      }),
      { numRuns: 500 },
    );
    expect(formTarget('a')).not.toBe(formTarget('b'));
  });

  test.each([
    '',
    'Something else failed',
    'VAULT_UNAVAILABLE',
    'NO_CODE: x (form a, case b). y',
    'constructor: x (form a, case b). y',
  ])('is none in a text of somebody else: %p', (message) => {
    expect(causeOf(message)).toBeNull();
  });
});

describe('what a person typed', () => {
  const MARKER = 'Mrs Smith';

  test.each<[string, () => unknown]>([
    [
      'a request that a library hung on its error',
      () =>
        Object.assign(new Error('failed'), {
          config: { data: MARKER, headers: { a: MARKER } },
          response: { data: MARKER },
        }),
    ],
    ['a text that could not be parsed', () => attempt(() => JSON.parse(`{"a": ${MARKER}`))],
    ['a thrown text', () => MARKER],
    ['several errors at once', () => new AggregateError([attempt(() => JSON.parse(MARKER))])],
    [
      'a context that is no plain value',
      () => Object.assign(failing('VAULT_REJECTED'), { context: { body: { answer: MARKER } } }),
    ],
    [
      'a cause further down',
      () => new Error('failed', { cause: new Error('failed', { cause: attempt(() => JSON.parse(MARKER)) }) }),
    ],
  ])('is neither in message nor details where it comes with %s', (_, make) => {
    const made = make();
    for (const error of [made, new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object', { cause: made })]) {
      expect(incidentMessage(error, ABOUT)).not.toContain('Smith');
      expect(errorText(error)).not.toContain('Smith');
    }
  });
});

function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
