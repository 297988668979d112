import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findFreePort } from '../../../dev/servers/free-port.ts';
import { OIDC_PEOPLE, type RunningOidcProvider, startOidcProvider } from '../../../dev/servers/oidc-provider.ts';
import { createSignIn, type SignIn, type SignInOptions } from '../../../src/sign-in/sign-in.ts';
import { signInProblemOf } from '../../../src/sign-in/sign-in-failure.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { type Browser, createBrowser, signInAt } from './a-browser.ts';

const REDIRECT_URI = 'http://127.0.0.1:8400/sign-in/callback';
const HOME_URI = 'http://127.0.0.1:8400/signed-out';
const registered = { redirectUris: [REDIRECT_URI], postLogoutRedirectUris: [HOME_URI] };
const dora = {
  id: 'dora',
  email: 'dora@example.com',
  name: 'Dora Day',
  groups: [],
  claims: { realm_access: { roles: ['auditor'] } },
};

let provider: RunningOidcProvider;
let nowMs: number;
beforeAll(async () => {
  provider = await startOidcProvider({ ...registered, people: [...OIDC_PEOPLE, dora] });
});
beforeEach(() => {
  nowMs = Date.now();
});
afterAll(() => provider.stop());

const someSignIn = (more: Partial<SignInOptions> = {}, of = provider) =>
  createSignIn({
    issuer: of.url,
    clientId: of.clientId,
    clientSecret: of.clientSecret,
    audience: of.audience,
    groupsClaim: 'groups',
    log: createRememberingLog(),
    nowMs: () => nowMs,
    ...more,
  });

/** To the address of ours that the provider sends the browser back to, and the cookie that was set on the way. */
async function goAndComeBack(signIn: SignIn, username: string, browser?: Browser, returnTo: string | null = null) {
  const { url, stateCookie } = await signIn.begin({ redirectUri: REDIRECT_URI, returnTo });
  return { currentUrl: await signInAt(url, REDIRECT_URI, { username }, browser), stateCookie };
}

async function problemOf(finishing: Promise<unknown>): Promise<unknown> {
  return finishing.then(
    () => 'none',
    (error: unknown) => signInProblemOf(error),
  );
}

describe('a sign-in', () => {
  test('tells who it is, with groups, and leads to the page that was asked for', async () => {
    const signIn = someSignIn();
    const done = await signIn.finish(await goAndComeBack(signIn, 'bob', undefined, '/cases/C-1?page=2'));

    expect(done.person).toEqual({
      id: 'bob',
      displayName: 'Bob Bell',
      engineUserIds: ['bob', 'bob@example.com'],
      groups: ['case-workers', 'team-north'],
    });
    expect(done.returnTo).toBe('/cases/C-1?page=2');
    await expect(signIn.findSession(done.sessionCookie)).resolves.toMatchObject({ person: done.person });
  });

  test('never leads to a page of somebody else', async () => {
    const signIn = someSignIn();
    for (const returnTo of ['//evil.example', 'https://evil.example/', '/\\evil.example', null]) {
      const done = await signIn.finish(await goAndComeBack(signIn, 'anna', undefined, returnTo));
      expect(done.returnTo).toBe('/cases');
    }
  });

  test('asks for a code, with a challenge, a state and a nonce that are new each time', async () => {
    const signIn = someSignIn();
    const ask = async () =>
      new URL((await signIn.begin({ redirectUri: REDIRECT_URI, returnTo: null })).url).searchParams;
    const [one, other] = [await ask(), await ask()];

    expect(Object.fromEntries(one)).toMatchObject({
      response_type: 'code',
      client_id: provider.clientId,
      redirect_uri: REDIRECT_URI,
      code_challenge_method: 'S256',
      scope: 'openid profile email groups',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one.get(name)).toMatch(/^[\w-]{43}$/);
      expect(one.get(name)).not.toBe(other.get(name));
    }
  });

  test('takes groups from another claim, wherever it is', async () => {
    const signIn = someSignIn({ groupsClaim: 'realm_access.roles' });
    const { person } = await signIn.finish(await goAndComeBack(signIn, 'dora'));
    expect(person.groups).toEqual(['auditor']);
  });

  test('works through a proxy that shows us another address than the browser has', async () => {
    const signIn = someSignIn();
    const { currentUrl, stateCookie } = await goAndComeBack(signIn, 'anna');
    const inside = new URL(`/callback${currentUrl.search}`, 'http://formvault.internal:8400');

    await expect(signIn.finish({ currentUrl: inside, stateCookie })).resolves.toHaveProperty('person.id', 'anna');
  });

  test('works for a client without a secret', async () => {
    const open = await startOidcProvider({ ...registered, clientSecret: null });
    const signIn = someSignIn({}, open);
    try {
      await expect(signIn.finish(await goAndComeBack(signIn, 'anna'))).resolves.toHaveProperty('person.id', 'anna');
    } finally {
      await open.stop();
    }
  });

  test('may be begun in one process and finished in another', async () => {
    const begun = await goAndComeBack(someSignIn(), 'anna');
    await expect(someSignIn().finish(begun)).resolves.toHaveProperty('person.id', 'anna');
  });
});

