import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Cookie } from '../sign-in/cookies.ts';

export function readCookie({ headers }: FastifyRequest, { name }: Cookie): string | undefined {
  const pairs = headers.cookie?.split(';').map((pair) => pair.trim()) ?? [];
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The value is one that needs no escaping. `null` takes the cookie away. */
export function giveCookie(reply: FastifyReply, { name, attributes }: Cookie, value: string | null): void {
  const { path, secure } = attributes;
  const maxAge = value === null ? 0 : attributes.maxAge;
  const parts = [
    `${name}=${value ?? ''}`,
    ...(maxAge === undefined ? [] : [`Max-Age=${maxAge}`]),
    `Path=${path}`,
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    'SameSite=Lax',
  ];
  reply.header('Set-Cookie', parts.join('; '));
}
