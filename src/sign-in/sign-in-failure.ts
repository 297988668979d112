import { FormvaultError, failureCodeOf } from '../errors.ts';
import { slimCause } from '../http/slim-cause.ts';

/** What a page can say about a sign-in that did not work. */
export type SignInProblem =
  /** The provider gives no answer, or says that it cannot now. */
  | 'away'
  /** The provider does not let this person in, or they changed their mind. */
  | 'denied'
  /** Nobody began it in this browser, it is too old, or it was finished before: to be begun again. */
  | 'lost'
  /** The provider refuses Formvault, or what it says does not hold. */
  | 'refused';

const HINTS: Record<SignInProblem, string> = {
  away: 'Check that the OpenID provider runs and that OIDC_ISSUER leads to it.',
  denied: 'Sign in as somebody else, or ask for access at the OpenID provider.',
  lost: 'Sign in again: it takes one browser, ten minutes at most, and can be finished once.',
  refused: 'Check OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and the redirect address that the OpenID provider has for them.',
};

/** Error codes of OAuth 2 (RFC 6749, 4.1.2.1 and 5.2); whatever else stands there came from outside. */
const OAUTH_ERROR = /^[a-z_]{1,40}$/;
const MAX_CAUSES = 5;

type Link = Partial<Record<'name' | 'code' | 'message' | 'stack' | 'error' | 'status' | 'cause', unknown>>;

export function signInFailed(
  problem: SignInProblem,
  attempted: string,
  { cause, hint = HINTS[problem] }: { cause?: unknown; hint?: string } = {},
): FormvaultError {
  const causes = cause === undefined ? {} : { cause: slimChain(cause) };
  return new FormvaultError('SIGN_IN_FAILED', attempted, { ...causes, context: { problem }, hint });
}

export function signInProblemOf(error: unknown): SignInProblem | null {
  if (failureCodeOf(error) !== 'SIGN_IN_FAILED') return null;
  return (error as FormvaultError).context.problem as SignInProblem;
}

/** What failed in the libraries that talk to the provider, in our words. */
export function asSignInFailure(error: unknown, attempted: string): FormvaultError {
  if (failureCodeOf(error) === 'SIGN_IN_FAILED') return error as FormvaultError;
  return signInFailed(problemOf(linksOf(error)), attempted, { cause: error });
}

function problemOf(links: Link[]): SignInProblem {
  const errors = links.map(({ error }) => error);
  if (errors.includes('access_denied')) return 'denied';
  if (errors.includes('invalid_grant')) return 'lost';
  const isAway = links.some(
    ({ name, code, message, error, status }) =>
      name === 'TimeoutError' ||
      code === 'OAUTH_TIMEOUT' ||
      code === 'OAUTH_RESPONSE_IS_NOT_JSON' ||
      message === 'fetch failed' ||
      error === 'temporarily_unavailable' ||
      error === 'server_error' ||
      status === 404 ||
      status === 429 ||
      Number(status) >= 500,
  );
  return isAway ? 'away' : 'refused';
}

/** An error and its causes; the last one may be an answer, or what an answer said in `WWW-Authenticate`. */
function linksOf(error: unknown): Link[] {
  const links: Link[] = [];
  let at = error;
  while (typeof at === 'object' && at !== null && links.length < MAX_CAUSES) {
    const link: Link = Array.isArray(at) ? (at[0]?.parameters ?? {}) : at;
    links.push(link);
    at = link.cause;
  }
  return links;
}

/** Without what the libraries hang on their errors: addresses with codes in them, answers, claims. */
function slimChain(error: unknown): Error {
  const [first = {}, ...causes] = linksOf(error);
  const told = [first, ...causes].flatMap(({ message, error: oauthError, status }) => [
    ...(typeof message === 'string' ? [message] : []),
    ...(typeof oauthError === 'string' && OAUTH_ERROR.test(oauthError) ? [oauthError] : []),
    ...(typeof status === 'number' ? [`status ${status}`] : []),
  ]);
  const { name, code, stack } = first;
  return slimCause({ name, code, stack, message: [...new Set(told)].join('; ') });
}