describe('a sign-in is not finished', () => {
  test('twice', async () => {
    const signIn = someSignIn();
    const begun = await goAndComeBack(signIn, 'anna');
    await signIn.finish(begun);

    await expect(problemOf(signIn.finish(begun))).resolves.toBe('lost');
    // Another process does not know of the first time; the provider does.
    await expect(problemOf(someSignIn().finish(begun))).resolves.toBe('lost');
  });

  test('twice at the same time', async () => {
    const signIn = someSignIn();
    const begun = await goAndComeBack(signIn, 'anna');
    const problems = await Promise.all([problemOf(signIn.finish(begun)), problemOf(signIn.finish(begun))]);
    expect(problems.sort()).toEqual(['lost', 'none']);
  });

  test('after ten minutes', async () => {
    const signIn = someSignIn();
    const begun = await goAndComeBack(signIn, 'anna');
    nowMs += 600_001;
    await expect(problemOf(signIn.finish(begun))).resolves.toBe('lost');
  });

  test('in a browser that did not begin it, which somebody else led there', async () => {
    const signIn = someSignIn();
    const attacker = await goAndComeBack(signIn, 'bob');
    const victim = await signIn.begin({ redirectUri: REDIRECT_URI, returnTo: null });

    for (const stateCookie of [undefined, victim.stateCookie, 'nonsense']) {
      await expect(problemOf(signIn.finish({ ...attacker, stateCookie }))).resolves.toBe('lost');
    }
  });

  test('with the code of another one', async () => {
    const signIn = someSignIn();
    const [attacker, victim] = [await goAndComeBack(signIn, 'bob'), await goAndComeBack(signIn, 'anna')];
    const code = attacker.currentUrl.searchParams.get('code') ?? '';
    const mixed = new URL(victim.currentUrl);
    mixed.searchParams.set('code', code);

    await expect(problemOf(signIn.finish({ ...victim, currentUrl: mixed }))).resolves.toBe('lost');
  });

  test('by the answer of another provider', async () => {
    const signIn = someSignIn();
    const { currentUrl, stateCookie } = await goAndComeBack(signIn, 'anna');
    currentUrl.searchParams.set('iss', 'https://evil.example');
    await expect(problemOf(signIn.finish({ currentUrl, stateCookie }))).resolves.toBe('refused');
  });

  test('by an answer without a state, with two, or without a code', async () => {
    const signIn = someSignIn();
    const change = async (by: (answer: URLSearchParams) => void) => {
      const begun = await goAndComeBack(signIn, 'anna');
      by(begun.currentUrl.searchParams);
      return problemOf(signIn.finish(begun));
    };

    await expect(change((answer) => answer.delete('state'))).resolves.toBe('lost');
    await expect(change((answer) => answer.append('state', 'another'))).resolves.toBe('refused');
    await expect(change((answer) => answer.delete('code'))).resolves.toBe('refused');
  });
});

