import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findFreePort } from '../../../dev/servers/free-port.ts';
import { createSignIn, type SignInOptions } from '../../../src/sign-in/sign-in.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { type AnIssuer, aKey, startIssuer } from './an-issuer.ts';

const { signal } = new AbortController();

let issuer: AnIssuer;
let nowMs: number;
let log: ReturnType<typeof createRememberingLog>;
beforeEach(async () => {
  issuer = await startIssuer();
  nowMs = Date.now();
  log = createRememberingLog();
});
afterEach(() => issuer.stop());

const someSignIn = (more: Partial<SignInOptions> = {}) =>
  createSignIn({
    issuer: issuer.url,
    clientId: 'formvault',
    clientSecret: 'a secret',
    audience: 'api',
    groupsClaim: 'groups',
    log,
    nowMs: () => nowMs,
    ...more,
  });
const begin = (signIn: ReturnType<typeof someSignIn>) =>
  signIn.begin({ redirectUri: 'http://127.0.0.1/back', returnTo: null });
const keysAsked = () => issuer.asked.get('/keys') ?? 0;
const aboutAsked = () => issuer.asked.get('/.well-known/openid-configuration') ?? 0;
const away = { code: 'SIGN_IN_FAILED', context: { problem: 'away' } };

describe('the provider', () => {
  test('is asked about itself when it is needed, once for all that wait, and again after an hour', async () => {
    const signIn = someSignIn();
    expect(aboutAsked()).toBe(0);

    await Promise.all([begin(signIn), begin(signIn), begin(signIn)]);
    await begin(signIn);
    expect(aboutAsked()).toBe(1);

    nowMs += 3_600_001;
    await begin(signIn);
    expect(aboutAsked()).toBe(2);
  });

  test('that is away at first is asked again, after a moment', async () => {
    const signIn = someSignIn();
    issuer.setStatus(503);
    await expect(begin(signIn)).rejects.toMatchObject(away);
    issuer.setStatus(200);

    await expect(begin(signIn)).rejects.toMatchObject(away);
    expect(aboutAsked()).toBe(1);

    nowMs += 1_001;
    await expect(begin(signIn)).resolves.toHaveProperty('url');
  });

  test('that goes away later is remembered as it was, and not asked by each request', async () => {
    const signIn = someSignIn();
    await begin(signIn);
    issuer.setStatus(503);
    nowMs += 3_600_001;

    await expect(begin(signIn)).resolves.toHaveProperty('url');
    await expect(begin(signIn)).resolves.toHaveProperty('url');
    expect(aboutAsked()).toBe(2);
  });

  test('that nobody listens for is away', async () => {
    const signIn = someSignIn({ issuer: `http://127.0.0.1:${await findFreePort()}` });
    await expect(begin(signIn)).rejects.toMatchObject({ ...away, hint: expect.stringContaining('OIDC_ISSUER') });
  });

  test('that is away is told of in the log once a minute, and so is that it is back', async () => {
    const signIn = someSignIn();
    issuer.setStatus(503);
    for (let each = 0; each < 3; each++) {
      await begin(signIn).catch(() => undefined);
      nowMs += 2_000;
    }
    issuer.setStatus(200);
    await begin(signIn);

    expect(log.lines.map(({ level, sentence, fields }) => [level, sentence, fields.failures])).toEqual([
      ['warn', 'OpenID provider does not answer', undefined],
      ['info', 'OpenID provider answers again', 3],
    ]);
  });

  test('must be who it says it is', async () => {
    await issuer.stop();
    issuer = await startIssuer({ issuer: 'https://another.example' });
    await expect(begin(someSignIn())).rejects.toMatchObject({ context: { problem: 'refused' } });
  });

  test('is asked for groups as a scope where it has one of this name', async () => {
    const scopeOf = async () => new URL((await begin(someSignIn())).url).searchParams.get('scope');
    await expect(scopeOf()).resolves.toBe('openid profile email');

    await issuer.stop();
    issuer = await startIssuer({ scopes_supported: ['openid', 'groups'] });
    await expect(scopeOf()).resolves.toBe('openid profile email groups');
  });
});

describe('the keys for bearer tokens', () => {
  const verify = (signIn: ReturnType<typeof someSignIn>, token: string) =>
    signIn.verifyBearer(`Bearer ${token}`, signal);

  test.each(['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'])('may be for %s', async (alg) => {
    const key = await aKey(alg, 'one');
    issuer.setKeys([key.jwk]);
    await expect(verify(someSignIn(), await issuer.sign(key))).resolves.toHaveProperty('person');
  });

  test('are read once for many tokens', async () => {
    const key = await aKey('ES256', 'one');
    issuer.setKeys([key.jwk]);
    const signIn = someSignIn();
    for (const sub of ['anna', 'bob', 'cleo']) await verify(signIn, await issuer.sign(key, { sub }));
    expect(keysAsked()).toBe(1);
  });

  test('are not read again for each token with a key that nobody knows', async () => {
    const [known, unknown] = [await aKey('ES256', 'one'), await aKey('ES256', 'two')];
    issuer.setKeys([known.jwk]);
    const signIn = someSignIn();
    for (let each = 0; each < 20; each++) {
      const token = await issuer.sign(unknown, { jti: String(each) });
      await expect(verify(signIn, token)).resolves.toEqual({ refused: 'signature' });
    }
    expect(keysAsked()).toBe(1);
  });

  test('are each tried where a token does not name one', async () => {
    const [first, second, third] = [await aKey('ES256'), await aKey('ES256'), await aKey('ES256')];
    issuer.setKeys([first.jwk, second.jwk]);
    const signIn = someSignIn();

    await expect(verify(signIn, await issuer.sign(second))).resolves.toHaveProperty('person');
    await expect(verify(signIn, await issuer.sign(second, { aud: 'x' }))).resolves.toEqual({ refused: 'audience' });
    await expect(verify(signIn, await issuer.sign(third))).resolves.toEqual({ refused: 'signature' });
  });

  test('that cannot be read are a passing failure, not a refusal, and asked for again after a moment', async () => {
    const key = await aKey('ES256', 'one');
    issuer.setKeys([key.jwk]);
    const signIn = someSignIn();
    await begin(signIn);
    issuer.setStatus(500);

    await expect(verify(signIn, await issuer.sign(key))).rejects.toMatchObject(away);
    await expect(verify(signIn, await issuer.sign(key, { sub: 'bob' }))).rejects.toMatchObject(away);
    expect(keysAsked()).toBe(1);

    issuer.setStatus(200);
    nowMs += 1_001;
    await expect(verify(signIn, await issuer.sign(key))).resolves.toHaveProperty('person');
  });

  test('of a provider that was never reached are a passing failure too', async () => {
    const key = await aKey('ES256', 'one');
    issuer.setStatus(503);
    await expect(verify(someSignIn(), await issuer.sign(key))).rejects.toMatchObject(away);
  });

  test('are not asked for where a token is obviously none', async () => {
    const signIn = someSignIn();
    await signIn.verifyBearer('Bearer nonsense', signal);
    expect([aboutAsked(), keysAsked()]).toEqual([0, 0]);
  });

  test('are waited for no longer than the request lives', async () => {
    const key = await aKey('ES256', 'one');
    const gone = AbortSignal.abort();
    await expect(someSignIn().verifyBearer(`Bearer ${await issuer.sign(key)}`, gone)).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
  });
});
