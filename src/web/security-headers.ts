import type { FastifyReply, FastifyRequest } from 'fastify';

const YEAR_SECONDS = 31_536_000;

const SWITCHED_OFF = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'usb',
];

const ALWAYS = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': SWITCHED_OFF.map((feature) => `${feature}=()`).join(', '),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** For everything that is no page: nothing is loaded, nothing is run, it has no origin of its own. */
export const DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/** A page loads the style sheets and the icon of this server, and its one style with the running headers of the print. */
export function pagePolicy({ styleHash, formOrigins }: { styleHash: string; formOrigins: readonly string[] }): string {
  return [
    "default-src 'none'",
    `style-src 'self' 'sha256-${styleHash}'`,
    "img-src 'self'",
    "font-src 'none'",
    ['form-action', "'self'", ...formOrigins].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ ...ALWAYS, 'Content-Security-Policy': DATA_POLICY });
  if (isHttps(request)) reply.header('Strict-Transport-Security', `max-age=${YEAR_SECONDS}`);
}

/** Browsers heed the header over https only, so a proxy's word is enough. */
function isHttps(request: FastifyRequest): boolean {
  return protocolOf(request) === 'https';
}

/** The address as the browser knows it: a proxy in front says so, for this server itself speaks http. */
export function pageUrlOf(request: FastifyRequest): URL | null {
  return URL.parse(request.url, `${protocolOf(request)}://${hostOf(request)}`);
}

/** `''` for what is no host. */
export function hostOf(request: FastifyRequest): string {
  const hosts = [firstOf(request, 'x-forwarded-host'), request.headers.host];
  return hosts.find((host) => host !== undefined && /^[\w.:[\]-]+$/.test(host)) ?? '';
}

function protocolOf(request: FastifyRequest): 'http' | 'https' {
  return firstOf(request, 'x-forwarded-proto') === 'https' ? 'https' : 'http';
}

function firstOf(request: FastifyRequest, name: string): string | undefined {
  return request.headers[name]?.toString().split(',')[0]?.trim().toLowerCase();
}
