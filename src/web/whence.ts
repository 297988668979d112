/** What a request says of where it came from, and whether that may ask for what it asks for. */
import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { hostOf } from './security-headers.ts';

const MAX_TOLD = 512;
const LOOPBACK = /^(localhost|[\w-]+\.localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Whether the request was meant for this machine. A page on the web can give its own name the address 127.0.0.1 once it is loaded,
 * and would then be of the same origin; without a sign-in, only the name tells.
 */
export function isMeantForThisMachine(request: FastifyRequest): boolean {
  return [hostOf(request), request.headers.host ?? ''].every((host) => isLoopback(host.replace(/:\d+$/, '')));
}

/** Whether a page of another origin loads it as a part of itself; links from elsewhere are welcome. */
export function isLoadedFromElsewhere(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return request.headers['sec-fetch-mode'] !== 'navigate' || request.headers['sec-fetch-dest'] !== 'document';
}

/** Whether a script or form of another origin sent it. */
export function isSentFromElsewhere(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin';
  const { origin } = request.headers;
  // Without a referrer the origin of one's own form is `null` too; the session's cookie does not come from elsewhere.
  if (origin === undefined || origin === 'null') return false;
  return URL.parse(origin)?.host !== hostOf(request);
}

export function tellWhence(request: FastifyRequest, channel: 'page' | 'api'): AuditEntry['from'] {
  const forwardedFor = request.headers['x-forwarded-for']?.toString().slice(0, MAX_TOLD);
  const userAgent = request.headers['user-agent']?.slice(0, MAX_TOLD);
  return {
    address: request.socket.remoteAddress ?? '',
    ...(forwardedFor !== undefined && { forwardedFor }),
    ...(userAgent !== undefined && { userAgent }),
    channel,
  };
}
