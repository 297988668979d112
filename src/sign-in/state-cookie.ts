/**
 * What a browser keeps from the beginning of a sign-in to its end.
 *
 * The provider's answer counts only in the browser that asked for it (RFC 6749, 10.12), for ten minutes, and once.
 */
import { createSeal } from './sealed-text.ts';
import { createShortMemory } from './short-memory.ts';

export const SIGN_IN_SECONDS = 600;

const LIFE_MS = SIGN_IN_SECONDS * 1000;
const PURPOSE = 'sign-in 1';

export type BegunSignIn = {
  state: string;
  nonce: string;
  codeVerifier: string;
  redirectUri: string;
  returnTo: string;
  begunMs: number;
};

export type BegunSignIns = {
  keep(begun: Omit<BegunSignIn, 'begunMs'>): Promise<string>;
  /** `null` where it is not the one of this state, too old, or was taken before. */
  take(cookie: string | undefined, state: string | null): Promise<BegunSignIn | null>;
  /** The provider gave no answer: it may be tried again. */
  giveBack(begun: BegunSignIn): void;
};

export function createBegunSignIns(secret: string | null, nowMs: () => number): BegunSignIns {
  const seal = createSeal(secret, PURPOSE);
  const taken = createShortMemory(LIFE_MS, nowMs);

  return {
    keep: (begun) => seal.seal({ ...begun, begunMs: nowMs() } satisfies BegunSignIn),
    async take(cookie, state) {
      const begun = (await seal.open(cookie)) as BegunSignIn | null;
      if (begun === null || begun.state !== state || taken.has(begun.state)) return null;
      if (nowMs() - begun.begunMs > LIFE_MS) return null;
      taken.add(begun.state);
      return begun;
    },
    giveBack: (begun) => taken.remove(begun.state),
  };
}
