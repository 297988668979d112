import { safeReturnTo } from '../sign-in/return-to.ts';

/** Where to sign in, to come back to where somebody wanted to go. */
export function signInPath(returnTo: string): string {
  return `/sign-in?${new URLSearchParams({ return: safeReturnTo(returnTo) })}`;
}
