import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Person } from '../access/person.ts';
import type { SignIn } from './case-services.ts';
import { giveCookie, readCookie } from './cookies.ts';
import { pageUrlOf } from './security-headers.ts';

/** Who is signed in by the request's cookie, which is renewed when it is time. */
export async function findSessionPerson(
  signIn: SignIn,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Person | null> {
  const pageUrl = pageUrlOf(request);
  if (pageUrl === null) return null;
  const cookie = signIn.sessionCookie(pageUrl);
  const session = await signIn.findSession(readCookie(request, cookie));
  if (session === null) return null;
  if (session.renewedCookie !== null) giveCookie(reply, cookie, session.renewedCookie);
  return session.person;
}
