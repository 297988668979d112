/**
 * What a person may see, by the authorizations and tenants of the engine.
 *
 * `read` is for searches: it goes by a snapshot of all authorizations, some seconds old. `check` is for what is opened: it asks
 * about this one process instance. While the engine is away both go by the last snapshot, for a quarter of an hour; after that
 * they fail, so that nothing is shown by rules that may have changed.
 */
import { LRUCache } from 'lru-cache';
import type { EngineAccess, InstanceAuthorization } from '../engine/engine-access.ts';
import { failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { createKeptAnswer } from './kept-answer.ts';
import { type CaseAccess, mayReadInstance, whoIs } from './may-read-instance.ts';
import type { Person } from './person.ts';
import { createTenants } from './tenants.ts';
import type { Visible } from './visible.ts';

export type Visibility = {
  /** @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED */
  read(person: Person, signal: AbortSignal): Promise<Visible>;
  /**
   * Whether a person may see what belongs to this process instance and tenant.
   * @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED
   */
  check(
    person: Person,
    of: { processInstanceId: string | null; tenantId: string | null },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** Whether the engine did not answer when it was asked last, so that older rules were used. */
  isStale(): boolean;
};

export type VisibilityOptions = {
  engine: EngineAccess;
  caseAccess: CaseAccess;
  log: Log;
  nowMs?: () => number;
};

/** All entries about one process instance, by its id. */
type Snapshot = ReadonlyMap<string, InstanceAuthorization[]>;
type Instances = Exclude<Visible, 'everything'>['instances'];

const FRESH_MS = 5_000;
const USABLE_MS = 15 * 60_000;
/** For each snapshot; a list may have as many ids as there are protected instances. */
const MAX_LISTS = 50;

/** For `AUTH=off`. */
export const EVERYTHING_VISIBLE: Visibility = {
  read: async () => 'everything',
  check: async () => true,
  isStale: () => false,
};

export function createVisibility(options: VisibilityOptions): Visibility {
  const { engine, caseAccess, log, nowMs = () => performance.now() } = options;
  const tenants = createTenants(engine, log, nowMs);
  const snapshots = createKeptAnswer({
    ask: async (signal) => createSnapshot(await engine.readAuthorizations(signal), caseAccess),
    freshMs: FRESH_MS,
    usableMs: USABLE_MS,
    nowMs,
  });
  /** When the engine did not answer a `check`. */
  let awayMs: number | null = null;

  async function readEntries(id: string, signal: AbortSignal): Promise<readonly InstanceAuthorization[]> {
    const snapshot = snapshots.peek();
    if (snapshot !== null && awayMs !== null && nowMs() - awayMs <= FRESH_MS) return snapshot.entriesOf(id);
    try {
      const entries = await engine.readAuthorizationsOf(id, signal);
      awayMs = null;
      return entries;
    } catch (error) {
      if (failureCodeOf(error) !== 'ENGINE_UNAVAILABLE') throw error;
      awayMs = nowMs();
      const usable = snapshots.peek();
      if (usable === null) throw error;
      return usable.entriesOf(id);
    }
  }

  return {
    async read(person, signal) {
      if (isNobody(person)) return { instances: { only: [] }, tenants: [] };
      const [snapshot, tenantIds] = await Promise.all([snapshots.read(signal), tenants.read(person, signal)]);
      return { instances: snapshot.instancesFor(person), tenants: tenantIds };
    },

    async check(person, { processInstanceId, tenantId }, signal) {
      if (isNobody(person)) return false;
      if (tenantId !== null && !(await tenants.read(person, signal)).includes(tenantId)) return false;
      if (processInstanceId === null) return caseAccess === 'open';
      return mayReadInstance(await readEntries(processInstanceId, signal), whoIs(person), caseAccess);
    },

    isStale: () => awayMs !== null || snapshots.isStale() || tenants.isStale(),
  };
}

/** Whoever is signed in has an id. */
function isNobody({ engineUserIds }: Person): boolean {
  return engineUserIds.length === 0;
}

function createSnapshot(authorizations: InstanceAuthorization[], caseAccess: CaseAccess) {
  const entries: Snapshot = Map.groupBy(authorizations, ({ processInstanceId }) => processInstanceId);
  const lists = new LRUCache<string, Instances>({ max: MAX_LISTS });

  function listFor(person: Person): Instances {
    const who = whoIs(person);
    const wanted = caseAccess === 'granted';
    const ids: string[] = [];
    for (const [id, each] of entries) if (mayReadInstance(each, who, caseAccess) === wanted) ids.push(id);
    return wanted ? { only: ids } : { allExcept: ids };
  }

  return {
    entriesOf: (processInstanceId: string) => entries.get(processInstanceId) ?? [],
    /** The same list for the same ids and groups. */
    instancesFor(person: Person): Instances {
      const key = JSON.stringify([person.engineUserIds, person.groups]);
      const list = lists.get(key) ?? listFor(person);
      lists.set(key, list);
      return list;
    },
  };
}
