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
import { renderPhrases, renderTsquery, type WordsQuery } from './render-tsquery.ts';
import { setLocally } from './set-locally.ts';
import type { Database } from './tables.ts';

/** Of all submissions; above it, it takes less time to find those that do not match, although the index goes through all for it. */
const FREQUENT = 0.65;
const SAMPLE_SIZE = 25;
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
      const start = page.number * page.size;
      return { total: found.length, cases: await readHits(trx, found.slice(start, start + page.size), view) };
    });
}

/** Newest first. */
async function findCases(trx: Database, { terms, fromMs, toMs }: CaseQuery, view: View): Promise<number[]> {
  const asked = renderTsquery(terms);
  const times = [
    ...(fromMs === null ? [] : [sql`submitted_at_ms >= ${Math.ceil(fromMs)}::int8`]),
    ...(toMs === null ? [] : [sql`submitted_at_ms <= ${Math.floor(toMs)}::int8`]),
  ];
  if ((asked === null && times.length === 0) || view.cases.length === 0) return view.cases;
  await steerPlanner(trx, { byWords: asked !== null });
  const isFound = new Uint8Array(view.submissions.length);
  const phrases = renderPhrases(terms);
  if (asked === null)
    markCases(isFound, await readList(trx, 'part_no', 'words', times, { isLong: view.all > MOST_ROWS }), view);
  else if (phrases === null) await markByWords(isFound, trx, asked, times, view);
  else {
    if (phrases.surely !== null) await markByWords(isFound, trx, phrases.surely, times, view);
    await markByPhrases(isFound, trx, { ...phrases, exactly: asked.matching }, times, view);
  }
  return view.cases.filter((caseNo) => isFound[caseNo] === 1);
}

async function markByWords(
  isFound: Uint8Array,
  trx: Database,
  { matching, others, onlyExcludes }: WordsQuery,
  times: Sql[],
  view: View,
): Promise<void> {
  const { cases, submissions, caseOf } = view;
  const share = await estimateShare(trx, matching);
  if (times.length > 0 || share <= (onlyExcludes ? 1 - FREQUENT : FREQUENT)) {
    const isLong = share * view.all > MOST_ROWS;
    const parts = await readList(trx, 'part_no', 'words', [hasWords(matching), ...times], { isLong });
    return markCases(isFound, parts, view);
  }
  const left = submissions.slice();
  for (const part of await readList(trx, 'part_no', 'words', [hasWords(others)])) {
    const caseNo = caseOf[part] ?? 0;
    left[caseNo] = (left[caseNo] ?? 0) - 1;
  }
  for (const caseNo of cases) if ((left[caseNo] ?? 0) > 0) isFound[caseNo] = 1;
}

