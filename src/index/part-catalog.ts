/**
 * All parts of all cases, in memory: who may see what is decided here, without asking the database about thousands of ids.
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
  cases: number[];
  /** By the number of the case. */
  submissions: Int32Array;
  latestMs: Float64Array;
  /** By the number of the part: its case; nothing for one that is hidden. */
  caseOf: Int32Array;
  /** Submissions in the whole index. */
  all: number;
};

export type PartCatalog = ReturnType<typeof createPartCatalog>;

const NO_INSTANCE = 0;

export function createPartCatalog() {
  const places = new Map<number, number>();
  /** In columns, since each search goes through all of them; instances by numbers, since comparing texts takes longer. */
  const parts = {
    partNo: [] as number[],
    caseNo: [] as number[],
    instanceNo: [] as number[],
    tenant: [] as (string | null)[],
    submissions: [] as number[],
    latestMs: [] as number[],
    changedIn: [] as bigint[],
  };
  const instances = new Map<string, number>();
  let lastCaseNo = 0;
  let lastPartNo = 0;
  let horizon = 0n;

  function instanceNoOf(instance: string | null): number {
    if (instance === null) return NO_INSTANCE;
    const known = instances.get(instance);
    if (known !== undefined) return known;
    instances.set(instance, instances.size + 1);
    return instances.size;
  }

  function note(part: Part, changedIn: bigint): void {
    const known = places.get(part.part_no);
    const place = known ?? parts.partNo.length;
    if (known !== undefined && (parts.changedIn[known] ?? 0n) > changedIn) return;
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
      const { rows } = await sql<Part & { changed_in: string }>`
        select part_no, case_no, instance, tenant, submissions, latest_ms, changed_in::text as changed_in
        from formvault.parts where changed_in >= ${horizon.toString()}::xid8`.execute(trx);
      const snapshot = await sql<{ oldest: string }>`
        select pg_snapshot_xmin(pg_current_snapshot())::text as oldest`.execute(trx);
      for (const row of rows) note(row, BigInt(row.changed_in));
      const oldest = BigInt(snapshot.rows[0]?.oldest ?? 0);
      if (oldest > horizon) horizon = oldest;
    },

    viewOf(visible: Visible): View {
      const isSeen = filterOf(visible);
      const submissions = new Int32Array(lastCaseNo + 1);
      const latestMs = new Float64Array(lastCaseNo + 1).fill(Number.NEGATIVE_INFINITY);
      const caseOf = new Int32Array(lastPartNo + 1);
      const cases: number[] = [];
      let all = 0;
      for (let place = 0; place < parts.partNo.length; place++) {
        const count = parts.submissions[place] ?? 0;
        if (count === 0) continue;
        all += count;
        if (!isSeen(place)) continue;
        const caseNo = parts.caseNo[place] ?? 0;
        caseOf[parts.partNo[place] ?? 0] = caseNo;
        const before = submissions[caseNo] ?? 0;
        if (before === 0) cases.push(caseNo);
        submissions[caseNo] = before + count;
        latestMs[caseNo] = Math.max(latestMs[caseNo] ?? 0, parts.latestMs[place] ?? 0);
      }
      return { cases, submissions, latestMs, caseOf, all };
    },
  };
}
