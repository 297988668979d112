/** Where somebody wanted to go before the sign-in: a path of the pages, never another server. */

/** It travels in a cookie, which holds 4 KB in all. */
const MAX_LENGTH = 1500;
const HOME = '/cases';

export function safeReturnPath(path: string | null): string {
  if (path === null || path.length > MAX_LENGTH) return HOME;
  return /^\/cases(?:[/?][\x21-\x5b\x5d-\x7e]*)?$/.test(path) ? path : HOME;
}

export function signInPath(returnTo: string): string {
  return `/sign-in?${new URLSearchParams({ return: safeReturnPath(returnTo) })}`;
}
