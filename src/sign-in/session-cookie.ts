/**
 * Who is signed in, kept by their browser in an encrypted cookie: any process with the same client secret can read it.
 *
 * A session ends eight hours after its sign-in, or when it was not used for an hour, or when the person signs out; the last is
 * known to this process only. A cookie holds some hundred groups. Where there are more, this process keeps them, and to every
 * other one (and to itself after a start) that person is not signed in: without their groups they would be somebody else.
 */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Person } from '../access/person.ts';
import { createSeal, MAX_SEALED_LENGTH } from './sealed-text.ts';
import { createShortMemory } from './short-memory.ts';

const LIFE_MS = 8 * 3_600_000;
const IDLE_MS = 3_600_000;
const RENEW_MS = 60_000;
const MAX_KEPT_HERE = 5_000;
const PURPOSE = 'session 1';

type Content = {
  id: string;
  begunMs: number;
  seenMs: number;
  /** `null`: they are kept by this process. */
  person: Omit<Person, 'groups'> & { groups: readonly string[] | null };
  /** Tells the provider who signs out. */
  idToken: string | null;
};

export type Session = {
  person: Person;
  /** To be given to the browser instead of the one that it sent. */
  renewedCookie: string | null;
};

export type Sessions = {
  begin(person: Person, idToken: string | null): Promise<string>;
  /** `null`: not signed in. */
  find(cookie: string | undefined): Promise<Session | null>;
  end(cookie: string | undefined): Promise<{ idToken: string | null } | null>;
};

export function createSessions(secret: string | null, nowMs: () => number): Sessions {
  const seal = createSeal(secret, PURPOSE);
  const ended = createShortMemory(LIFE_MS, nowMs);
  const groupsHere = new LRUCache<string, readonly string[]>({ max: MAX_KEPT_HERE });

  async function open(cookie: string | undefined): Promise<Content | null> {
    const content = (await seal.open(cookie)) as Content | null;
    if (content === null || ended.has(content.id)) return null;
    const isOver = nowMs() - content.begunMs > LIFE_MS || nowMs() - content.seenMs > IDLE_MS;
    return isOver ? null : content;
  }

  /** What does not fit is left away; so it is with a renewed one, which may be longer. Groups that are kept here stay here. */
  async function close(content: Content): Promise<string> {
    const withAll = await seal.seal(content);
    if (withAll.length <= MAX_SEALED_LENGTH) return withAll;
    const withoutToken = await seal.seal({ ...content, idToken: null });
    if (withoutToken.length <= MAX_SEALED_LENGTH) return withoutToken;
    const { groups } = content.person;
    if (groups !== null) groupsHere.set(content.id, groups);
    return seal.seal({ ...content, person: { ...content.person, groups: null }, idToken: null });
  }

  return {
    begin(person, idToken) {
      const id = randomBytes(16).toString('base64url');
      return close({ id, begunMs: nowMs(), seenMs: nowMs(), person, idToken });
    },

    async find(cookie) {
      const content = await open(cookie);
      if (content === null) return null;
      const groups = content.person.groups ?? groupsHere.get(content.id);
      if (groups === undefined) return null;
      const isRecent = nowMs() - content.seenMs < RENEW_MS;
      return {
        person: { ...content.person, groups },
        renewedCookie: isRecent ? null : await close({ ...content, seenMs: nowMs() }),
      };
    },

    async end(cookie) {
      const content = await open(cookie);
      if (content === null) return null;
      ended.add(content.id);
      groupsHere.delete(content.id);
      return { idToken: content.idToken };
    },
  };
}
