/**
 * Finds cases: the database says in which of them there is a submission that matches, the catalog of parts who may see it and
 * how new it is.
 *
 * A frequent word is asked for the other way round: how many submissions of each case are without it? A case that has more of
 * them is found.
 *
 * A phrase is looked for in submissions that have all its words. To see whether they stand side by side, the words of a submission
 * must be read, which takes longer than everything else; where there are many, one of each case is mostly enough.
 */
import { sql } from 'kysely';
import type { Visible } from '../access/visible.ts';
import type { CaseHit, Page } from './case-index.ts';
import type { CaseQuery } from './parse-query.ts';
import type { Part, PartCatalog, View } from './part-catalog.ts';
import { renderOpposite, renderTsquery, renderWithoutPositions } from './render-tsquery.ts';
import { setLocally } from './set-locally.ts';
import type { Database } from './tables.ts';

/** Of all submissions; above it there are clearly fewer of those that do not match. */
const FREQUENT = 0.75;
/** So many to read that one of each case, and the others where that one is none, takes less time. */
const OFTEN = 0.1;
const SAMPLE_SIZE = 50;

type Sql = ReturnType<typeof sql>;

export async function searchCases(
  db: Database,
  catalog: PartCatalog,
  query: CaseQuery,
  visible: Visible,
  page: Page,
): Promise<{ total: number; cases: CaseHit[] }> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      await catalog.refresh(trx);
      const view = catalog.viewOf(visible);
      const found = await findCases(trx, query, view);
      return { total: found.length, cases: await readHits(trx, pageOf(found, view.latestMs, page), view) };
    });
}

/** Newest first. Numbers by themselves are sorted far quicker than cases: only those of the page are. */
function pageOf(cases: readonly number[], latestMs: Float64Array, { number, size }: Page): number[] {
  const timeOf = (caseNo: number): number => latestMs[caseNo] ?? 0;
  const times = Float64Array.from(cases, timeOf).sort().reverse();
  const start = number * size;
  const [newestMs, oldestMs] = [times[start], times[Math.min(start + size, times.length) - 1]];
  if (newestMs === undefined || oldestMs === undefined) return [];
  const near = cases.filter((caseNo) => timeOf(caseNo) <= newestMs && timeOf(caseNo) >= oldestMs);
  near.sort((a, b) => timeOf(b) - timeOf(a) || a - b);
  const newer = times.indexOf(newestMs);
  return near.slice(start - newer, start - newer + size);
}

async function findCases(trx: Database, { terms, fromMs, toMs }: CaseQuery, view: View): Promise<number[]> {
  const tsquery = renderTsquery(terms);
  const times = [
    ...(fromMs === null ? [] : [sql`submitted_at_ms >= ${Math.ceil(fromMs)}::int8`]),
    ...(toMs === null ? [] : [sql`submitted_at_ms <= ${Math.floor(toMs)}::int8`]),
  ];
  const { cases, submissions } = view;
  const isSeen = (caseNo: number): boolean => (submissions[caseNo] ?? 0) > 0;
  if ((tsquery === null && times.length === 0) || cases.length === 0) return cases;
  await steerPlanner(trx, { byWords: tsquery !== null });
  if (tsquery !== null) {
    const phrases = renderWithoutPositions(terms);
    const sample = await takeSample(trx, tsquery, phrases);
    if (phrases !== null && sample.toRead > OFTEN) {
      return (await findByPhrase(trx, { ...phrases, exactly: tsquery }, [...times, isIn(view)])).filter(isSeen);
    }
    if (times.length === 0 && sample.matching > FREQUENT) {
      const matching = submissions.slice();
      for (const { caseNo, count } of await countByCase(trx, [hasWords(renderOpposite(tsquery)), isIn(view)])) {
        matching[caseNo] = (matching[caseNo] ?? 0) - count;
      }
      return cases.filter((caseNo) => (matching[caseNo] ?? 0) > 0);
    }
  }
  const words = tsquery === null ? [] : [hasWords(tsquery)];
  return (await findMatching(trx, [...words, ...times, isIn(view)])).filter(isSeen);
}

/** The planner does not know that comparing words costs far more than reading a row, nor that it need not be done. */
async function steerPlanner(trx: Database, { byWords }: { byWords: boolean }): Promise<void> {
  await setLocally(trx, {
    jit: 'off',
    max_parallel_workers_per_gather: '0',
    work_mem: '32MB',
    ...(byWords ? { enable_seqscan: 'off' } : {}),
  });
}

function hasWords(tsquery: string): Sql {
  return sql`words @@ ${tsquery}::tsquery`;
}

/** By whichever are fewer. */
function isIn({ seen, hidden }: View): Sql {
  const list = (parts: number[]): Sql => sql`(select unnest(${`{${parts.join(',')}}`}::int[]))`;
  if (hidden.length === 0) return sql`true`;
  return hidden.length < seen.length ? sql`part_no not in ${list(hidden)}` : sql`part_no in ${list(seen)}`;
}

