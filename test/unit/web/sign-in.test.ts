import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import type { SignIn } from '../../../src/web/case-services.ts';
import { createHealth } from '../../../src/web/health.ts';
import { createHttpApp } from '../../../src/web/http-app.ts';
import { stubCaseServices } from '../../support/builders-cases.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { ANNA, signInFailure, stubSignIn } from '../../support/stub-sign-in.ts';
import { AS_ANNA, aCaseSite } from './a-case-site.ts';
import { aServer, ask } from './a-server.ts';

const NOBODY = { headers: {} };

describe('a sign-in', () => {
  test('leads to the provider and back to where one wanted to go', async () => {
    const site = await aCaseSite();

    const begun = await site.ask('/sign-in?return=/cases/CASE-1', NOBODY);
    expect([begun.status, begun.headers['set-cookie']]).toEqual([303, ['begun=begun; Path=/; HttpOnly; SameSite=Lax']]);
    const { origin, pathname, search } = new URL(begun.headers.location ?? '');
    const finished = await site.ask(`${pathname}${search}`, { headers: { Cookie: 'begun=begun' } });

    expect([origin, pathname]).toEqual([site.url, '/sign-in/callback']);
    expect([finished.status, finished.headers.location]).toEqual([303, '/cases/CASE-1']);
    expect(finished.headers['set-cookie']).toEqual([
      'begun=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
      'person=anna; Path=/; HttpOnly; SameSite=Lax',
    ]);
  });

  test('gives cookies that only this server gets, over https where the browser has it', async () => {
    const attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure: true, maxAge: 600 } as const;
    const site = await aCaseSite({ signIn: stubSignIn({ stateCookie: () => ({ name: '__Host-x', attributes }) }) });

    const { headers } = await site.ask('/sign-in', NOBODY);

    expect(headers['set-cookie']).toEqual(['__Host-x=begun; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax']);
  });

  test('of who is signed in already goes straight on', async () => {
    const site = await aCaseSite();

    expect((await site.ask('/sign-in?return=/cases/CASE-1')).headers.location).toBe('/cases/CASE-1');
  });

  test('never leads back to another server, whatever the cookie says', async () => {
    const finish = async () => ({ person: ANNA, returnTo: 'https://evil.example/', sessionCookie: '' });
    const site = await aCaseSite({ signIn: stubSignIn({ finish }) });

    expect((await site.ask('/sign-in?return=//evil.example')).headers.location).toBe('/cases');
    expect((await site.ask('/sign-in/callback?code=good')).headers.location).toBe('/cases');
  });

  test('that proves nothing gives no session', async () => {
    const site = await aCaseSite();

    const { status, headers, text } = await site.ask('/sign-in/callback?code=good', NOBODY);

    expect([status, headers['set-cookie']]).toEqual([400, undefined]);
    expect(text).toContain('href="/sign-in"');
  });

  test.each([
    ['away', 503, 'does not answer'],
    ['denied', 400, 'does not let you in'],
    ['lost', 400, 'took too long'],
    ['refused', 503, 'refuses to work'],
  ] as const)('whose problem is “%s” is answered %d and says so', async (problem, status, words) => {
    const finish = () => Promise.reject(signInFailure(problem));
    const site = await aCaseSite({ signIn: stubSignIn({ finish }) });

    const answer = await site.ask('/sign-in/callback?code=good', NOBODY);

    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
    expect(answer.text).not.toContain('Jones');
  });

  test('has as much time as everything else, however long the provider takes', async () => {
    const sockets: Socket[] = [];
    const timeouts: unknown[] = [];
    const finish = async () => {
      timeouts.push(sockets.at(-1)?.timeout);
      return { person: ANNA, returnTo: '', sessionCookie: '' };
    };
    const parts = { health: createHealth(), metrics: createMetrics(), log: createRememberingLog() };
    const app = createHttpApp({ ...parts, cases: stubCaseServices({}, { signIn: stubSignIn({ finish }) }) });
    app.server.on('connection', (socket: Socket) => sockets.push(socket));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;

    await ask(`${url}/sign-in/callback?code=good`);
    await app.close();

    expect(timeouts).toEqual([60_000]);
  });

  test('that is used is renewed when it is time', async () => {
    const findSession = async () => ({ person: ANNA, renewedCookie: 'newer' });
    const site = await aCaseSite({ signIn: stubSignIn({ findSession }) });

    for (const path of ['/cases', '/api/workflow/cases']) {
      const { headers } = await site.ask(path, NOBODY);
      expect(headers['set-cookie']).toEqual(['person=newer; Path=/; HttpOnly; SameSite=Lax']);
    }
  });

  test.each([
    [{}, /^http:\/\/127\.0\.0\.1:\d+\/sign-in\/callback$/],
    [
      { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'forms.example.org' },
      /^https:\/\/forms\.example\.org\/sign-in\/c/,
    ],
    [{ 'X-Forwarded-Proto': 'https, http' }, /^https:\/\/127\.0\.0\.1:\d+\/sign-in\/callback$/],
  ])('comes back to this server as a browser knows it: %j', async (headers, address) => {
    const addresses: string[] = [];
    const begin: SignIn['begin'] = async ({ redirectUri }) => {
      addresses.push(redirectUri);
      return { url: '/', stateCookie: '' };
    };
    const site = await aCaseSite({ signIn: stubSignIn({ begin }) });

    await site.ask('/sign-in', { headers });

    expect(addresses).toEqual([expect.stringMatching(address)]);
  });

  test('for a host that is none is refused', async () => {
    const site = await aCaseSite();

    expect((await site.ask('/sign-in', { headers: { Host: 'a b/?' } })).status).toBe(400);
    expect((await site.ask('/cases', { headers: { ...AS_ANNA, Host: 'a b/?' } })).headers.location).toMatch(
      /^\/sign-in/,
    );
  });

  test('fails as a page while the provider is away', async () => {
    const begin = () => Promise.reject(new FormvaultError('UNEXPECTED', 'could not ask'));
    const site = await aCaseSite({ signIn: stubSignIn({ begin }) });

    const { status, headers } = await site.ask('/sign-in', NOBODY);

    expect([status, headers['content-type']]).toEqual([500, 'text/html; charset=utf-8']);
  });
});

