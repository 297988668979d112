/**
 * Building the index again while it is used.
 *
 * What the run has found is marked in the database, so that another process can go on after a crash. What is put meanwhile is
 * marked too, and in the end what could not be put anew. What has no mark then is not in the vault: it goes.
 */
import { sql } from 'kysely';
import type { ReindexRun } from './case-index.ts';
import type { IndexDatabase } from './index-database.ts';
import { attempt } from './index-failures.ts';
import { countParts, putEntries, storable } from './put-entries.ts';
import type { Database } from './tables.ts';
import { WORDS_VERSION } from './words.ts';

/** Whether the index was built from the vault, by these rules, at least once. */
export async function wasBuilt(db: Database): Promise<boolean> {
  const { rows } = await sql<{ version: number | null }>`
    select finished_version as version from formvault.reindex`.execute(db);
  return rows[0]?.version === WORDS_VERSION;
}

/** A new run, or the one that was interrupted, unless that one went by other rules. */
export async function beginReindex({ db, patientDb }: IndexDatabase): Promise<ReindexRun> {
  const run = await db.transaction().execute(openRun);
  return {
    findDone: (bucket, keys) => attempt('could not read the index', () => findDone(db, bucket, keys)),
    put: (entries) => attempt('could not write to the index', () => putEntries(db, entries, 'later')),
    retain: (bucket, keys) => attempt('could not write to the index', () => markRows(db, run, bucket, keys)),
    finish: (buckets) =>
      attempt('could not end the building of the index', async () => {
        const removed = await patientDb.transaction().execute((trx) => finishRun(trx, run, buckets));
        await tidyUp(patientDb);
        return { removed };
      }),
  };
}

async function openRun(trx: Database): Promise<number> {
  const { rows } = await sql<{ run: number; is_open: boolean; words_version: number | null }>`
    select run, is_open, words_version from formvault.reindex for update`.execute(trx);
  const { run = 0, is_open: isOpen = false, words_version: version = null } = rows[0] ?? {};
  if (isOpen && version === WORDS_VERSION) return run;
  await sql`truncate formvault.reindexed`.execute(trx);
  await sql`update formvault.reindex set run = ${run + 1}, is_open = true, words_version = ${WORDS_VERSION}`.execute(
    trx,
  );
  return run + 1;
}

async function findDone(db: Database, bucket: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ key: string }>`
    select key from formvault.submissions join formvault.reindexed using (number)
    where bucket = ${storable(bucket)} and key = any(${keys.map(storable)}::text[])`.execute(db);
  return new Set(rows.map(({ key }) => key));
}

/** Of a run that another process has ended, none: the marks of the next one are its own. */
async function markRows(db: Database, run: number, bucket: string, keys: readonly string[]): Promise<void> {
  await sql`
    insert into formvault.reindexed (number)
    select number from formvault.submissions
    where bucket = ${storable(bucket)} and key = any(${keys.map(storable)}::text[])
      and exists (select from formvault.reindex where run = ${run} and is_open)
    on conflict do nothing`.execute(db);
}

/** No put is under way meanwhile: each of them begins with writing to `cases`. */
async function finishRun(trx: Database, run: number, buckets: readonly string[]): Promise<number> {
  await sql`lock table formvault.cases in share row exclusive mode`.execute(trx);
  const { rows } = await sql`select from formvault.reindex where run = ${run} and is_open for update`.execute(trx);
  if (rows.length === 0) return 0; // another process has ended it
  const { rows: gone } = await sql<{ part_no: number }>`
    with gone as (
      delete from formvault.submissions
      where bucket = any(${buckets.map(storable)}::text[])
        and not exists (select from formvault.reindexed where reindexed.number = submissions.number)
      returning number, part_no
    ), without_words as (
      delete from formvault.words where number in (select number from gone)
    )
    select part_no from gone`.execute(trx);
  await countParts(trx, [...new Set(gone.map(({ part_no }) => part_no))]);
  await sql`truncate formvault.reindexed`.execute(trx);
  await sql`update formvault.reindex set is_open = false, finished_version = ${WORDS_VERSION}`.execute(trx);
  return gone.length;
}

/** Sorts what was added into the index of the words, and counts them for the planner. */
export async function tidyUp(db: Database): Promise<void> {
  for (const table of ['words', 'submissions', 'parts', 'cases', 'reindexed']) {
    await sql`vacuum (analyze) formvault.${sql.raw(table)}`.execute(db);
  }
}
