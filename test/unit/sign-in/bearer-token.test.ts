import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportSPKI, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import {
  OIDC_PEOPLE,
  type OidcPerson,
  type RunningOidcProvider,
  startOidcProvider,
  type TokenOverrides,
} from '../../../dev/servers/oidc-provider.ts';
import { createSignIn, type SignIn } from '../../../src/sign-in/sign-in.ts';
import { createRememberingLog } from '../../support/builders-log.ts';

const { signal } = new AbortController();
const [anna] = OIDC_PEOPLE as [OidcPerson];
const nowSeconds = () => Math.floor(Date.now() / 1000);

let provider: RunningOidcProvider;
let signIn: SignIn;
beforeAll(async () => {
  provider = await startOidcProvider({ redirectUris: ['http://127.0.0.1/back'] });
  signIn = someSignIn();
});
afterAll(() => provider.stop());

const someSignIn = (audience: string | null = provider.audience) =>
  createSignIn({
    issuer: provider.url,
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    audience,
    groupsClaim: 'groups',
    log: createRememberingLog(),
  });
const verify = (token: string) => signIn.verifyBearer(`Bearer ${token}`, signal);
const aToken = (overrides: TokenOverrides = {}) => provider.tokenFor(anna, overrides);
const withClaims = (claims: Record<string, unknown>) => aToken({ claims });

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString());
const partsOf = (token: string) => token.split('.') as [string, string, string];

async function providerKey(): Promise<JWK> {
  const { keys } = (await (await fetch(`${provider.url}/jwks`)).json()) as { keys: [JWK] };
  return keys[0];
}

function signedByHmac(header: object, payload: string, secret: string | Buffer): string {
  const head = encode(header);
  return `${head}.${payload}.${createHmac('sha256', secret).update(`${head}.${payload}`).digest('base64url')}`;
}

test('a token of the provider says who calls, and which groups they are in', async () => {
  await expect(verify(await aToken())).resolves.toEqual({
    person: {
      id: 'anna',
      displayName: 'Anna Ames',
      engineUserIds: ['anna', 'anna@example.com'],
      groups: ['case-workers'],
    },
  });
});

test('a program with client credentials is known by its client id', async () => {
  await expect(verify(await provider.tokenForClient())).resolves.toMatchObject({
    person: { id: 'formvault', engineUserIds: ['formvault'], groups: [] },
  });
});

test('an audience among several is enough', async () => {
  const token = await withClaims({ aud: ['another', provider.audience] });
  await expect(verify(token)).resolves.toMatchObject({ person: { id: 'anna' } });
});

test('without an audience in the settings, tokens are for the client itself', async () => {
  const own = await withClaims({ aud: provider.clientId });

  await expect(someSignIn(null).verifyBearer(`Bearer ${own}`, signal)).resolves.toMatchObject({
    person: { id: 'anna' },
  });
  await expect(someSignIn(null).verifyBearer(`Bearer ${await aToken()}`, signal)).resolves.toEqual({
    refused: 'audience',
  });
});

test.each([undefined, 'JWT', 'at+jwt', 'application/at+jwt'])('a token may say that its type is %s', async (typ) => {
  await expect(verify(await aToken({ header: { typ } }))).resolves.toHaveProperty('person');
});

test('a token need not name its key', async () => {
  await expect(verify(await aToken({ header: { kid: undefined } }))).resolves.toHaveProperty('person');
});

test('clocks may differ by some seconds', async () => {
  const now = nowSeconds();
  await expect(verify(await withClaims({ exp: now - 3 }))).resolves.toHaveProperty('person');
  await expect(verify(await withClaims({ nbf: now + 3 }))).resolves.toHaveProperty('person');
});