describe('it is told', () => {
  test('when a person changed their mind', async () => {
    const signIn = someSignIn();
    const { url, stateCookie } = await signIn.begin({ redirectUri: REDIRECT_URI, returnTo: null });
    const currentUrl = await signInAt(url, REDIRECT_URI, { cancel: 'yes' });
    await expect(problemOf(signIn.finish({ currentUrl, stateCookie }))).resolves.toBe('denied');
  });

  test('when the provider does not take our secret, without the secret, the code or a name', async () => {
    const signIn = someSignIn({ clientSecret: 'a wrong secret' });
    const begun = await goAndComeBack(signIn, 'anna');
    const error = await signIn.finish(begun).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: 'SIGN_IN_FAILED',
      context: { problem: 'refused' },
      hint: expect.stringContaining('OIDC_CLIENT_SECRET'),
    });
    expect(String((error as Error).cause)).toMatch(/status 401; invalid_client$/);
    const told = inspect(error, { depth: 20, showHidden: true });
    expect(told).not.toContain(begun.currentUrl.searchParams.get('code'));
    expect(told).not.toMatch(/a wrong secret|a%20wrong|anna|Basic/);
  });

  test('when the provider went away in between, and then it may be tried again', async () => {
    const port = await findFreePort();
    const fixed = { ...registered, port, clientSecret: 'the same' };
    const first = await startOidcProvider(fixed);
    const signIn = someSignIn({}, first);
    const begun = await goAndComeBack(signIn, 'anna');
    await first.stop();
    await expect(problemOf(signIn.finish(begun))).resolves.toBe('away');
    await expect(problemOf(signIn.finish(begun))).resolves.toBe('away');

    const second = await startOidcProvider(fixed);
    try {
      // This one does not know the code, and there is a next time.
      await expect(problemOf(signIn.finish(begun))).resolves.toBe('lost');
      await expect(signIn.finish(await goAndComeBack(signIn, 'anna'))).resolves.toHaveProperty('person.id', 'anna');
    } finally {
      await second.stop();
    }
  });
});

describe('signing out', () => {
  const end = (signIn: SignIn, sessionCookie: string | undefined) =>
    signIn.end({ sessionCookie, postLogoutRedirectUri: HOME_URI });

  test('ends the session here and at the provider, which then asks again who it is', async () => {
    const signIn = someSignIn();
    const browser = createBrowser();
    const { sessionCookie } = await signIn.finish(await goAndComeBack(signIn, 'anna', browser));

    const signOutUrl = await end(signIn, sessionCookie);
    await expect(signIn.findSession(sessionCookie)).resolves.toBeNull();
    expect(signOutUrl).toMatch(new RegExp(`^${provider.url}/session/end`));

    const page = await browser.open(signOutUrl ?? '');
    const [, action = ''] = /action="([^"]+)"/.exec(page.text) ?? [];
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? [];
    const back = await browser.open(action, HOME_URI, { xsrf, logout: 'yes' });
    expect(back.url).toBe(HOME_URI);

    const { url } = await signIn.begin({ redirectUri: REDIRECT_URI, returnTo: null });
    const again = await browser.open(url, REDIRECT_URI);
    expect(again.text).toContain('User name');
  });

  test('without a session leads nowhere', async () => {
    await expect(end(someSignIn(), undefined)).resolves.toBeNull();
    await expect(end(someSignIn(), 'nonsense')).resolves.toBeNull();
  });

  test('ends the session here also while the provider is away', async () => {
    const other = await startOidcProvider(registered);
    const signIn = someSignIn({}, other);
    const { sessionCookie } = await signIn.finish(await goAndComeBack(signIn, 'anna'));
    await other.stop();
    const later = someSignIn({}, other);

    await expect(end(later, sessionCookie)).resolves.toBeNull();
    await expect(later.findSession(sessionCookie)).resolves.toBeNull();
  });
});
