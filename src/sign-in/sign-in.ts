/**
 * Who somebody is: OpenID Connect for pages, bearer tokens for the API.
 *
 * Pages use the code flow with PKCE, state and nonce (OpenID Connect Core, 3.1; RFC 9700). Formvault keeps no list of
 * sessions: what belongs to one lies encrypted in its browser.
 */
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Person } from '../access/person.ts';
import type { Log } from '../observability/log.ts';
import { type BearerTokens, createBearerTokens } from './bearer-token.ts';
import { createIssuer } from './issuer.ts';
import { personOfClaims } from './person-of-claims.ts';
import { safeReturnTo } from './return-to.ts';
import { createSessions, type Sessions } from './session-cookie.ts';
import { asSignInFailure, signInFailed, signInProblemOf } from './sign-in-failure.ts';
import { type BegunSignIn, createBegunSignIns } from './state-cookie.ts';

export type SignInOptions = {
  issuer: string;
  clientId: string;
  /** `null`: a public client, whose sessions this process alone can read. */
  clientSecret: string | null;
  /** What bearer tokens must be for; `null`: the client's id. */
  audience: string | null;
  groupsClaim: string;
  log: Log;
  nowMs?: () => number;
};

/** Cookies are values here; `cookies.ts` has their names and attributes. */
export type SignIn = {
  /**
   * Where to send a browser. `redirectUri` is the page of ours that the provider sends it back to.
   * @throws FormvaultError SIGN_IN_FAILED
   */
  begin(from: { redirectUri: string; returnTo: string | null }): Promise<{ url: string; stateCookie: string }>;
  /**
   * `returnTo` is a path of our own, whatever was asked for.
   * @throws FormvaultError SIGN_IN_FAILED; `signInProblemOf` says what a page can tell
   */
  finish(at: {
    currentUrl: URL;
    stateCookie: string | undefined;
  }): Promise<{ person: Person; sessionCookie: string; returnTo: string }>;
  /** `null`: not signed in. */
  findSession: Sessions['find'];
  /** Ends the session here. The address at which it ends at the provider too, where there is one. */
  end(at: { sessionCookie: string | undefined; postLogoutRedirectUri: string }): Promise<string | null>;
  verifyBearer: BearerTokens['verify'];
};

const ATTEMPTED = 'could not sign in';
const TOO_MANY_GROUPS =
  'Let the OpenID provider put fewer groups into the claim of OIDC_GROUPS_CLAIM, such as only those of this application: there are so many that it names them elsewhere.';

export function createSignIn(options: SignInOptions): SignIn {
  const { clientId, clientSecret, groupsClaim, log, nowMs = Date.now } = options;
  const issuer = createIssuer({ issuer: options.issuer, clientId, clientSecret, log, nowMs });
  const begunSignIns = createBegunSignIns(clientSecret, nowMs);
  const sessions = createSessions(clientSecret, nowMs);
  const bearers = createBearerTokens({ issuer, audience: options.audience ?? clientId, groupsClaim, nowMs });

  async function askWho(begun: BegunSignIn, search: string): Promise<{ person: Person; idToken: string | null }> {
    const configuration = await issuer.read();
    // The address that the provider knows, not the one that a proxy made of it.
    const answer = new URL(begun.redirectUri);
    answer.search = search;
    const tokens = await authorizationCodeGrant(configuration, answer, {
      expectedState: begun.state,
      expectedNonce: begun.nonce,
      pkceCodeVerifier: begun.codeVerifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) throw signInFailed('refused', ATTEMPTED);
    const more = await readMore(configuration, tokens.access_token, claims.sub);
    const person = personOfClaims({ ...claims, ...more }, groupsClaim);
    if (person === 'groups-elsewhere') throw signInFailed('refused', ATTEMPTED, { hint: TOO_MANY_GROUPS });
    if (person === 'no-subject') throw signInFailed('refused', ATTEMPTED);
    return { person, idToken: tokens.id_token ?? null };
  }

  return {
    async begin({ redirectUri, returnTo }) {
      const configuration = await issuer.read();
      const begun = {
        state: randomState(),
        nonce: randomNonce(),
        codeVerifier: randomPKCECodeVerifier(),
        redirectUri,
        returnTo: safeReturnTo(returnTo),
      };
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: scopesFor(configuration, groupsClaim),
        state: begun.state,
        nonce: begun.nonce,
        code_challenge: await calculatePKCECodeChallenge(begun.codeVerifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, stateCookie: await begunSignIns.keep(begun) };
    },

    async finish({ currentUrl, stateCookie }) {
      const begun = await begunSignIns.take(stateCookie, currentUrl.searchParams.get('state'));
      if (begun === null) throw signInFailed('lost', ATTEMPTED);
      try {
        const { person, idToken } = await askWho(begun, currentUrl.search);
        return { person, sessionCookie: await sessions.begin(person, idToken), returnTo: begun.returnTo };
      } catch (error) {
        const failure = asSignInFailure(error, ATTEMPTED);
        if (signInProblemOf(failure) === 'away') begunSignIns.giveBack(begun);
        throw failure;
      }
    },

    findSession: sessions.find,

    async end({ sessionCookie, postLogoutRedirectUri }) {
      const session = await sessions.end(sessionCookie);
      if (session === null) return null;
      const configuration = await issuer.read().catch(() => null);
      if (configuration?.serverMetadata().end_session_endpoint === undefined) return null;
      return buildEndSessionUrl(configuration, {
        post_logout_redirect_uri: postLogoutRedirectUri,
        ...(session.idToken === null ? {} : { id_token_hint: session.idToken }),
      }).href;
    },

    verifyBearer: bearers.verify,
  };
}

/** Some providers give groups only to who asks for them. */
function scopesFor(configuration: Configuration, groupsClaim: string): string {
  const known = configuration.serverMetadata().scopes_supported ?? [];
  return ['openid', 'profile', 'email', ...(known.includes(groupsClaim) ? [groupsClaim] : [])].join(' ');
}

/** Many providers put names and groups not into the token, but tell them here. */
async function readMore(
  configuration: Configuration,
  accessToken: string,
  subject: string,
): Promise<Record<string, unknown>> {
  if (configuration.serverMetadata().userinfo_endpoint === undefined) return {};
  return fetchUserInfo(configuration, accessToken, subject);
}