/** Shares of all submissions; a wrong guess costs time only. `toRead`: which positions must be read of, to know. */
async function takeSample(
  trx: Database,
  tsquery: string,
  phrases: { surely: string | null; perhaps: string } | null,
): Promise<{ matching: number; toRead: number }> {
  const isToRead =
    phrases === null
      ? sql`false`
      : sql.join(
          [hasWords(phrases.perhaps), ...(phrases.surely === null ? [] : [sql`not ${hasWords(phrases.surely)}`])],
          sql` and `,
        );
  const { rows } = await sql<{ matching: number; to_read: number; all: number }>`
    select count(*) filter (where ${hasWords(tsquery)}) as matching, count(*) filter (where ${isToRead}) as to_read,
      count(*) as all
    from formvault.words where number = any(array(
      select ceil(random() * last.number)::int
      from (select max(number) as number from formvault.words) as last, generate_series(1, ${SAMPLE_SIZE}::int)
    ))`.execute(trx);
  const { matching = 0, to_read: toRead = 0, all = 0 } = rows[0] ?? {};
  return { matching: matching / Math.max(1, all), toRead: toRead / Math.max(1, all) };
}

/** Reads the newest candidate of each case that is not found surely; then, where that one did not match, all of them. */
async function findByPhrase(
  trx: Database,
  { surely, perhaps, exactly }: { surely: string | null; perhaps: string; exactly: string },
  conditions: Sql[],
): Promise<number[]> {
  const where = (tsquery: string): Sql => sql.join([hasWords(tsquery), ...conditions], sql` and `);
  const matching = sql`cross join lateral (
    select from formvault.words where words.number = candidate.number and ${hasWords(exactly)} offset 0
  ) as matching`;
  const { rows } = await sql<{ cases: string | null }>`
    with sure as materialized (
      select distinct case_no from formvault.words where ${surely === null ? sql`false` : where(surely)}
    ), candidates as materialized (
      select case_no, number from formvault.words where ${where(perhaps)} and case_no not in (select case_no from sure)
    ), newest as materialized (
      select case_no from (select case_no, max(number) as number from candidates group by case_no) as candidate ${matching}
    )
    select string_agg(case_no::text, ',') as cases from (
      select case_no from sure
      union all
      select case_no from newest
      union all
      select distinct case_no from candidates as candidate ${matching} where case_no not in (select case_no from newest)
    ) as found`.execute(trx);
  return numbersOf(rows[0]?.cases);
}

/** As one long text, which is read far quicker than ten thousand rows. */
async function findMatching(trx: Database, conditions: Sql[]): Promise<number[]> {
  const { rows } = await sql<{ cases: string | null }>`
    select string_agg(case_no::text, ',') as cases from (
      select distinct case_no from formvault.words where ${sql.join(conditions, sql` and `)}
    ) as matching`.execute(trx);
  return numbersOf(rows[0]?.cases);
}

/** How many submissions of each case fulfil all conditions. */
async function countByCase(trx: Database, conditions: Sql[]): Promise<{ caseNo: number; count: number }[]> {
  const { rows } = await sql<{ cases: string | null; counts: string | null }>`
    select string_agg(case_no::text, ',') as cases, string_agg(count::text, ',') as counts from (
      select case_no, count(*) as count from formvault.words
      where ${sql.join(conditions, sql` and `)} group by case_no
    ) as by_case`.execute(trx);
  const counts = numbersOf(rows[0]?.counts);
  return numbersOf(rows[0]?.cases).map((caseNo, index) => ({ caseNo, count: counts[index] ?? 0 }));
}

function numbersOf(text: string | null | undefined): number[] {
  return JSON.parse(`[${text ?? ''}]`) as number[];
}

type PartRow = Part & { case_id: string; title: string };

/** In the order of the cases. */
async function readHits(trx: Database, cases: readonly number[], { hidden }: View): Promise<CaseHit[]> {
  if (cases.length === 0) return [];
  const { rows } = await sql<PartRow>`
    select part_no, case_no, case_id, instance, tenant, p.submissions, p.latest_ms, newest.title
    from formvault.parts p join formvault.cases using (case_no) cross join lateral (
      select coalesce(title, form_name) as title from formvault.submissions s
      where s.part_no = p.part_no order by submitted_at_ms desc, key desc, bucket limit 1
    ) as newest
    where case_no = any(${cases}::int[]) and p.submissions > 0
    order by p.latest_ms desc, part_no`.execute(trx);
  const seen = rows.filter(({ part_no }) => !hidden.includes(part_no));
  const byCase = Map.groupBy(seen, ({ case_no }) => case_no);
  return cases.flatMap((caseNo) => hitOf(byCase.get(caseNo) ?? []));
}

/** Newest part first. */
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
