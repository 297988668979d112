import { randomBytes, randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CompactEncrypt, UnsecuredJWT } from 'jose';
import type { Person } from '../../../src/access/person.ts';
import { createSessions } from '../../../src/sign-in/session-cookie.ts';
import { createBegunSignIns } from '../../../src/sign-in/state-cookie.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const anna: Person = {
  id: 'anna',
  displayName: 'Anna Ämes',
  engineUserIds: ['anna', 'anna@example.com'],
  groups: ['case-workers'],
};

let nowMs: number;
beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 5, 9);
});
const someSessions = (secret: string | null = 'a secret of the client') => createSessions(secret, () => nowMs);
const withGroups = (groups: string[]): Person => ({ ...anna, groups });

test('who began a session is who has it', async () => {
  const sessions = someSessions();
  const cookie = await sessions.begin(anna, null);

  await expect(sessions.find(cookie)).resolves.toEqual({ person: anna, renewedCookie: null });
});

test('a cookie says nothing to who looks at it, and fits into a header', async () => {
  const cookie = await someSessions().begin(anna, 'an.id.token');

  expect(cookie).toMatch(/^[\w.-]+$/);
  const parts = cookie.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
  expect(parts.join('')).not.toMatch(/anna|case-workers|example/);
});

test('two sessions of one person have nothing in common', async () => {
  const sessions = someSessions();
  expect(await sessions.begin(anna, null)).not.toBe(await sessions.begin(anna, null));
});

describe('a session', () => {
  test('ends when it was not used for an hour', async () => {
    const sessions = someSessions();
    const cookie = await sessions.begin(anna, null);
    nowMs += HOUR_MS;
    await expect(sessions.find(cookie)).resolves.not.toBeNull();
    nowMs += 1;
    await expect(sessions.find(cookie)).resolves.toBeNull();
  });

  test('goes on while it is used, by a new cookie at most once a minute, for eight hours', async () => {
    const sessions = someSessions();
    const begunMs = nowMs;
    let cookie = await sessions.begin(anna, null);
    let renewals = 0;
    while (nowMs - begunMs < 8 * HOUR_MS) {
      nowMs += MINUTE_MS / 2;
      const session = await sessions.find(cookie);
      expect(session?.person).toEqual(anna);
      if (session?.renewedCookie) renewals++;
      cookie = session?.renewedCookie ?? cookie;
    }
    expect(renewals).toBe(8 * 60);
    nowMs += 1;
    await expect(sessions.find(cookie)).resolves.toBeNull();
  });

  test('that was signed out is refused, and so is every older cookie of it', async () => {
    const sessions = someSessions();
    const first = await sessions.begin(anna, 'token');
    const other = await sessions.begin(anna, null);
    nowMs += 2 * MINUTE_MS;
    const second = (await sessions.find(first))?.renewedCookie ?? '';

    await expect(sessions.end(second)).resolves.toEqual({ idToken: 'token' });
    await expect(sessions.find(first)).resolves.toBeNull();
    await expect(sessions.find(second)).resolves.toBeNull();
    await expect(sessions.end(second)).resolves.toBeNull();
    await expect(sessions.find(other)).resolves.not.toBeNull();
  });

  test('is known to another process with the same secret, and after a start', async () => {
    const cookie = await someSessions().begin(anna, null);
    await expect(someSessions().find(cookie)).resolves.toMatchObject({ person: anna });
  });

  test('is known to one process only where the client has no secret', async () => {
    const sessions = someSessions(null);
    const cookie = await sessions.begin(anna, null);

    await expect(sessions.find(cookie)).resolves.toMatchObject({ person: anna });
    await expect(someSessions(null).find(cookie)).resolves.toBeNull();
  });
});