describe('what a token says of itself proves nothing:', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['expired', { exp: nowSeconds() - 60 }, 'expired'],
    ['without an end', { exp: undefined }, 'claims'],
    ['not valid yet', { nbf: nowSeconds() + 60 }, 'not-yet-valid'],
    ['of another issuer', { iss: 'https://evil.example' }, 'issuer'],
    ['of no issuer', { iss: undefined }, 'issuer'],
    ['of the issuer with a slash more', { iss: 'SLASH' }, 'issuer'],
    ['for another audience', { aud: 'somebody-else' }, 'audience'],
    ['for no audience', { aud: undefined }, 'audience'],
    ['about nobody', { sub: undefined }, 'claims'],
    ['about a subject without a letter', { sub: '' }, 'no-subject'],
    ['bound to a key that is not shown', { cnf: { jkt: 'x' } }, 'bound'],
    ['whose groups are elsewhere', { groups: undefined, _claim_names: { groups: 'src1' } }, 'groups-elsewhere'],
  ])('one %s is refused', async (_what, claims, refused) => {
    const iss = claims.iss === 'SLASH' ? { iss: `${provider.url}/` } : {};
    await expect(verify(await withClaims({ ...claims, ...iss }))).resolves.toEqual({ refused });
  });

  test.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'application/introspection+jwt'])(
    'one of type %s is refused',
    async (typ) => {
      await expect(verify(await aToken({ header: { typ } }))).resolves.toEqual({ refused: 'kind' });
    },
  );

  test.each(['none', 'None', 'NONE', 'nOnE'])(
    'one with alg %s is refused, with and without a signature',
    async (alg) => {
      const [, payload, signature] = partsOf(await aToken());
      const head = encode({ alg, typ: 'at+jwt' });

      await expect(verify(`${head}.${payload}.`)).resolves.toEqual({ refused: 'malformed' });
      await expect(verify(`${head}.${payload}.${signature}`)).resolves.toEqual({ refused: 'algorithm' });
    },
  );

  test('one signed by HMAC with the public key is refused, whichever way the key is written', async () => {
    const [, payload] = partsOf(await aToken());
    const jwk = await providerKey();
    const pem = await exportSPKI((await importJWK({ ...jwk, ext: true }, 'RS256')) as never);
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk), Buffer.from(jwk.n ?? '', 'base64url'), '']) {
      const token = signedByHmac({ alg: 'HS256', kid: jwk.kid, typ: 'at+jwt' }, payload, secret);
      await expect(verify(token)).resolves.toEqual({ refused: 'algorithm' });
    }
  });

  test('one signed with another key is refused, also under the name of the right one', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const { kid = '' } = await providerKey();

    await expect(verify(await aToken({ key: privateKey, header: { kid } }))).resolves.toEqual({ refused: 'signature' });
    await expect(verify(await aToken({ key: privateKey, header: { kid: 'x' } }))).resolves.toEqual({
      refused: 'signature',
    });
  });

  test('one that brings its own key, or an address with one, is refused', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = publicKey.export({ format: 'jwk' }) as JWK;
    const payload = decode(partsOf(await aToken())[1]);
    const headers = [{ jwk }, { jku: `${provider.url}/jwks` }, { x5u: 'https://evil.example/cert' }];
    for (const header of headers) {
      const token = await new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', ...header })
        .sign(privateKey as KeyObject);
      await expect(verify(token)).resolves.toEqual({ refused: 'signature' });
    }
  });

  test.each(['../../jwks', "' OR 1=1 --", '/dev/null', ''])('one whose key is called %j is refused', async (kid) => {
    await expect(verify(await aToken({ header: { kid } }))).resolves.toEqual({ refused: 'signature' });
  });

  test('one that was changed in a single character is refused', async () => {
    const [head, payload, signature] = partsOf(await aToken());
    const claims = decode(payload);
    const forged = encode({ ...claims, sub: 'bob' });
    const flipped = `${signature.slice(0, 20)}${signature[20] === 'A' ? 'B' : 'A'}${signature.slice(21)}`;

    await expect(verify(`${head}.${forged}.${signature}`)).resolves.toEqual({ refused: 'signature' });
    await expect(verify(`${head}.${payload}.${flipped}`)).resolves.toEqual({ refused: 'signature' });
  });

  test('one that wants something understood that is not is refused', async () => {
    const [, payload, signature] = partsOf(await aToken());
    const head = encode({ alg: 'RS256', crit: ['exp'], exp: 1 });
    await expect(verify(`${head}.${payload}.${signature}`)).resolves.toEqual({ refused: 'algorithm' });
  });
});

describe('what is no signed token', () => {
  test.each([
    ['no header at all', undefined, 'absent'],
    ['an empty one', '', 'malformed'],
    ['no token', 'Bearer', 'malformed'],
    ['another scheme', 'Basic YW5uYTphbm5h', 'malformed'],
    ['no dots', 'Bearer abcdef', 'malformed'],
    ['one dot', 'Bearer abc.def', 'malformed'],
    ['three dots', 'Bearer a.b.c.d', 'malformed'],
    ['an encrypted one', 'Bearer a.b.c.d.e', 'malformed'],
    ['no JSON inside', 'Bearer AAAA.AAAA.AAAA', 'malformed'],
    ['letters that no token has', 'Bearer a.b.c;d', 'malformed'],
    ['a list', 'Bearer a.b.c, Bearer d.e.f', 'malformed'],
  ])('%s is refused', async (_what, authorization, refused) => {
    await expect(signIn.verifyBearer(authorization, signal)).resolves.toEqual({ refused });
  });

  test('a token without its signature is refused', async () => {
    const [head, payload] = partsOf(await aToken());
    await expect(verify(`${head}.${payload}.`)).resolves.toEqual({ refused: 'malformed' });
    await expect(verify(`${head}.${payload}`)).resolves.toEqual({ refused: 'malformed' });
  });

  test('a huge token is refused, even where it is signed', async () => {
    await expect(verify(await withClaims({ padding: 'x'.repeat(20_000) }))).resolves.toEqual({ refused: 'malformed' });
    await expect(verify(`${'a'.repeat(10_000_000)}.b.c`)).resolves.toEqual({ refused: 'malformed' });
  });

  test('the scheme may be written in any case', async () => {
    await expect(signIn.verifyBearer(`bEARER  ${await aToken()}`, signal)).resolves.toHaveProperty('person');
  });
});