describe('a sign-out', () => {
  const body = '';
  const method = 'POST';

  test.each([
    ['a page of this server', { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }],
    ['a page of this server, in an old browser', { Origin: 'null' }],
  ])('that %s asks for ends the session', async (_who, headers) => {
    const site = await aCaseSite();

    const answer = await site.ask('/sign-out', {
      method,
      body,
      headers: { ...AS_ANNA, ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
    });

    expect([answer.status, answer.headers.location]).toEqual([303, '/signed-out']);
    expect(answer.headers['set-cookie']).toEqual(['person=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax']);
  });

  test('is allowed to an origin that is this one', async () => {
    const site = await aCaseSite();
    const headers = { ...AS_ANNA, Origin: site.url };

    expect((await site.ask('/sign-out', { method, headers })).status).toBe(303);
  });

  test.each([
    ['a page elsewhere', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a page of a sibling', { 'Sec-Fetch-Site': 'same-site' }],
    ['another origin', { Origin: 'https://evil.example' }],
  ])('that %s asks for is refused', async (_who, headers) => {
    const site = await aCaseSite();

    const answer = await site.ask('/sign-out', { method, headers: { ...AS_ANNA, ...headers } });

    expect([answer.status, answer.headers['set-cookie']]).toEqual([403, undefined]);
  });

  test('goes on to the provider, or offers to where a form may not lead', async () => {
    const end = async () => 'https://id.example.org/end?x=1';
    const known = await aCaseSite({ signIn: stubSignIn({ end }) });
    const unknown = await aCaseSite({ signIn: stubSignIn({ end, signOutOrigins: [] }) });

    expect((await known.ask('/sign-out', { method })).headers.location).toBe('https://id.example.org/end?x=1');
    const { status, headers, text } = await unknown.ask('/sign-out', { method });
    expect([status, headers['set-cookie']]).toEqual([200, ['person=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax']]);
    expect(text).toContain('href="https://id.example.org/end?x=1"');
  });

  test('is no link', async () => {
    const site = await aCaseSite();

    const { status, headers } = await site.ask('/sign-out');

    expect([status, headers.allow]).toEqual([405, 'POST']);
  });

  test('ends on a page that offers to sign in', async () => {
    const site = await aCaseSite();

    const { status, text } = await site.ask('/signed-out', NOBODY);

    expect(status).toBe(200);
    expect(text).toContain('You are signed out');
  });
});

describe('without a sign-in', () => {
  test('cases are shown on this machine', async () => {
    const site = await aCaseSite({ signIn: null });

    expect((await site.ask('/cases', NOBODY)).status).toBe(200);
    expect((await site.ask('/api/workflow/cases', NOBODY)).status).toBe(200);
    expect((await site.ask('/sign-in', NOBODY)).status).toBe(404);
    expect(site.services.audited.map(({ who }) => who)).toEqual(['not signed in', 'not signed in']);
  });

  test.each([
    { Host: 'rebound.example' },
    { Host: 'rebound.example:8400' },
    { 'X-Forwarded-Host': 'forms.example.org' },
  ])('cases are not shown under another name: %j', async (headers) => {
    const site = await aCaseSite({ signIn: null });

    for (const path of ['/cases', '/cases/CASE-1', '/api/workflow/cases']) {
      expect((await site.ask(path, { headers })).status).toBe(421);
    }
    expect(site.services.audited).toEqual([]);
  });

  test.each([
    ['an index', stubCaseServices()],
    ['none', null],
  ])('with %s there are no cases on an address that others can reach, and the log says why', async (_, cases) => {
    const log = createRememberingLog();
    const { url } = await aServer({ host: '0.0.0.0', log, cases }).start();

    for (const path of ['/cases', '/cases/CASE-1', '/api/workflow/cases', '/api/openapi.json', '/sign-in', '/']) {
      const { status, text } = await ask(`${url}${path}`);
      expect([status, text]).toEqual([404, expect.stringContaining('not found')]);
    }
    expect((await ask(`${url}/health/live`)).status).toBe(200);
    expect(log.lines).toContainEqual({
      level: 'warn',
      sentence: 'cases are not served: AUTH is off, and HOST is not an address of this machine alone',
      fields: { part: 'web' },
    });
  });
});
