import { readAnswer } from './answer.ts';
import { type Auth, basicAuthorization } from './auth.ts';
import type { Failures } from './http-failures.ts';
import { createTokenSource, type TokenSource } from './oauth-token.ts';
import type { Transport } from './transport.ts';

const MAX_TOKEN_BYTES = 1_000_000;
const BEARER = 'Bearer ';

export type SignIn = {
  /** The value of the header `Authorization`; `null` where nobody signs in. Throws the client's errors. */
  authorization(signal: AbortSignal): Promise<string | null>;
  /** After a 401: the next value is another one, where there can be another. */
  refuse(value: string): void;
  canRenew: boolean;
};

export function createSignIn(auth: Auth, transport: Transport, failures: Failures, timeoutMs: number): SignIn {
  if (auth.kind === 'oauth') return signInByToken(tokenSource(auth, transport, failures, timeoutMs));
  const value = auth.kind === 'basic' ? basicAuthorization(auth.username, auth.password) : null;
  return { authorization: async () => value, refuse: () => undefined, canRenew: false };
}

function signInByToken(tokens: TokenSource): SignIn {
  return {
    authorization: async (signal) => `${BEARER}${await tokens.read(signal)}`,
    refuse: (value) => tokens.drop(value.slice(BEARER.length)),
    canRenew: true,
  };
}

function tokenSource(
  auth: Extract<Auth, { kind: 'oauth' }>,
  transport: Transport,
  failures: Failures,
  timeoutMs: number,
): TokenSource {
  async function postForm(url: string, body: string, authorization: string, signal: AbortSignal): Promise<unknown> {
    const request = { attempted: 'could not sign in', signal, context: {} };
    const headers = {
      Accept: 'application/json',
      Authorization: authorization,
      'Content-Type': 'application/x-www-form-urlencoded',
    };
    const call = { method: 'POST', url, body, headers, maxBytes: MAX_TOKEN_BYTES, timeoutMs } as const;
    const response = await transport.exchange(call, signal).catch((error: unknown) => {
      throw failures.ofTransport(error, request);
    });
    if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) {
      throw failures.signInRefused(response.status);
    }
    failures.check(response, request);
    return readAnswer(response, 'json', JSON.parse, () => failures.notTheService(response.status, request));
  }
  return createTokenSource(auth, postForm, (cause) => failures.signInRefused(null, cause));
}
