/**
 * Finds cases: the database says in which parts there is a submission that matches, the catalog of parts which case that is, who
 * may see it and how new it is.
 *
 * A very frequent word is asked for the other way round: which submissions are without it? A case that has more is found.
 *
 * A phrase is looked for in submissions that have all its words. To see whether they stand side by side, something of a
 * submission must be read, which takes longer than everything else; one of each case is mostly enough.
 */
import { sql } from 'kysely';
import type { Visible } from '../access/visible.ts';
import type { CaseHit, Page } from './case-index.ts';
import type { CaseQuery } from './parse-query.ts';
import type { Part, PartCatalog, View } from './part-catalog.ts';
import { renderOpposite, renderPhrases, renderTsquery } from './render-tsquery.ts';
import { setLocally } from './set-locally.ts';
import type { Database } from './tables.ts';

/** Of all submissions; above it there are clearly fewer of those that do not match. */
const FREQUENT = 0.85;
const SAMPLE_SIZE = 50;
/** So many rows are read in less time than the database needs to tell what is in them twice; with more, memory counts. */
const MOST_ROWS = 300_000;

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
  if ((tsquery === null && times.length === 0) || view.cases.length === 0) return view.cases;
  await steerPlanner(trx, { byWords: tsquery !== null });
  if (tsquery === null) return casesOf(await findParts(trx, times, { isLong: view.all > MOST_ROWS }), view);
  const phrases = renderPhrases(terms);
  if (phrases === null) return findByWords(trx, tsquery, times, view);
  const sure = phrases.surely === null ? [] : await findByWords(trx, phrases.surely, times, view);
  const others = await findByPhrases(trx, { ...phrases, exactly: tsquery }, times, { view, found: new Set(sure) });
  return [...sure, ...others];
}

async function findByWords(trx: Database, tsquery: string, times: Sql[], view: View): Promise<number[]> {
  const { cases, submissions, caseOf } = view;
  const share = await estimateShare(trx, tsquery);
  if (times.length > 0 || share <= FREQUENT) {
    const isLong = share * view.all > MOST_ROWS;
    return casesOf(await findParts(trx, [hasWords(tsquery), ...times], { isLong }), view);
  }
  const matching = submissions.slice();
  for (const part of await findParts(trx, [hasWords(renderOpposite(tsquery))], { isLong: false })) {
    const caseNo = caseOf[part] ?? 0;
    matching[caseNo] = (matching[caseNo] ?? 0) - 1;
  }
  return cases.filter((caseNo) => (matching[caseNo] ?? 0) > 0);
}

