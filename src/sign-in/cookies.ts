import { isLoopback } from './loopback.ts';
import { SIGN_IN_SECONDS } from './state-cookie.ts';

export type Cookie = {
  name: string;
  attributes: { path: '/'; httpOnly: true; sameSite: 'lax'; secure: boolean; maxAge?: number };
};

/**
 * What the cookies of a page at this address are called. A name in `__Host-` cannot be set by a neighbour of the host, and
 * browsers take it only over https and on this machine. It ends with the browser.
 */
export function sessionCookie(pageUrl: URL): Cookie {
  return cookieOf('formvault', pageUrl);
}

export function stateCookie(pageUrl: URL): Cookie {
  const { name, attributes } = cookieOf('formvault-sign-in', pageUrl);
  return { name, attributes: { ...attributes, maxAge: SIGN_IN_SECONDS } };
}

function cookieOf(name: string, pageUrl: URL): Cookie {
  const secure = pageUrl.protocol === 'https:' || isLoopback(pageUrl);
  return {
    name: secure ? `__Host-${name}` : name,
    attributes: { path: '/', httpOnly: true, sameSite: 'lax', secure },
  };
}
