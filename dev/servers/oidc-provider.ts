/**
 * An OpenID provider on loopback for tests and the demo, with fixed people and one client.
 *
 * It keeps everything in memory and signs with keys of its own, new ones at each start. Its login page has no script and
 * asks for a user name only; whoever reaches the port may be anybody.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { findFreePort } from './free-port.ts';
import { createOidcStorage } from './oidc-storage.ts';

export type OidcPerson = {
  /** Subject and `preferred_username`. */
  id: string;
  email: string;
  name: string;
  groups: string[];
  /** Added to the claims, or instead of them. */
  claims?: Record<string, unknown>;
};

export type OidcProviderOptions = {
  redirectUris: string[];
  postLogoutRedirectUris?: string[];
  people?: OidcPerson[];
  port?: number;
  clientId?: string;
  /** `null`: a public client. */
  clientSecret?: string | null;
  /** What access tokens for the API are for. */
  audience?: string;
};

export type TokenOverrides = {
  /** `undefined` takes away what would be there. */
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Instead of the provider's own. */
  key?: CryptoKey;
};

export type RunningOidcProvider = {
  /** The issuer. */
  url: string;
  clientId: string;
  clientSecret: string | null;
  audience: string;
  people: OidcPerson[];
  /** An access token as the provider signs it, without asking anybody. */
  tokenFor(person: OidcPerson, overrides?: TokenOverrides): Promise<string>;
  /** An access token by client credentials, as a program gets it. */
  tokenForClient(): Promise<string>;
  stop(): Promise<void>;
};

export const OIDC_PEOPLE: OidcPerson[] = [
  { id: 'anna', email: 'anna@example.com', name: 'Anna Ames', groups: ['case-workers'] },
  { id: 'bob', email: 'bob@example.com', name: 'Bob Bell', groups: ['case-workers', 'team-north'] },
  { id: 'cleo', email: 'cleo@example.com', name: 'Cleo Cole', groups: [] },
];

const TOKEN_SECONDS = 600;
const API_SCOPE = 'cases';

