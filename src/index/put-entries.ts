/**
 * Writes entries: one transaction for some hundreds of them, in which the cases that they belong to are locked.
 *
 * The locks are what keeps the counts of a case's parts true while several processes write: they are taken in the order of the
 * case ids, before anything is counted. Writing the same entry again changes nothing, not even a row.
 */
import { type RawBuilder, sql } from 'kysely';
import type { IndexEntry } from './case-index.ts';
import { isConflict } from './index-failures.ts';
import { setLocally } from './set-locally.ts';
import type { Database, IndexTables } from './tables.ts';

const MAX_BATCH = 500;
const MAX_BATCH_LENGTH = 4 * 1024 * 1024;
const ATTEMPTS = 3;
/** https://www.postgresql.org/docs/current/gin.html#GIN-FAST-UPDATE; what is sorted in at once should fit into `work_mem`. */
const SORT_LATER = { gin_pending_list_limit: '32MB', work_mem: '64MB' };

/**
 * When new words are sorted into the index. Every search goes through those that are not; to sort many of them in at once is
 * quicker than some of them often.
 */
export type Sorting = 'soon' | 'later';

/** What is put while a reindex run is open counts as found by it. */
export async function putEntries(db: Database, entries: readonly IndexEntry[], sorting: Sorting): Promise<void> {
  for (const batch of batchesOf(entries)) await putAgainAfterConflict(db, batch, sorting);
}

/** Of several entries for one object the last one. */
function* batchesOf(entries: readonly IndexEntry[]): Generator<IndexEntry[]> {
  const byPlace = new Map(entries.map((entry) => [`${entry.bucket}/${entry.key}`, entry]));
  let batch: IndexEntry[] = [];
  let length = 0;
  for (const entry of byPlace.values()) {
    if (batch.length === MAX_BATCH || (batch.length > 0 && length + entry.words.length > MAX_BATCH_LENGTH)) {
      yield batch;
      batch = [];
      length = 0;
    }
    batch.push(entry);
    length += entry.words.length;
  }
  if (batch.length > 0) yield batch;
}

async function putAgainAfterConflict(db: Database, batch: IndexEntry[], sorting: Sorting): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(async (trx) => {
        if (sorting === 'later') await setLocally(trx, SORT_LATER);
        await putBatch(trx, batch);
      });
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error;
    }
  }
}

async function putBatch(trx: Database, batch: readonly IndexEntry[]): Promise<void> {
  const input = inputOf(batch);
  await sql`
    insert into formvault.cases (case_id)
    select distinct case_id from ${input.places} order by case_id
    on conflict do nothing`.execute(trx);
  const { rows: formerParts } = await sql<{ part_no: number }>`
    select part_no from formvault.submissions join ${input.places} using (bucket, key)`.execute(trx);
  const former = formerParts.map(({ part_no }) => part_no);
  await sql`
    select from formvault.cases
    where case_id in (select case_id from ${input.places})
      or case_no in (select case_no from formvault.parts where part_no = any(${former}::int[]))
    order by case_id for update`.execute(trx);
  await sql`
    insert into formvault.parts (case_no, instance, tenant)
    select distinct case_no, instance, tenant
    from ${input.places} join formvault.cases using (case_id)
    on conflict do nothing`.execute(trx);
  await upsertSubmissions(trx, input);
  const { rows: parts } = await sql<{ part_no: number }>`
    with placed as (
      select number, part_no, submitted_at_ms, words::tsvector as words
      from ${input.words} join formvault.submissions using (bucket, key)
    ), written as (
      insert into formvault.words as w (number, part_no, submitted_at_ms, words)
      select * from placed order by number
      on conflict (number) do update set
        (part_no, submitted_at_ms, words)
          = row(excluded.part_no, excluded.submitted_at_ms, excluded.words)
      where (w.part_no, w.submitted_at_ms, w.words)
        is distinct from (excluded.part_no, excluded.submitted_at_ms, excluded.words)
      returning part_no
    ), marked as (
      insert into formvault.reindexed (number)
      select number from placed where (select is_open from formvault.reindex)
      on conflict do nothing
    )
    select distinct part_no from written`.execute(trx);
  if (parts.length > 0) await countParts(trx, [...former, ...parts.map(({ part_no }) => part_no)]);
}

