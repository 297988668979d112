import { expect, test } from '@jest/globals';
import { sessionCookie, stateCookie } from '../../../src/sign-in/cookies.ts';

const all = { path: '/', httpOnly: true, sameSite: 'lax' };

test.each(['https://formvault.example/cases', 'http://localhost:8400/', 'http://127.0.0.1:8400/', 'http://[::1]/'])(
  'at %s the session cannot be set by a neighbour, nor travel in the clear',
  (page) => {
    expect(sessionCookie(new URL(page))).toEqual({ name: '__Host-formvault', attributes: { ...all, secure: true } });
  },
);

test.each(['http://formvault.example/', 'http://10.0.0.7:8400/', 'http://127.0.0.1.evil.example/'])(
  'at %s browsers would not take such a cookie, so it has another name',
  (page) => {
    expect(sessionCookie(new URL(page))).toEqual({ name: 'formvault', attributes: { ...all, secure: false } });
  },
);

test('the cookie of a sign-in that has begun is another one, and lasts ten minutes', () => {
  expect(stateCookie(new URL('https://formvault.example/cases'))).toEqual({
    name: '__Host-formvault-sign-in',
    attributes: { ...all, secure: true, maxAge: 600 },
  });
});