export async function startOidcProvider(options: OidcProviderOptions): Promise<RunningOidcProvider> {
  const {
    people = OIDC_PEOPLE,
    clientId = 'formvault',
    clientSecret = randomBytes(24).toString('base64url'),
    audience = 'urn:formvault:api',
  } = options;
  const port = options.port ?? (await findFreePort());
  const url = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: randomBytes(6).toString('hex'), alg: 'RS256', use: 'sig' };
  const provider = new Provider(url, {
    ...configurationFor(people, audience),
    clients: [
      {
        client_id: clientId,
        ...(clientSecret === null ? {} : { client_secret: clientSecret }),
        token_endpoint_auth_method: clientSecret === null ? 'none' : 'client_secret_basic',
        redirect_uris: options.redirectUris,
        post_logout_redirect_uris: options.postLogoutRedirectUris ?? [],
        grant_types: ['authorization_code', ...(clientSecret === null ? [] : ['client_credentials'])],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [key] },
  });
  const answer = provider.callback();
  const server = createServer((request, response) => {
    const isLogin = request.url?.startsWith('/interaction/') === true;
    void (isLogin ? logIn(provider, people, request, response) : answer(request, response));
  });
  await listen(server, port);

  return {
    url,
    clientId,
    clientSecret,
    audience,
    people,
    tokenFor(person, { claims = {}, header = {}, key: otherKey } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const life = { iat: now, exp: now + TOKEN_SECONDS };
      const payload = { iss: url, aud: audience, client_id: clientId, ...life, ...claimsOf(person), ...claims };
      return new SignJWT(withoutUndefined(payload))
        .setProtectedHeader({ alg: 'RS256', ...withoutUndefined({ kid: key.kid, typ: 'at+jwt', ...header }) })
        .sign(otherKey ?? privateKey);
    },
    async tokenForClient() {
      const body = new URLSearchParams({ grant_type: 'client_credentials', resource: audience, scope: API_SCOPE });
      const headers = { Authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` };
      const response = await fetch(`${url}/token`, { method: 'POST', body, headers });
      const { access_token: token } = (await response.json()) as { access_token?: string };
      if (token === undefined) throw new Error(`the provider answered ${response.status} instead of a token`);
      return token;
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function configurationFor(people: OidcPerson[], audience: string): Configuration {
  const find = (id: string) => people.find((person) => person.id === id);
  return {
    adapter: createOidcStorage(),
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: {
      openid: ['sub', ...people.flatMap(({ claims = {} }) => Object.keys(claims))],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    pkce: { required: () => true },
    findAccount(_ctx, id) {
      const person = find(id);
      return person && { accountId: id, claims: () => ({ ...claimsOf(person), sub: id }) };
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: (ctx) => grantEverything(ctx, audience),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: renderLogout },
      resourceIndicators: {
        enabled: true,
        // Signing in asks for no resource: its access token is for the provider's own userinfo.
        defaultResource: () => undefined,
        useGrantedResource: () => false,
        getResourceServerInfo: () => ({
          scope: API_SCOPE,
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims(_ctx, token) {
      const person = 'accountId' in token ? find(token.accountId) : undefined;
      return person && claimsOf(person);
    },
    // Said, because the library warns about its own defaults.
    ttl: {
      AccessToken: TOKEN_SECONDS,
      ClientCredentials: TOKEN_SECONDS,
      IdToken: TOKEN_SECONDS,
      AuthorizationCode: 60,
      Interaction: 600,
      Session: 86_400,
      Grant: 86_400,
    },
    renderError(ctx, { error, error_description: why }) {
      ctx.type = 'html';
      ctx.body = page('Something went wrong', `<p>${asHtml(error)}: ${asHtml(why ?? '')}</p>`);
    },
  };
}

function withoutUndefined(values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function claimsOf({ id, email, name, groups, claims }: OidcPerson): Record<string, unknown> {
  return { sub: id, preferred_username: id, name, email, email_verified: true, groups, ...claims };
}

/** Nobody is asked for consent. */
async function grantEverything({ oidc }: KoaContextWithOIDC, audience: string) {
  const { client, session, provider } = oidc;
  if (client === undefined || session?.accountId === undefined) return undefined;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid profile email groups');
  grant.addResourceScope(audience, API_SCOPE);
  await grant.save();
  return grant;
}

/** `GET` shows the page; `POST` takes a user name, or `cancel`. */
async function logIn(provider: Provider, people: OidcPerson[], request: IncomingMessage, response: ServerResponse) {
  try {
    await provider.interactionDetails(request, response);
    const form = new URLSearchParams(request.method === 'POST' ? await readBody(request) : '');
    if (form.has('cancel')) {
      return await provider.interactionFinished(request, response, { error: 'access_denied' });
    }
    const accountId = form.get('username') ?? '';
    if (people.some(({ id }) => id === accountId)) {
      return await provider.interactionFinished(request, response, { login: { accountId } });
    }
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(loginPage(people, request.method === 'POST'));
  } catch (error) {
    response.writeHead(400, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(page('Please begin again', `<p>${asHtml((error as Error).message)}</p>`));
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

function loginPage(people: OidcPerson[], isUnknown: boolean): string {
  const buttons = people.map(
    ({ id, name }) => `<p><button name="username" value="${asHtml(id)}">${asHtml(name)}</button></p>`,
  );
  const form = `<label for="username">User name</label> <input id="username" name="username" autocomplete="off" autofocus>
<button id="sign-in">Sign in</button> <button name="cancel" value="yes">Cancel</button>`;
  const problem = isUnknown ? '<p role="alert">There is nobody of this name.</p>' : '';
  return page(
    'Sign in',
    `${problem}<form method="post">${form}</form><form method="post"><p>or as</p>${buttons.join('')}</form>`,
  );
}

function renderLogout(ctx: KoaContextWithOIDC, form: string): void {
  const button = '<button id="sign-out" form="op.logoutForm" name="logout" value="yes">Sign out</button>';
  ctx.body = page('Sign out', `${form}${button}`);
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;
}

function asHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
