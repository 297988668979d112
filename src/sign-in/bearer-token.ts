/**
 * Who calls the API, by an access token that the OpenID provider signed (RFC 6750, RFC 7519).
 *
 * Only the provider's public keys can prove a token, so no `none` and no HMAC, whatever the token says of itself.
 */
import {
  createRemoteJWKSet,
  type errors,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import type { Person } from '../access/person.ts';
import { createSharedRequests } from '../http/shared-requests.ts';
import { type Issuer, keysUrlOf } from './issuer.ts';
import { type ClaimsProblem, personOfClaims } from './person-of-claims.ts';
import { signInFailed } from './sign-in-failure.ts';

/** Why a request has no person. */
export type BearerRefusal =
  | 'absent'
  | 'malformed'
  /** A token for something else than access. */
  | 'kind'
  | 'algorithm'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not-yet-valid'
  /** It counts only together with a key that the caller shows, which is not supported. */
  | 'bound'
  | 'claims'
  | ClaimsProblem;

export type BearerResult = { person: Person } | { refused: BearerRefusal };

export type BearerTokens = {
  /** @throws FormvaultError SIGN_IN_FAILED while the provider's keys cannot be read */
  verify(authorization: string | undefined, signal: AbortSignal): Promise<BearerResult>;
};

type BearerOptions = { issuer: Issuer; audience: string; groupsClaim: string; nowMs: () => number };

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** RFC 9068, 2.1; many providers write `JWT` or nothing. */
const KINDS = ['at+jwt', 'jwt'];
const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_TOKEN_LENGTH = 16 * 1024;
const KEYS_TIMEOUT_MS = 5_000;
const KEYS_LIFE_MS = 600_000;
/** Between two questions for a key that was not there. */
const KEYS_PAUSE_MS = 30_000;
/** Between two attempts while they cannot be read. */
const KEYS_AGAIN_MS = 1_000;

const REFUSALS: Record<string, BearerRefusal> = {
  ERR_JWS_INVALID: 'malformed',
  ERR_JWT_INVALID: 'malformed',
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JOSE_NOT_SUPPORTED: 'algorithm',
  ERR_JWKS_NO_MATCHING_KEY: 'signature',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
  ERR_JWT_EXPIRED: 'expired',
};
const CLAIM_REFUSALS: Record<string, BearerRefusal> = { iss: 'issuer', aud: 'audience', nbf: 'not-yet-valid' };
const ABOUT_KEYS = ['ERR_JWKS_NO_MATCHING_KEY', 'ERR_JWKS_MULTIPLE_MATCHING_KEYS', 'ERR_JOSE_NOT_SUPPORTED'];

export function createBearerTokens({ issuer, audience, groupsClaim, nowMs }: BearerOptions): BearerTokens {
  const verifications = createSharedRequests<BearerResult>();
  let keys: { url: string; read: JWTVerifyGetKey } | null = null;

  async function verify(token: string): Promise<BearerResult> {
    const configuration = await issuer.read();
    const url = keysUrlOf(configuration);
    if (keys?.url !== url.href) keys = { url: url.href, read: createKeys(url, nowMs) };
    try {
      const proven = await prove(token, keys.read, {
        issuer: configuration.serverMetadata().issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(nowMs()),
      });
      return resultOf(proven, groupsClaim);
    } catch (error) {
      const refused = refusalOf(error);
      if (refused === null) throw error;
      return { refused };
    }
  }

  return {
    async verify(authorization, signal) {
      if (authorization === undefined) return { refused: 'absent' };
      const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization) ?? [];
      if (token === undefined || token.length > MAX_TOKEN_LENGTH) return { refused: 'malformed' };
      return verifications.share(token, () => verify(token), signal);
    },
  };
}

/** The provider's keys; what keeps them from being read is no fault of a token. */
function createKeys(url: URL, nowMs: () => number): JWTVerifyGetKey {
  const read = createRemoteJWKSet(url, {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cacheMaxAge: KEYS_LIFE_MS,
    cooldownDuration: KEYS_PAUSE_MS,
  });
  let away: { error: Error; atMs: number } | null = null;

  return async (header, token) => {
    if (away !== null && nowMs() - away.atMs < KEYS_AGAIN_MS) throw away.error;
    try {
      const key = await read(header, token);
      away = null;
      return key;
    } catch (cause) {
      if (ABOUT_KEYS.includes(codeOf(cause))) throw cause;
      const error = signInFailed('away', 'could not read the keys of the OpenID provider', { cause });
      away = { error, atMs: nowMs() };
      throw error;
    }
  };
}

async function prove(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keys, options);
  } catch (error) {
    if (codeOf(error) !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw error;
    return proveByOneOf(token, error as errors.JWKSMultipleMatchingKeys, options);
  }
}

/** A token need not say which of the keys it was signed with. */
async function proveByOneOf(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  let last: unknown = keys;
  for await (const key of keys) {
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      if (codeOf(error) !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') throw error;
      last = error;
    }
  }
  throw last;
}

function resultOf({ payload, protectedHeader: { typ = 'jwt' } }: JWTVerifyResult, groupsClaim: string): BearerResult {
  if (!KINDS.includes(typ.toLowerCase().replace(/^application\//, ''))) return { refused: 'kind' };
  if (payload.cnf !== undefined) return { refused: 'bound' };
  const person = personOfClaims(payload, groupsClaim);
  return typeof person === 'string' ? { refused: person } : { person };
}

/** `null` for what is no fault of the token. */
function refusalOf(error: unknown): BearerRefusal | null {
  const code = codeOf(error);
  if (code !== 'ERR_JWT_CLAIM_VALIDATION_FAILED') return REFUSALS[code] ?? null;
  return CLAIM_REFUSALS[String((error as { claim?: unknown }).claim)] ?? 'claims';
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null | undefined)?.code);
}
