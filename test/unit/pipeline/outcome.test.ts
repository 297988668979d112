import { describe, expect, test } from '@jest/globals';
import { FAILURES, type FailureCode, FormvaultError } from '../../../src/errors.ts';
import { decideOutcome } from '../../../src/pipeline/outcome.ts';

const FIRST = { number: 1, isLast: false };
const LAST = { number: 4, isLast: true };

const EXPECTED: Record<FailureCode, string> = {
  CONFIG_INVALID: 'incident',
  HISTORY_LEVEL_TOO_LOW: 'incident',
  ENGINE_UNAVAILABLE: 'retry',
  ENGINE_REJECTED: 'incident',
  FORM_API_UNAVAILABLE: 'retry',
  FORM_API_REJECTED: 'incident',
  VAULT_UNAVAILABLE: 'retry',
  VAULT_REJECTED: 'incident',
  BUCKET_MISSING: 'incident',
  INDEX_UNAVAILABLE: 'retry',
  SUBMISSION_INVALID: 'incident',
  PRODUCT_INVALID: 'incident',
  FORM_UNKNOWN: 'incident',
  SOURCE_GONE: 'incident',
  LOCK_LOST: 'discard',
  LEADERSHIP_LOST: 'discard',
  SIGN_IN_FAILED: 'discard',
  SHUTTING_DOWN: 'interrupted',
  UNEXPECTED: 'retry',
};

describe('what is decided about a failure', () => {
  test('is told for every code of the table', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(FAILURES).sort());
  });

  test.each(Object.entries(EXPECTED))('%s: %s', (code, kind) => {
    const failure = new FormvaultError(code as FailureCode, 'could not do it');
    expect(decideOutcome(failure, FIRST).kind).toBe(kind);
  });

  test.each(['VAULT_UNAVAILABLE', 'FORM_API_UNAVAILABLE', 'UNEXPECTED'] as const)(
    '%s is tried again until the last attempt',
    (code) => {
      const failure = new FormvaultError(code, 'could not do it');
      expect(decideOutcome(failure, { number: 99, isLast: false }).kind).toBe('retry');
      expect(decideOutcome(failure, LAST).kind).toBe('incident');
    },
  );

  test('ENGINE_UNAVAILABLE is tried again for ever: without the engine there is nobody to hand anything to', () => {
    const away = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read');
    expect(decideOutcome(away, LAST).kind).toBe('retry');
  });

  test.each(Object.keys(FAILURES) as FailureCode[])(
    '%s is told of the last attempt as of any other, or is final',
    (code) => {
      const [first, last] = [FIRST, LAST].map((attempt) => decideOutcome(new FormvaultError(code, 'x'), attempt).kind);
      expect(last === first || (first === 'retry' && last === 'incident')).toBe(true);
    },
  );

  test.each([new Error('x'), 'thrown', null, undefined, { code: 'ECONNRESET' }, { code: 'toString' }])(
    'without a code of ours is tried again, then waits for a person: %p',
    (error) => {
      expect([FIRST, LAST].map((attempt) => decideOutcome(error, attempt).kind)).toEqual(['retry', 'incident']);
    },
  );

  test('to try again comes with pauses that grow to half a minute', () => {
    const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write');
    const pausesMs = [1, 3, 6, 20, 1_000].map((number) => {
      const decision = decideOutcome(away, { number, isLast: false });
      return decision.kind === 'retry' ? decision.pauseMs : null;
    });
    expect(pausesMs[0]).toBeLessThanOrEqual(250);
    expect(pausesMs[1]).toBeGreaterThan(Number(pausesMs[0]));
    expect(pausesMs[2]).toBeGreaterThan(Number(pausesMs[1]));
    expect(pausesMs[4]).toBeGreaterThanOrEqual(22_500);
    expect(pausesMs[4]).toBeLessThanOrEqual(30_000);
  });

  test('takes a Retry-After as a floor', () => {
    const busy = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read', { retryAfterMs: 90_000 });
    expect(decideOutcome(busy, FIRST)).toEqual({ kind: 'retry', pauseMs: 90_000 });
  });
});
