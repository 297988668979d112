/**
 * The one table of failures and the one class that carries them.
 *
 * An adapter wraps a foreign error once, at its edge; everybody else reads the code with `failureCodeOf` and never looks
 * at a class (`instanceof Error` does not hold across realms). A message says what was attempted, in lower case and without
 * ids; ids stand in `context`; neither ever holds what a person typed into a form.
 */

/** What a failure asks for. `decideOutcome` in `pipeline/outcome.ts` is its only reader. */
export type Disposition = 'crash' | 'retry' | 'incident' | 'discard' | 'step-down' | 'interrupt';

type Failure = { disposition: Disposition; meaning: string; hint: string };

export const FAILURES = {
  CONFIG_INVALID: {
    disposition: 'crash',
    meaning: 'a setting is missing or wrong',
    hint: 'Correct the settings that are listed and start again.',
  },
  HISTORY_LEVEL_TOO_LOW: {
    disposition: 'crash',
    meaning: 'the engine keeps no variable updates',
    hint: 'Set the history level of the engine to FULL and restart the engine.',
  },
  ENGINE_UNAVAILABLE: {
    disposition: 'retry',
    meaning: 'the engine did not answer, or answered that it cannot now',
    hint: 'Check that the engine runs and that ENGINE_URL leads to its REST API.',
  },
  ENGINE_REJECTED: {
    disposition: 'incident',
    meaning: 'the engine refused a request',
    hint: 'Check the credentials and permissions of the user that Formvault signs in with.',
  },
  FORM_API_UNAVAILABLE: {
    disposition: 'retry',
    meaning: 'the form API did not answer, or answered that it cannot now',
    hint: 'Check that the form API runs and that FORM_API_URL leads to it.',
  },
  FORM_API_REJECTED: {
    disposition: 'incident',
    meaning: 'the form API refused a request',
    hint: 'Check FORM_API_URL and the credentials for the form API.',
  },
  VAULT_UNAVAILABLE: {
    disposition: 'retry',
    meaning: 'S3 did not answer, or answered that it cannot now',
    hint: 'Check that S3 can be reached from here.',
  },
  VAULT_REJECTED: {
    disposition: 'incident',
    meaning: 'S3 refused a request',
    hint: 'Check the credentials, the region and the policy of the bucket.',
  },
  BUCKET_MISSING: {
    disposition: 'incident',
    meaning: 'the bucket does not exist',
    hint: 'Create the bucket, or set S3_CREATE_BUCKETS=true; then retry.',
  },
  INDEX_UNAVAILABLE: {
    disposition: 'retry',
    meaning: 'the database of the index did not answer, or answered that it cannot now',
    hint: 'Check that PostgreSQL runs and that DATABASE_URL leads to it; without that setting, the disk that DATA_DIR is on.',
  },
  SUBMISSION_INVALID: {
    disposition: 'incident',
    meaning: 'the submission can never be kept as it is',
    hint: 'Correct the data by writing the variable again, then retry.',
  },
  PRODUCT_INVALID: {
    disposition: 'incident',
    meaning: 'the extension property `product` makes no valid bucket name',
    hint: 'Correct the property `product` in the BPMN, deploy it and retry.',
  },
  FORM_UNKNOWN: {
    disposition: 'incident',
    meaning: 'the form API does not know the form',
    hint: 'Publish the form in the form API, or set FORM_LOOKUP=optional; then retry.',
  },
  SOURCE_GONE: {
    disposition: 'incident',
    meaning: 'the engine no longer has the data of the change',
    hint: 'Look for the data in a backup of the engine: its history was removed before it could be kept. Then cancel the instance of formvault-persist.',
  },
  LOCK_LOST: {
    disposition: 'discard',
    meaning: 'another worker holds the external task now',
    hint: 'Nothing to do.',
  },
  LEADERSHIP_LOST: {
    disposition: 'step-down',
    meaning: 'another instance leads the feed now',
    hint: 'Nothing to do; this instance waits for its turn.',
  },
  SIGN_IN_FAILED: {
    disposition: 'discard',
    meaning: 'somebody could not sign in to the pages or the API',
    hint: 'Sign in again; if that does not help, check the settings that begin with OIDC_.',
  },
  SHUTTING_DOWN: {
    disposition: 'interrupt',
    meaning: 'Formvault is being stopped',
    hint: 'Nothing to do; the change is read again after the start.',
  },
  UNEXPECTED: {
    disposition: 'retry',
    meaning: 'something happened that Formvault does not know',
    hint: 'Report it with the stack trace.',
  },
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof FAILURES;

export type FailureContext = Record<string, string | number | boolean | null>;

export type FailureDetails = {
  cause?: unknown;
  /** Ids and measures; never an answer, a name or an address of a person. */
  context?: FailureContext;
  /** Replaces the table's hint where the place of the failure knows better what to do. */
  hint?: string;
  /** Shortest pause before the next attempt, from a `Retry-After`. */
  retryAfterMs?: number;
};

export class FormvaultError extends Error {
  readonly code: FailureCode;
  readonly context: FailureContext;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;

  constructor(code: FailureCode, attempted: string, details: FailureDetails = {}) {
    super(attempted, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'FormvaultError';
    this.code = code;
    this.context = details.context ?? {};
    this.hint = details.hint ?? FAILURES[code].hint;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The code of any error; `UNEXPECTED` for one that carries none of ours. */
export function failureCodeOf(error: unknown): FailureCode {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && Object.hasOwn(FAILURES, code) ? (code as FailureCode) : 'UNEXPECTED';
}
