import { describe, expect, test } from '@jest/globals';
import { FAILURES, type FailureCode, FormvaultError } from '../../../src/errors.ts';
import { decideOutcome } from '../../../src/pipeline/outcome.ts';

const EXPECTED: Record<FailureCode, string> = {
  CONFIG_INVALID: 'wait',
  HISTORY_LEVEL_TOO_LOW: 'wait',
  ENGINE_UNAVAILABLE: 'retry',
  ENGINE_REJECTED: 'wait',
  FORM_API_UNAVAILABLE: 'retry',
  FORM_API_REJECTED: 'wait',
  VAULT_UNAVAILABLE: 'retry',
  VAULT_REJECTED: 'wait',
  BUCKET_MISSING: 'wait',
  SUBMISSION_INVALID: 'wait',
  PRODUCT_INVALID: 'wait',
  FORM_UNKNOWN: 'wait',
  SOURCE_GONE: 'wait',
  LOCK_LOST: 'interrupted',
  LEADERSHIP_LOST: 'interrupted',
  SHUTTING_DOWN: 'interrupted',
  UNEXPECTED: 'retry',
};

describe('what is decided about a failure', () => {
  test('is told for every code of the table', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(FAILURES).sort());
  });

  test.each(Object.entries(EXPECTED))('%s: %s', (code, kind) => {
    const failure = new FormvaultError(code as FailureCode, 'could not do it');
    expect(decideOutcome(failure, 1).kind).toBe(kind);
  });

  test.each([new Error('x'), 'thrown', null, undefined, { code: 'ECONNRESET' }, { code: 'toString' }])(
    'without a code of ours is tried again some times, then waits for a person: %p',
    (error) => {
      expect([1, 2, 3, 4, 5, 6].map((attempt) => decideOutcome(error, attempt).kind)).toEqual([
        'retry',
        'retry',
        'retry',
        'retry',
        'wait',
        'wait',
      ]);
    },
  );

  test('is to try a passing fault for ever, with pauses that grow to half a minute', () => {
    const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write');
    const pausesMs = [1, 3, 6, 20, 1_000].map((attempt) => {
      const decision = decideOutcome(away, attempt);
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
    expect(decideOutcome(busy, 1)).toEqual({ kind: 'retry', pauseMs: 90_000 });
  });
});
