import type { InstanceAuthorization } from '../engine/engine-access.ts';
import type { Person } from './person.ts';

/** Who sees process instances without any authorization of their own: everybody who is signed in, or nobody. */
export type CaseAccess = 'open' | 'granted';

/** A person, to be looked up in many authorizations. */
export type Who = { userIds: ReadonlySet<string>; groups: ReadonlySet<string> };

export function whoIs({ engineUserIds, groups }: Person): Who {
  return { userIds: new Set(engineUserIds), groups: new Set(groups) };
}

/** Whether somebody may read what belongs to one process instance, by all authorizations that name it. */
export function mayReadInstance(entries: readonly InstanceAuthorization[], who: Who, caseAccess: CaseAccess): boolean {
  if (entries.length === 0) return caseAccess === 'open';
  let isNamed = false;
  for (const entry of entries) {
    if (!entry.isAboutReading || !isAbout(entry, who)) continue;
    if (entry.kind === 'revoke') return false;
    isNamed = true;
  }
  return isNamed;
}

/** Ids are compared as they are: the engine tells `Anna` from `anna`. */
function isAbout({ kind, userId, groupId }: InstanceAuthorization, { userIds, groups }: Who): boolean {
  if (kind === 'global' || userId === '*') return true;
  return (userId !== null && userIds.has(userId)) || (groupId !== null && groups.has(groupId));
}
