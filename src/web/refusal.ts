import { type FailureCode, failureCodeOf } from '../errors.ts';

/** An answer that shows nothing. The texts are constant: nothing that came from outside is in them. */
export type Refusal = {
  refused: 400 | 401 | 403 | 404 | 405 | 421 | 500 | 503;
  /** In lower case, as the API says it. */
  error: string;
  message: string;
};

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value;
}

export function wrong(message: string): Refusal {
  return { refused: 400, error: 'bad request', message };
}

/** The same for what does not exist and for what one may not see. */
export const NOTHING_HERE: Refusal = {
  refused: 404,
  error: 'not found',
  message: 'There is nothing at this address, or nothing that you may see.',
};

export const NOT_SIGNED_IN: Refusal = {
  refused: 401,
  error: 'not signed in',
  message: 'Send a bearer token that the OpenID provider gave for this service.',
};

export const FROM_ELSEWHERE: Refusal = {
  refused: 403,
  error: 'forbidden',
  message: 'This can only be asked from a page of this service.',
};

export const NOT_LOCAL: Refusal = {
  refused: 421,
  error: 'misdirected request',
  message: 'Without a sign-in, cases are shown at the address localhost only.',
};

export const NO_SUCH_METHOD: Refusal = {
  refused: 405,
  error: 'method not allowed',
  message: 'This address does not take such a request.',
};

export const BROKEN: Refusal = {
  refused: 500,
  error: 'internal error',
  message: 'Something went wrong here. It has been noted in the log; please tell the people who run this service.',
};

const LATER = 'Please try again in some minutes. If it lasts, tell the people who run this service.';

export const TOOK_TOO_LONG = away('It took too long to put the answer together.');
export const NO_AUDIT = away(
  'It could not be noted down who looks at this. What cannot be noted down is not shown, so that it can always be told.',
);

const NO_INDEX = away('The index that cases are found by does not answer.');

const AWAY: Partial<Record<FailureCode, Refusal>> = {
  ENGINE_UNAVAILABLE: away(
    'The process engine does not answer. It says who may see which case, so nothing can be shown.',
  ),
  ENGINE_REJECTED: away('The process engine refuses to say who may see which case, so nothing can be shown.'),
  FORM_API_UNAVAILABLE: away('The form API does not answer.'),
  FORM_API_REJECTED: away('The form API refuses to answer.'),
  VAULT_UNAVAILABLE: away('The store that the forms are kept in does not answer.'),
  VAULT_REJECTED: away('The store that the forms are kept in refuses to give them out.'),
  BUCKET_MISSING: away('The store that the forms are kept in lacks a bucket.'),
  INDEX_UNAVAILABLE: NO_INDEX,
  // While something is asked for, only the index looks at a setting: at its folder, which another process may hold.
  CONFIG_INVALID: NO_INDEX,
  SHUTTING_DOWN: away('This service is being restarted.'),
};

/** By the `problem` of a failure SIGN_IN_FAILED. */
const SIGN_IN: Record<string, Refusal> = {
  away: away('The service that signs you in does not answer.'),
  denied: notSignedIn('The service that signs you in does not let you in here.'),
  lost: notSignedIn('The sign-in took too long, or was begun in another window. Please try again.'),
  refused: away('The service that signs you in refuses to work with this service.'),
};

/** What a failure looks like from outside. */
export function refusalOf(error: unknown): Refusal {
  const { code, context } = (error ?? {}) as { code?: unknown; context?: { problem?: unknown } };
  if (code === 'SIGN_IN_FAILED') return SIGN_IN[String(context?.problem)] ?? BROKEN;
  return AWAY[failureCodeOf(error)] ?? BROKEN;
}

function notSignedIn(message: string): Refusal {
  return { refused: 400, error: NOT_SIGNED_IN.error, message };
}

function away(what: string): Refusal {
  return { refused: 503, error: 'service unavailable', message: `${what} ${LATER}` };
}
