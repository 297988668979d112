/**
 * All parts of all cases, in memory: who may see what, and which case is the newest, is decided here, without asking the database
 * about thousands of ids.
 *
 * Before each use it reads what was changed since the last time. A transaction that was under way then may have changed parts
 * that could not be seen yet; so "since" is the oldest transaction of that time, not the newest. The reading and what is done
 * with it afterwards must see the same state of the database, else a part could be found that nobody has decided about.
 */
import { sql } from 'kysely';
import type { Visible } from '../access/visible.ts';
import type { Database } from './tables.ts';

export type Part = {
  part_no: number;
  case_no: number;
  instance: string | null;
  tenant: string | null;
  submissions: number;
  latest_ms: number;
};

/** What somebody may see. */
export type View = {
  /** Newest first. */
  cases: number[];
  /** By the number of the case. */
  submissions: Int32Array;
  /** By the number of the part: its case; nothing for one that is hidden. */
  caseOf: Int32Array;
  /** Submissions in the whole index. */
  all: number;
  /** Of some cases, by their numbers; newest first. */
  partsOf(cases: readonly number[]): Map<number, Part[]>;
};

export type PartCatalog = ReturnType<typeof createPartCatalog>;

const NO_INSTANCE = 0;

type ChangedPart = Part & { changed_in: string };

/** By places, since each search goes through all of them; instances by numbers, since comparing texts takes longer. */
type Columns = {
  partNo: number[];
  caseNo: number[];
  instanceNo: number[];
  tenant: (string | null)[];
  submissions: number[];
  latestMs: number[];
  changedIn: bigint[];
  /** Places. */
  newestFirst: number[];
};

export function createPartCatalog() {
  const places = new Map<number, number>();
  let parts: Columns = {
    partNo: [],
    caseNo: [],
    instanceNo: [],
    tenant: [],
    submissions: [],
    latestMs: [],
    changedIn: [],
    newestFirst: [],
  };
  const instances = new Map<string, number>();
  const instanceOf: (string | null)[] = [null];
  let lastCaseNo = 0;
  let lastPartNo = 0;
  let horizon = 0n;

  function instanceNoOf(instance: string | null): number {
    if (instance === null) return NO_INSTANCE;
    const known = instances.get(instance);
    if (known !== undefined) return known;
    instanceOf.push(instance);
    instances.set(instance, instances.size + 1);
    return instances.size;
  }

  function note(part: Part, changedIn: bigint): void {
    const known = places.get(part.part_no);
    const place = known ?? parts.partNo.length;
    if (known !== undefined && (parts.changedIn[known] ?? 0n) > changedIn) return;
    if (known === undefined) parts.newestFirst.push(place);
    places.set(part.part_no, place);
    parts.partNo[place] = part.part_no;
    parts.caseNo[place] = part.case_no;
    parts.instanceNo[place] = instanceNoOf(part.instance);
    parts.tenant[place] = part.tenant;
    parts.submissions[place] = part.submissions;
    parts.latestMs[place] = part.latest_ms;
    parts.changedIn[place] = changedIn;
    lastCaseNo = Math.max(lastCaseNo, part.case_no);
    lastPartNo = Math.max(lastPartNo, part.part_no);
  }

  /** What was made of them before keeps what it was made of. */
  function change(changes: readonly ChangedPart[]): void {
    if (changes.length === 0) return;
    parts = copyOf(parts);
    for (const { changed_in, ...part } of changes) note(part, BigInt(changed_in));
    const { latestMs, caseNo, newestFirst } = parts;
    // Quick where little has changed: what is in order already is only gone through.
    newestFirst.sort((a, b) => (latestMs[b] ?? 0) - (latestMs[a] ?? 0) || (caseNo[a] ?? 0) - (caseNo[b] ?? 0) || a - b);
  }

  /** The same as `isVisible`, for the part at a place. */
  function filterOf(visible: Visible): (place: number) => boolean {
    if (visible === 'everything') return () => true;
    const { instances: which, tenants } = visible;
    const isOnly = 'only' in which;
    const isNamed = new Uint8Array(instances.size + 1);
    for (const instance of isOnly ? which.only : which.allExcept) isNamed[instances.get(instance) ?? NO_INSTANCE] = 1;
    isNamed[NO_INSTANCE] = 0;
    return (place) => {
      const tenant = parts.tenant[place] ?? null;
      return (isNamed[parts.instanceNo[place] ?? 0] === 1) === isOnly && (tenant === null || tenants.includes(tenant));
    };
  }

  return {
    /** Within a transaction that sees one state from beginning to end. */
    async refresh(trx: Database): Promise<void> {
      const { rows } = await sql<{ oldest: string } & (ChangedPart | { part_no: null })>`
        select pg_snapshot_xmin(pg_current_snapshot())::text as oldest, changed.*
        from (select) as now left join (
          select part_no, case_no, instance, tenant, submissions, latest_ms, changed_in::text as changed_in
          from formvault.parts where changed_in >= ${horizon.toString()}::xid8
        ) as changed on true`.execute(trx);
      change(rows.filter((row) => row.part_no !== null));
      const oldest = BigInt(rows[0]?.oldest ?? 0);
      if (oldest > horizon) horizon = oldest;
    },

    viewOf(visible: Visible): View {
      const { partNo, caseNo, instanceNo, tenant, submissions, latestMs, newestFirst } = parts;
      const isSeen = filterOf(visible);
      const caseOf = new Int32Array(lastPartNo + 1);
      const seen = new Int32Array(lastCaseNo + 1);
      const cases: number[] = [];
      let all = 0;
      for (const place of newestFirst) {
        const count = submissions[place] ?? 0;
        if (count === 0) continue;
        all += count;
        if (!isSeen(place)) continue;
        const ofCase = caseNo[place] ?? 0;
        caseOf[partNo[place] ?? 0] = ofCase;
        const before = seen[ofCase] ?? 0;
        if (before === 0) cases.push(ofCase);
        seen[ofCase] = before + count;
      }
      return { cases, submissions: seen, caseOf, all, partsOf };

      function partsOf(asked: readonly number[]): Map<number, Part[]> {
        const isAsked = new Uint8Array(seen.length);
        for (const number of asked) isAsked[number] = 1;
        const found = newestFirst.filter((place) => isAsked[caseOf[partNo[place] ?? 0] ?? 0] === 1);
        return Map.groupBy(found.map(partAt), ({ case_no }) => case_no);
      }

      function partAt(place: number): Part {
        return {
          part_no: partNo[place] ?? 0,
          case_no: caseNo[place] ?? 0,
          instance: instanceOf[instanceNo[place] ?? NO_INSTANCE] ?? null,
          tenant: tenant[place] ?? null,
          submissions: submissions[place] ?? 0,
          latest_ms: latestMs[place] ?? 0,
        };
      }
    },
  };
}

function copyOf(columns: Columns): Columns {
  return {
    partNo: columns.partNo.slice(),
    caseNo: columns.caseNo.slice(),
    instanceNo: columns.instanceNo.slice(),
    tenant: columns.tenant.slice(),
    submissions: columns.submissions.slice(),
    latestMs: columns.latestMs.slice(),
    changedIn: columns.changedIn.slice(),
    newestFirst: columns.newestFirst.slice(),
  };
}
