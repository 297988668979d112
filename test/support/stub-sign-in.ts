import type { Person } from '../../src/access/person.ts';
import type { SignIn } from '../../src/web/case-services.ts';

export const ANNA: Person = { id: 'anna', displayName: 'Anna Smith', engineUserIds: ['anna'], groups: [] };

/** Signs everybody in as Anna: the cookie `person=anna` or the token `good` are she. */
export function stubSignIn(replaced: Partial<SignIn> = {}): SignIn {
  return {
    async begin({ origin, returnTo }) {
      const location = `${origin}/sign-in/callback?${new URLSearchParams({ code: 'good', to: returnTo })}`;
      return { location, setCookies: ['state=1; HttpOnly; SameSite=Lax; Path=/'] };
    },
    async finish({ query }) {
      const answer = new URLSearchParams(query);
      if (answer.get('code') !== 'good') return null;
      const setCookies = ['person=anna; HttpOnly; SameSite=Lax; Path=/', 'state=; Max-Age=0; Path=/'];
      return { returnTo: answer.get('to') ?? '', setCookies };
    },
    findSession: async (cookies) => (/(?:^|; )person=anna(?:;|$)/.test(cookies ?? '') ? ANNA : null),
    findBearer: async (token) => (token === 'good' ? ANNA : null),
    async end() {
      return { location: '/signed-out', setCookies: ['person=; Max-Age=0; Path=/'] };
    },
    signOutOrigins: () => ['https://id.example.org'],
    ...replaced,
  };
}