/** Columns of `submissions` and what of an entry stands in them. */
const COLUMNS = {
  process_definition_id: ['text', (entry) => entry.processDefinitionId],
  form_name: ['text', (entry) => entry.formName],
  title: ['text', (entry) => entry.title],
  form_id: ['text', (entry) => entry.formId],
  form_version_id: ['text', (entry) => entry.formVersionId],
  submitted_by: ['text', (entry) => entry.submittedBy],
  submission_date: ['text', (entry) => entry.submissionDate],
  submitted_at_ms: ['int8', (entry) => entry.submittedAtMs],
  task_id: ['text', (entry) => entry.taskId],
  activity_id: ['text', (entry) => entry.activityId],
  digest: ['text', (entry) => entry.digest],
  source: ['text', (entry) => entry.source],
  bytes: ['int8', (entry) => entry.bytes],
  pairs: ['text', (entry) => entry.pairs],
} as const satisfies Partial<
  Record<keyof IndexTables['formvault.submissions'], ['text' | 'int8', (entry: IndexEntry) => string | number | null]>
>;
/** What arrives as a text and is none. */
const DECODED: Record<string, string> = { pairs: "decode(pairs, 'hex')" };

type Input = ReturnType<typeof inputOf>;

/** The batch as tables. */
function inputOf(batch: readonly IndexEntry[]) {
  const array = (type: string, value: (entry: IndexEntry) => string | number | null): RawBuilder<unknown> =>
    sql`${batch.map((entry) => storable(value(entry)))}::${sql.raw(type)}[]`;
  const place = [array('text', ({ bucket }) => bucket), array('text', ({ key }) => key)];
  const parts = [
    array('text', ({ caseId }) => caseId),
    array('text', ({ processInstanceId }) => processInstanceId),
    array('text', ({ tenantId }) => tenantId),
  ];
  const columns = Object.values(COLUMNS).map(([type, value]) => array(type, value));
  const names = sql.raw(Object.keys(COLUMNS).join(', '));
  return {
    places: sql`unnest(${sql.join([...place, ...parts])})
      as place (bucket, key, case_id, instance, tenant)`,
    submissions: sql`unnest(${sql.join([...place, ...parts, ...columns])})
      as submission (bucket, key, case_id, instance, tenant, ${names})`,
    words: sql`unnest(${sql.join([...place, array('text', ({ words }) => words)])}) as found (bucket, key, words)`,
  };
}

async function upsertSubmissions(trx: Database, input: Input): Promise<void> {
  const names = ['part_no', ...Object.keys(COLUMNS)];
  const list = (prefix: string): RawBuilder<unknown> => sql.raw(names.map((name) => `${prefix}${name}`).join(', '));
  const given = sql.raw(names.map((name) => DECODED[name] ?? name).join(', '));
  await sql`
    insert into formvault.submissions as s (bucket, key, ${list('')})
    select bucket, key, ${given}
    from ${input.submissions}
      join formvault.cases using (case_id)
      join formvault.parts p on p.case_no = cases.case_no
        and coalesce(p.instance, '') = coalesce(submission.instance, '')
        and coalesce(p.tenant, '') = coalesce(submission.tenant, '')
    order by bucket, key
    on conflict (bucket, key) do update set (${list('')}) = row(${list('excluded.')})
    where (${list('s.')}) is distinct from (${list('excluded.')})`.execute(trx);
}

/** The sums of parts that something was added to or taken from, and whose cases are locked. */
export async function countParts(trx: Database, parts: readonly number[]): Promise<void> {
  await sql`
    update formvault.parts set (submissions, latest_ms, changed_in) = (
      select count(*), coalesce(max(submitted_at_ms), 0), pg_current_xact_id()
      from formvault.submissions s where s.part_no = parts.part_no
    ) where part_no = any(${parts}::int[])`.execute(trx);
}

/** The database takes no NUL, and half a surrogate pair only as what stands for it. */
export function storable<T extends string | number | null>(value: T): T {
  return typeof value === 'string' ? (value.replaceAll('\0', '\ufffd').toWellFormed() as T) : value;
}
