import type { FormvaultError } from '../errors.ts';
import { type Auth, basicAuthorization } from './auth.ts';
import { createSharedRequests } from './shared-requests.ts';

const LIFE_WHEN_UNSAID_SECONDS = 60;
const EARLIEST_RENEWAL_MS = 30_000;

/** Posts a form and answers with the parsed JSON; throws the client's errors. */
export type PostForm = (url: string, form: string, authorization: string, signal: AbortSignal) => Promise<unknown>;

export type TokenSource = {
  read(signal: AbortSignal): Promise<string>;
  /** Forgets this token, which the service has refused, unless there is a newer one already. */
  drop(token: string): void;
};

/**
 * OAuth 2 client credentials (RFC 6749, 4.4): one token for all requests, renewed half a minute before it ends (or at half
 * its life, where that is shorter), asked for once however many wait for it.
 */
export function createTokenSource(
  auth: Extract<Auth, { kind: 'oauth' }>,
  postForm: PostForm,
  rejected: (cause: Error) => FormvaultError,
  now: () => number = Date.now,
): TokenSource {
  const requests = createSharedRequests<string>();
  let current: { token: string; renewAtMs: number } | null = null;

  async function request(signal: AbortSignal): Promise<string> {
    const askedAtMs = now();
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (auth.scope !== null) form.set('scope', auth.scope);
    const authorization = basicAuthorization(formEncoded(auth.clientId), formEncoded(auth.clientSecret));
    const { token, lifeMs } = parseToken(
      await postForm(auth.tokenUrl, form.toString(), authorization, signal),
      rejected,
    );
    current = { token, renewAtMs: askedAtMs + Math.max(lifeMs - EARLIEST_RENEWAL_MS, lifeMs / 2) };
    return token;
  }

  return {
    async read(signal) {
      if (current !== null && now() < current.renewAtMs) return current.token;
      return requests.share('token', request, signal);
    },
    drop(token) {
      if (current?.token === token) current = null;
    },
  };
}

function parseToken(answer: unknown, rejected: (cause: Error) => FormvaultError): { token: string; lifeMs: number } {
  const { access_token: token, expires_in: life } = (answer ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw rejected(new Error('the answer of the token address has no access_token'));
  }
  const seconds = Number(life ?? LIFE_WHEN_UNSAID_SECONDS);
  return { token, lifeMs: (seconds > 0 ? seconds : LIFE_WHEN_UNSAID_SECONDS) * 1000 };
}

/** RFC 6749, 2.3.1 wants id and secret form-encoded before they go into the Basic header. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
