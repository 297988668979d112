/**
 * Finds cases.
 *
 * A query finds submissions; what a person may see is decided part by part (`tables.ts`), of which there are far fewer. Both
 * come together in one pass over the parts. A frequent word is asked for the other way round: which submissions are without
 * it? A part is found as long as not all of its submissions are among those.
 */
import { sql } from 'kysely';
import { isVisible, type Visible } from '../access/visible.ts';
import type { CaseHit, Page } from './case-index.ts';
import type { CaseQuery } from './parse-query.ts';
import { instanceCrc, storable } from './put-entries.ts';
import { renderOpposite, renderTsquery } from './render-tsquery.ts';
import type { Database } from './tables.ts';

/** Of all submissions; above it there are fewer of those that do not match. */
const FREQUENT = 0.6;

type Sql = ReturnType<typeof sql>;
type Found = { total: number; cases: number[] };

export async function searchCases(
  db: Database,
  query: CaseQuery,
  visible: Visible,
  page: Page,
): Promise<{ total: number; cases: CaseHit[] }> {
  const found = await db.transaction().execute(async (trx) => {
    const matching = await planMatching(trx, query);
    return rank(trx, matching, visible, page);
  });
  return { total: found.total, cases: await readHits(db, found.cases, visible) };
}

/** A table `hits` of parts, and when a part with its row there, or without, is found. */
type Matching = { table: Sql; isFound: Sql };

async function planMatching(trx: Database, { terms, fromMs, toMs }: CaseQuery): Promise<Matching> {
  const tsquery = renderTsquery(terms);
  if (tsquery === null && fromMs === null && toMs === null) {
    return { table: sql`select 0 as part_no where false`, isFound: sql`true` };
  }
  // The planner does not know that reading a list of words costs more than reading a row.
  await sql`select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`.execute(trx);
  const withWords = tsquery === null ? sql`true` : sql`words @@ ${tsquery}::tsquery`;
  if (tsquery !== null && fromMs === null && toMs === null && (await isFrequent(trx, tsquery))) {
    return {
      table: sql`select part_no, count(*) as without from formvault.words
        where words @@ ${renderOpposite(tsquery)}::tsquery group by part_no`,
      isFound: sql`coalesce(without, 0) < submissions`,
    };
  }
  const since = fromMs === null ? sql`true` : sql`submitted_at_ms >= ${Math.ceil(fromMs)}::int8`;
  const until = toMs === null ? sql`true` : sql`submitted_at_ms <= ${Math.floor(toMs)}::int8`;
  return {
    table: sql`select distinct part_no, true as is_hit from formvault.words where ${withWords} and ${since} and ${until}`,
    isFound: sql`is_hit is not null`,
  };
}

type Plan = { Plan: { 'Plan Rows': number } };

/** By the planner's statistics. A wrong guess costs time only. */
async function isFrequent(trx: Database, tsquery: string): Promise<boolean> {
  const plans = await sql<{ 'QUERY PLAN': Plan[] }>`
    explain (format json) select from formvault.words where words @@ ${tsquery}::tsquery`.execute(trx);
  const sizes = await sql<{ all: number }>`
    select reltuples::float8 as all from pg_class where oid = 'formvault.words'::regclass`.execute(trx);
  const matching = plans.rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
  return matching > FREQUENT * Math.max(1, sizes.rows[0]?.all ?? 0);
}

async function rank(trx: Database, { table, isFound }: Matching, visible: Visible, page: Page): Promise<Found> {
  const { rows } = await sql<Found>`
    with hits as materialized (${table}),
    ranked as materialized (
      select case_no, max(latest_ms) as latest_ms
      from formvault.parts left join hits using (part_no)
      where ${visibleParts(visible)}
      group by case_no having bool_or(${isFound})
    )
    select (select count(*) from ranked) as total, array(
      select case_no from ranked order by latest_ms desc, case_no
      limit ${page.size}::int8 offset ${page.number * page.size}::int8
    ) as cases`.execute(trx);
  return rows[0] ?? { total: 0, cases: [] };
}

/** The same as `isVisible`, for parts. Most are told apart by a number, without comparing ids. */
function visibleParts(visible: Visible): Sql {
  if (visible === 'everything') return sql`true`;
  const { instances, tenants } = visible;
  const inTenant = sql`(tenant is null or tenant = any(${tenants.map(storable)}::text[]))`;
  const ids = ('only' in instances ? instances.only : instances.allExcept).map(storable);
  const isNamed = sql`(
    instance_crc in (select unnest(${ids.map(instanceCrc)}::int4[])) and instance in (select unnest(${ids}::text[]))
  )`;
  return 'only' in instances
    ? sql`${inTenant} and ${isNamed} is true`
    : sql`${inTenant} and (instance is null or not ${isNamed})`;
}

type PartRow = {
  case_no: number;
  case_id: string;
  instance: string | null;
  tenant: string | null;
  submissions: number;
  latest_ms: number;
  title: string;
};

/** In the order of the cases. */
async function readHits(db: Database, cases: readonly number[], visible: Visible): Promise<CaseHit[]> {
  if (cases.length === 0) return [];
  const { rows } = await sql<PartRow>`
    select case_no, case_id, instance, tenant, submissions, latest_ms, newest.title
    from formvault.parts join formvault.cases using (case_no) cross join lateral (
      select coalesce(title, form_name) as title from formvault.submissions
      where submissions.part_no = parts.part_no order by submitted_at_ms desc, key desc, bucket limit 1
    ) as newest
    where case_no = any(${cases}::int[])
    order by latest_ms desc, part_no`.execute(db);
  const seen = rows.filter(({ instance, tenant }) =>
    isVisible(visible, { processInstanceId: instance, tenantId: tenant }),
  );
  const byCase = Map.groupBy(seen, ({ case_no }) => case_no);
  return cases.flatMap((caseNo) => hitOf(byCase.get(caseNo) ?? []));
}

/** What is left of a case, newest part first; nothing where it went away a moment ago. */
function hitOf(parts: readonly PartRow[]): CaseHit[] {
  const [newest] = parts;
  if (newest === undefined) return [];
  return [
    {
      caseId: newest.case_id,
      processInstanceIds: [...new Set(parts.flatMap(({ instance }) => instance ?? []))],
      submissions: parts.reduce((sum, { submissions }) => sum + submissions, 0),
      latestMs: newest.latest_ms,
      latestTitle: newest.title,
    },
  ];
}
