const HOME = '/cases';
const IN_CASES = /^\/cases(?:\/|$)/;
/** It travels in a cookie, which holds 4 KB in all. */
const MAX_LENGTH = 1_500;
const NOBODY = 'http://formvault.invalid';

/**
 * Where a person goes after signing in: a path of the pages of cases, or the beginning.
 *
 * Browsers take `//host`, `/\host` and `/<tab>/host` for other hosts, and a path may become one of these when its dots are
 * resolved.
 */
export function safeReturnTo(text: string | null | undefined): string {
  if (typeof text !== 'string' || text.length > MAX_LENGTH || !/^\/[!-[\]-~]*$/.test(text)) return HOME;
  const url = URL.parse(text, NOBODY);
  if (url === null || url.origin !== NOBODY || !IN_CASES.test(url.pathname)) return HOME;
  return `${url.pathname}${url.search}`;
}