/** What is hidden has the number of no case. */
function markCases(isFound: Uint8Array, parts: Int32Array, { caseOf }: View): void {
  for (const part of parts) isFound[caseOf[part] ?? 0] = 1;
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
async function markByPhrases(
  isFound: Uint8Array,
  trx: Database,
  phrases: Phrases & { exactly: string },
  times: Sql[],
  view: View,
): Promise<void> {
  const { numbers, parts } = await findCandidates(trx, [hasWords(phrases.perhaps), ...times]);
  const cases = parts.map((part) => view.caseOf[part] ?? 0);
  const isOpen = (caseNo: number): boolean => caseNo > 0 && isFound[caseNo] === 0;
  const newestOf = new Int32Array(isFound.length);
  numbers.forEach((number, index) => {
    const caseNo = cases[index] ?? 0;
    if (isOpen(caseNo) && number > (newestOf[caseNo] ?? 0)) newestOf[caseNo] = number;
  });
  const newest = newestOf.filter((number) => number > 0);
  markCases(isFound, await partsWithPhrases(trx, newest, phrases), view);
  const others = numbers.filter((number, index) => {
    const caseNo = cases[index] ?? 0;
    return isOpen(caseNo) && newestOf[caseNo] !== number;
  });
  markCases(isFound, await partsWithPhrases(trx, others, phrases), view);
}

/** Of those candidates in which the phrases really are. */
async function partsWithPhrases(
  trx: Database,
  candidates: Int32Array,
  { pairs, doPairsTellAll, exactly }: Phrases & { exactly: string },
): Promise<Int32Array> {
  if (candidates.length === 0) return candidates;
  const hasPairs = pairs.map((hex) => sql`position(decode(${hex}, 'hex') in pairs) > 0`);
  const havingPairs = [isAmong(candidates), ...hasPairs];
  if (doPairsTellAll) return readList(trx, 'part_no', 'submissions', havingPairs);
  const left = pairs.length === 0 ? candidates : await readList(trx, 'number', 'submissions', havingPairs);
  return readList(trx, 'part_no', 'words', [isAmong(left), hasWords(exactly)]);
}

/** In a query of its own, so that the planner does not think about each of them. */
function isAmong(numbers: Int32Array): Sql {
  return sql`number = any((select ${`{${numbers.join(',')}}`}::int[])::int[])`;
}

type Column = 'number' | 'part_no';

/** Of each submission that fulfils all conditions; what is long names nothing twice. */
async function readList(
  trx: Database,
  column: Column,
  table: 'words' | 'submissions',
  conditions: Sql[],
  { isLong = false } = {},
): Promise<Int32Array> {
  const once = isLong ? sql`distinct` : sql``;
  const { rows } = await sql<{ list: string | null }>`
    select ${packed(column)} as list from (
      select ${once} ${sql.ref(column)} from ${sql.table(`formvault.${table}`)} where ${sql.join(conditions, sql` and `)}
    ) as matching`.execute(trx);
  return unpack(rows[0]?.list);
}

async function findCandidates(trx: Database, conditions: Sql[]): Promise<{ numbers: Int32Array; parts: Int32Array }> {
  const { rows } = await sql<{ numbers: string | null; parts: string | null }>`
    select ${packed('number')} as numbers, ${packed('part_no')} as parts
    from formvault.words where ${sql.join(conditions, sql` and `)}`.execute(trx);
  return { numbers: unpack(rows[0]?.numbers), parts: unpack(rows[0]?.parts) };
}

/** All values of a column as one text, four bytes for each: it is made and read far quicker than as many rows. */
function packed(column: Column): Sql {
  return sql`encode(string_agg(int4send(${sql.ref(column)}), ''::bytea), 'base64')`;
}

function unpack(text: string | null | undefined): Int32Array {
  const bytes = Buffer.from(text ?? '', 'base64');
  const numbers = new Int32Array(bytes.length / 4);
  for (let index = 0; index < numbers.length; index++) numbers[index] = bytes.readInt32BE(index * 4);
  return numbers;
}

/** In the order of the cases. */
async function readHits(trx: Database, cases: readonly number[], view: View): Promise<CaseHit[]> {
  if (cases.length === 0) return [];
  const parts = view.partsOf(cases);
  const newest = cases.map((caseNo) => parts.get(caseNo)?.[0]?.part_no ?? 0);
  const { rows } = await sql<Named>`
    select case_no, case_id, (
      select coalesce(title, form_name) from formvault.submissions s
      where s.part_no = p.part_no order by submitted_at_ms desc, key desc, bucket limit 1
    ) as title
    from formvault.parts p join formvault.cases using (case_no)
    where part_no = any(${newest}::int[])`.execute(trx);
  const byCase = new Map(rows.map((row) => [row.case_no, row]));
  return cases.flatMap((caseNo) => hitOf(byCase.get(caseNo), parts.get(caseNo) ?? []));
}

/** A case, with the title of its newest submission. */
type Named = { case_no: number; case_id: string; title: string };

/** Newest part first. */
function hitOf(named: Named | undefined, parts: readonly Part[]): CaseHit[] {
  const [newest] = parts;
  if (named === undefined || newest === undefined) return [];
  return [
    {
      caseId: named.case_id,
      processInstanceIds: [...new Set(parts.flatMap(({ instance }) => instance ?? []))],
      submissions: parts.reduce((sum, { submissions }) => sum + submissions, 0),
      latestMs: newest.latest_ms,
      latestTitle: named.title,
    },
  ];
}