/** Each once; of the parts only those that are seen. */
function casesOf(parts: readonly number[], { caseOf, submissions }: View): number[] {
  const isFound = new Uint8Array(submissions.length);
  const found: number[] = [];
  for (const part of parts) {
    const caseNo = caseOf[part] ?? 0;
    if (caseNo === 0 || isFound[caseNo] === 1) continue;
    isFound[caseNo] = 1;
    found.push(caseNo);
  }
  return found;
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

/** Of all submissions; a wrong guess costs time only. */
async function estimateShare(trx: Database, tsquery: string): Promise<number> {
  const { rows } = await sql<{ matching: number; all: number }>`
    select count(*) filter (where ${hasWords(tsquery)}) as matching, count(*) as all
    from formvault.words where number = any(array(
      select ceil(random() * last.number)::int
      from (select max(number) as number from formvault.words) as last, generate_series(1, ${SAMPLE_SIZE}::int)
    ))`.execute(trx);
  const { matching = 0, all = 0 } = rows[0] ?? {};
  return matching / Math.max(1, all);
}

type Phrases = NonNullable<ReturnType<typeof renderPhrases>>;

/** Looks at the newest candidate of each case that was not found yet; then, where that one does not match, at all others. */
async function findByPhrases(
  trx: Database,
  phrases: Phrases & { exactly: string },
  times: Sql[],
  { view, found }: { view: View; found: ReadonlySet<number> },
): Promise<number[]> {
  const caseOf = new Map<number, number>();
  const newest = new Map<number, number>();
  for (const { number, part } of await findCandidates(trx, [hasWords(phrases.perhaps), ...times])) {
    const caseNo = view.caseOf[part] ?? 0;
    if (caseNo === 0 || found.has(caseNo)) continue;
    caseOf.set(number, caseNo);
    newest.set(caseNo, Math.max(newest.get(caseNo) ?? 0, number));
  }
  const casesAmong = async (numbers: number[]): Promise<Set<number>> => {
    const matching = await matchingAmong(trx, numbers, phrases);
    return new Set(matching.map((number) => caseOf.get(number) ?? 0));
  };
  const byNewest = await casesAmong([...newest.values()]);
  const others = [...caseOf].filter(([number, caseNo]) => !byNewest.has(caseNo) && newest.get(caseNo) !== number);
  return [...byNewest, ...(await casesAmong(others.map(([number]) => number)))];
}

async function findCandidates(trx: Database, conditions: Sql[]): Promise<{ number: number; part: number }[]> {
  const { rows } = await sql<{ numbers: string | null; parts: string | null }>`
    select string_agg(number::text, ',') as numbers, string_agg(part_no::text, ',') as parts
    from formvault.words where ${sql.join(conditions, sql` and `)}`.execute(trx);
  const parts = numbersOf(rows[0]?.parts);
  return numbersOf(rows[0]?.numbers).map((number, index) => ({ number, part: parts[index] ?? 0 }));
}

/** Those candidates in which the phrases really are. */
async function matchingAmong(
  trx: Database,
  candidates: readonly number[],
  { pairs, doPairsTellAll, exactly }: Phrases & { exactly: string },
): Promise<readonly number[]> {
  let left = candidates;
  const hasPairs = pairs.map((hex) => sql`position(decode(${hex}, 'hex') in pairs) > 0`);
  if (pairs.length > 0) left = await numbersAmong(trx, 'submissions', left, hasPairs);
  if (!doPairsTellAll) left = await numbersAmong(trx, 'words', left, [hasWords(exactly)]);
  return left;
}

async function numbersAmong(
  trx: Database,
  table: 'submissions' | 'words',
  numbers: readonly number[],
  conditions: readonly Sql[],
): Promise<number[]> {
  if (numbers.length === 0) return [];
  // In a query of its own, so that the planner does not think about each of them.
  const isAmong = sql`number = any((select ${`{${numbers.join(',')}}`}::int[])::int[])`;
  const { rows } = await sql<{ numbers: string | null }>`
    select string_agg(number::text, ',') as numbers
    from ${sql.table(`formvault.${table}`)} where ${sql.join([isAmong, ...conditions], sql` and `)}`.execute(trx);
  return numbersOf(rows[0]?.numbers);
}

/**
 * The part of each submission that fulfils all conditions; a long list is of each part once. As one text, which is read far
 * quicker than as many rows.
 */
async function findParts(trx: Database, conditions: Sql[], { isLong }: { isLong: boolean }): Promise<number[]> {
  const distinct = isLong ? sql`distinct` : sql``;
  const { rows } = await sql<{ parts: string | null }>`
    select string_agg(part_no::text, ',') as parts from (
      select ${distinct} part_no from formvault.words where ${sql.join(conditions, sql` and `)}
    ) as matching`.execute(trx);
  return numbersOf(rows[0]?.parts);
}

function numbersOf(text: string | null | undefined): number[] {
  return JSON.parse(`[${text ?? ''}]`) as number[];
}

type PartRow = Part & { case_id: string; title: string };

/** In the order of the cases. */
async function readHits(trx: Database, cases: readonly number[], { caseOf }: View): Promise<CaseHit[]> {
  if (cases.length === 0) return [];
  const { rows } = await sql<PartRow>`
    select part_no, case_no, case_id, instance, tenant, p.submissions, p.latest_ms, newest.title
    from formvault.parts p join formvault.cases using (case_no) cross join lateral (
      select coalesce(title, form_name) as title from formvault.submissions s
      where s.part_no = p.part_no order by submitted_at_ms desc, key desc, bucket limit 1
    ) as newest
    where case_no = any(${cases}::int[]) and p.submissions > 0
    order by p.latest_ms desc, part_no`.execute(trx);
  const seen = rows.filter(({ part_no }) => (caseOf[part_no] ?? 0) > 0);
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