describe('nobody is signed in by', () => {
  test('no cookie', async () => {
    await expect(someSessions().find(undefined)).resolves.toBeNull();
  });

  test('a cookie of yesterday', async () => {
    const sessions = someSessions();
    const cookie = await sessions.begin(anna, null);
    nowMs += 24 * HOUR_MS;
    await expect(sessions.find(cookie)).resolves.toBeNull();
  });

  test('a cookie of another secret', async () => {
    const cookie = await someSessions('another secret').begin(anna, null);
    await expect(someSessions().find(cookie)).resolves.toBeNull();
  });

  test('a cookie with any character changed, left out or added', async () => {
    const sessions = someSessions();
    const cookie = await sessions.begin(anna, null);
    const swap = (at: number) => `${cookie.slice(0, at)}${cookie[at] === 'A' ? 'B' : 'A'}${cookie.slice(at + 1)}`;
    // The last character of a part may hold bits that mean nothing.
    const changed = [...cookie].flatMap((sign, at) =>
      sign === '.' || cookie[at + 1] === '.' || at === cookie.length - 1 ? [] : [swap(at)],
    );
    const cut = [cookie.slice(0, -1), cookie.slice(1), `${cookie}A`, `A${cookie}`, `${cookie}.${cookie}`];
    for (const wrong of [...changed, ...cut]) await expect(sessions.find(wrong)).resolves.toBeNull();
  });

  test('a cookie that we made for something else', async () => {
    const begun = createBegunSignIns('a secret of the client', () => nowMs);
    const cookie = await begun.keep({ state: 's', nonce: 'n', codeVerifier: 'v', redirectUri: 'r', returnTo: '/' });
    await expect(someSessions().find(cookie)).resolves.toBeNull();
  });

  test('a cookie that somebody else made', async () => {
    const content = { id: 'x', begunMs: nowMs, seenMs: nowMs, person: anna, idToken: null };
    const bytes = new TextEncoder().encode(JSON.stringify(content));
    const sealed = new CompactEncrypt(bytes).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' });
    const forgeries = [
      await sealed.encrypt(new Uint8Array(32)),
      new UnsecuredJWT(content).encode(),
      JSON.stringify(content),
      Buffer.from(JSON.stringify(content)).toString('base64url'),
      '....',
      '',
      'null',
    ];
    for (const forgery of forgeries) await expect(someSessions().find(forgery)).resolves.toBeNull();
  });

  test('a huge cookie', async () => {
    await expect(someSessions().find('a'.repeat(1_000_000))).resolves.toBeNull();
  });
});

describe('many groups', () => {
  const names = (count: number) => Array.from({ length: count }, (_, each) => `department-${each}/case-workers`);
  const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

  test.each([
    ['a few hundred names', names(300)],
    ['a hundred random ids', ids(100)],
  ])('%s fit into a cookie that another process can read', async (_what, groups) => {
    const cookie = await someSessions().begin(withGroups(groups), null);

    expect(cookie.length).toBeLessThan(3_900);
    await expect(someSessions().find(cookie)).resolves.toMatchObject({ person: { groups } });
  });

  test.each([
    ['five thousand names', names(5_000)],
    ['a thousand random ids', ids(1_000)],
  ])('%s stay here, and the cookie stays small', async (_what, groups) => {
    const sessions = someSessions();
    const cookie = await sessions.begin(withGroups(groups), null);
    expect(cookie.length).toBeLessThan(1_000);
    nowMs += 2 * MINUTE_MS;

    const session = await sessions.find(cookie);
    expect(session?.person).toEqual(withGroups(groups));
    await expect(sessions.find(session?.renewedCookie ?? '')).resolves.toMatchObject({ person: { groups } });
  });

  test('that just fit are kept here when the renewed cookie would be too long for a browser', async () => {
    const sessions = someSessions();
    const filler = randomBytes(4_000).toString('base64url');
    let fitting = 0;
    for (let length = 3_000; length < 3_800; length++) {
      nowMs = Date.UTC(2026, 0, 5, 9);
      const person = withGroups([filler.slice(0, length)]);
      const cookie = await sessions.begin(person, null);
      if (cookie.length < 3_780) continue;
      nowMs += 2 * MINUTE_MS + 7_919;
      const renewed = (await sessions.find(cookie))?.renewedCookie ?? '';
      fitting++;

      expect(renewed.length).toBeLessThanOrEqual(3_800);
      await expect(sessions.find(renewed)).resolves.toMatchObject({ person });
    }
    expect(fitting).toBeGreaterThan(5);
  });

  test('that are kept here stay here, also when a cookie is renewed again and again', async () => {
    const sessions = someSessions();
    const person = withGroups(ids(1_000));
    let cookie = await sessions.begin(person, null);
    for (let each = 0; each < 5; each++) {
      nowMs += 2 * MINUTE_MS;
      cookie = (await sessions.find(cookie))?.renewedCookie ?? '';
      expect(cookie.length).toBeLessThan(1_000);
    }
    await expect(sessions.find(cookie)).resolves.toMatchObject({ person });
  });

  test('that another process keeps are not taken for none: nobody is signed in', async () => {
    const cookie = await someSessions().begin(withGroups(ids(1_000)), null);
    await expect(someSessions().find(cookie)).resolves.toBeNull();
  });

  test('go before the token that tells the provider who signs out', async () => {
    const sessions = someSessions();
    const token = randomBytes(2_000).toString('base64url');
    const [some, none] = [await sessions.begin(anna, token), await sessions.begin(withGroups(ids(100)), token)];

    expect(none.length).toBeLessThan(3_900);
    await expect(sessions.end(some)).resolves.toEqual({ idToken: token });
    await expect(sessions.end(none)).resolves.toEqual({ idToken: null });
  });
});
