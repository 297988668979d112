import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import type { EngineAccess, Member } from '../engine/engine-access.ts';
import { FormvaultError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { createKeptAnswer, type KeptAnswer } from './kept-answer.ts';
import type { Person } from './person.ts';

export type Tenants = {
  /**
   * Those that a person is in, by any of their ids or groups.
   * @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED
   */
  read(person: Person, signal: AbortSignal): Promise<readonly string[]>;
  /** Whether the engine did not answer when it was asked last. */
  isStale(): boolean;
};

const FRESH_MS = 30_000;
const USABLE_MS = 15 * 60_000;
const MAX_MEMBERS = 2_000;
const REQUESTS_AT_ONCE = 4;

export function createTenants(
  engine: Pick<EngineAccess, 'hasTenants' | 'readTenantIds' | 'maySeeTenants'>,
  log: Log,
  nowMs: () => number,
): Tenants {
  const keep = <T>(ask: (signal: AbortSignal) => Promise<T>): KeptAnswer<T> =>
    createKeptAnswer({ ask, freshMs: FRESH_MS, usableMs: USABLE_MS, nowMs });
  const areThereAny = keep(async (signal) => {
    if (!(await engine.maySeeTenants(signal))) warnOnce();
    return engine.hasTenants(signal);
  });
  /** Groups are shared, so they are asked for once for all who are in them. */
  const ofMembers = new LRUCache<string, KeptAnswer<string[]>>({ max: MAX_MEMBERS });
  const limit = pLimit(REQUESTS_AT_ONCE);
  let isWarned = false;
  let isStale = false;

  function ofMember(member: Member): KeptAnswer<string[]> {
    const key = JSON.stringify(member);
    const known = ofMembers.get(key) ?? keep((signal) => engine.readTenantIds(member, signal));
    ofMembers.set(key, known);
    return known;
  }

  function warnOnce(): void {
    if (isWarned) return;
    isWarned = true;
    const err = new FormvaultError('ENGINE_REJECTED', 'could not see the tenants of people', {
      hint: 'Give the user that Formvault signs in to the engine with the permission READ on TENANT, for all resources (*).',
    });
    log.warn({ err, code: err.code, part: 'access' }, 'tenants cannot be seen: nobody sees what belongs to one');
  }

  return {
    async read({ engineUserIds, groups }, signal) {
      if (!(await areThereAny.read(signal))) return [];
      const members: KeptAnswer<string[]>[] = [
        ...engineUserIds.map((userId) => ofMember({ userId })),
        ...groups.map((groupId) => ofMember({ groupId })),
      ];
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      try {
        const lists = await Promise.all(members.map((member) => limit(() => member.read(either))));
        isStale = areThereAny.isStale() || members.some((member) => member.isStale());
        return [...new Set(lists.flat())];
      } finally {
        failed.abort();
      }
    },
    isStale: () => isStale,
  };
}
