import type { Person } from '../../src/access/person.ts';
import type { Cookie } from '../../src/sign-in/cookies.ts';
import type { SignIn } from '../../src/web/case-services.ts';

export const ANNA: Person = { id: 'anna', displayName: 'Anna Smith', engineUserIds: ['anna'], groups: [] };

/** Signs everybody in as Anna: the cookie `person=anna` or the token `good` are she. */
export function stubSignIn(replaced: Partial<SignIn> = {}): SignIn {
  return {
    async begin({ redirectUri, returnTo }) {
      return {
        url: `${redirectUri}?${new URLSearchParams({ code: 'good', state: returnTo ?? '' })}`,
        stateCookie: 'begun',
      };
    },
    async finish({ currentUrl: { searchParams }, stateCookie }) {
      if (searchParams.get('code') !== 'good' || stateCookie !== 'begun') throw signInFailure('lost');
      return { person: ANNA, sessionCookie: 'anna', returnTo: searchParams.get('state') ?? '' };
    },
    findSession: async (cookie) => (cookie === 'anna' ? { person: ANNA, renewedCookie: null } : null),
    verifyBearer: async (header) => (header === 'Bearer good' ? { person: ANNA } : { refused: 'signature' }),
    end: async () => null,
    sessionCookie: () => cookie('person'),
    stateCookie: () => cookie('begun'),
    signOutOrigins: ['https://id.example.org'],
    ...replaced,
  };
}

export function signInFailure(problem: 'away' | 'denied' | 'lost' | 'refused'): Error {
  return Object.assign(new Error('could not sign in Mrs Jones'), { code: 'SIGN_IN_FAILED', context: { problem } });
}

function cookie(name: string): Cookie {
  return { name, attributes: { path: '/', httpOnly: true, sameSite: 'lax', secure: false } };
}
