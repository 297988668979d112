/**
 * The OpenID provider, as it describes itself.
 *
 * Asked when it is needed first, and again after an hour: addresses and keys change. While it cannot be asked again, what it
 * said before holds.
 */
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  None,
  type ServerMetadata,
} from 'openid-client';
import type { FormvaultError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { asSignInFailure, signInFailed } from './sign-in-failure.ts';

const TIMEOUT_SECONDS = 5;
const RENEW_MS = 3_600_000;
/** Between two attempts, so that a provider that just comes back is not asked by every request. */
const PAUSE_MS = 1_000;
const RENEW_AGAIN_MS = 60_000;
const LOG_AGAIN_MS = 60_000;
const ATTEMPTED = 'could not ask the OpenID provider about itself';

export type IssuerOptions = {
  issuer: string;
  clientId: string;
  clientSecret: string | null;
  log: Log;
  nowMs: () => number;
};

export type Issuer = {
  /** @throws FormvaultError SIGN_IN_FAILED */
  read(): Promise<Configuration>;
};

export function createIssuer({ issuer, clientId, clientSecret, log, nowMs }: IssuerOptions): Issuer {
  const url = new URL(issuer);
  let known: { configuration: Configuration; renewAtMs: number } | null = null;
  let asking: Promise<Configuration> | null = null;
  let failed: { error: FormvaultError; count: number; atMs: number; loggedMs: number } | null = null;

  async function ask(): Promise<Configuration> {
    const execute = [enableNonRepudiationChecks, ...(url.protocol === 'http:' ? [allowInsecureRequests] : [])];
    try {
      const found = await discovery(url, clientId, undefined, authenticate(clientSecret), {
        execute,
        timeout: TIMEOUT_SECONDS,
      });
      known = { configuration: found, renewAtMs: nowMs() + RENEW_MS };
      if (failed !== null) log.info({ failures: failed.count, part: 'sign-in' }, 'OpenID provider answers again');
      failed = null;
      return found;
    } catch (cause) {
      throw note(asSignInFailure(cause, ATTEMPTED));
    } finally {
      asking = null;
    }
  }

  function note(error: FormvaultError): FormvaultError {
    const atMs = nowMs();
    const isLogged = failed !== null && atMs - failed.loggedMs < LOG_AGAIN_MS;
    if (!isLogged) log.warn({ err: error, code: error.code, part: 'sign-in' }, 'OpenID provider does not answer');
    failed = { error, count: (failed?.count ?? 0) + 1, atMs, loggedMs: isLogged ? (failed?.loggedMs ?? atMs) : atMs };
    return error;
  }

  return {
    async read() {
      if (known !== null && nowMs() < known.renewAtMs) return known.configuration;
      if (known === null && failed !== null && nowMs() - failed.atMs < PAUSE_MS) throw failed.error;
      asking ??= ask();
      if (known === null) return asking;
      const before = known;
      return asking.catch(() => {
        before.renewAtMs = nowMs() + RENEW_AGAIN_MS;
        return before.configuration;
      });
    },
  };
}

/** The way that OpenID Connect takes where nothing else is said; the other one where the provider does not know it. */
function authenticate(secret: string | null): ClientAuth {
  if (secret === null) return None();
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, client, body, headers) => (takesBasic(server) ? basic : post)(server, client, body, headers);
}

function takesBasic({ token_endpoint_auth_methods_supported: methods }: ServerMetadata): boolean {
  return methods === undefined || methods.includes('client_secret_basic') || !methods.includes('client_secret_post');
}

/** Where the provider keeps its keys. */
export function keysUrlOf(configuration: Configuration): URL {
  const { issuer, jwks_uri: uri } = configuration.serverMetadata();
  const url = URL.parse(uri ?? '');
  if (url !== null && (url.protocol === 'https:' || issuer.startsWith('http:'))) return url;
  throw signInFailed('refused', 'could not find the keys of the OpenID provider', {
    hint: 'Check that OIDC_ISSUER leads to an OpenID provider: what it says about itself names no keys.',
  });
}
