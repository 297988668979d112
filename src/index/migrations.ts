/** The schema, step by step. A step that was released is never changed: another one follows it. */
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { type IndexTables, SCHEMA } from './tables.ts';

const MIGRATIONS: Record<string, Migration> = {
  '0001-cases': { up: createTables },
  '0002-pending-words': { up: leavePendingLimitToWriters },
  '0003-pairs': { up: addPairs },
  '0004-case-of-words': { up: dropCaseOfWords },
};

/** Safe while others do the same. */
export async function migrate(db: Kysely<IndexTables>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => MIGRATIONS },
    migrationTableSchema: SCHEMA,
    allowUnorderedMigrations: false,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/**
 * Everything in `words` is laid out for reading all of its rows at once, which a frequent word makes necessary: each word list
 * is pushed out of the row. That happens only to rows above 2 KB, so that a filler, which itself is compressed to nearly
 * nothing, makes each of them that long. It has no other index: the planner would take that one.
 */
async function createTables(db: Kysely<unknown>): Promise<void> {
  const steps = [
    sql`create table formvault.cases (
      case_no integer generated always as identity primary key,
      case_id text collate "C" not null unique
    )`,
    sql`create table formvault.parts (
      part_no integer generated always as identity primary key,
      case_no integer not null,
      instance text collate "C",
      tenant text collate "C",
      submissions integer not null default 0,
      latest_ms bigint not null default 0,
      changed_in xid8 not null default pg_current_xact_id()
    )`,
    sql`create unique index parts_place on formvault.parts (case_no, coalesce(instance, ''), coalesce(tenant, ''))`,
    sql`create index parts_changed on formvault.parts (changed_in)`,
    sql`create table formvault.submissions (
      number integer generated always as identity primary key,
      bucket text collate "C" not null,
      key text collate "C" not null,
      part_no integer not null,
      process_definition_id text,
      form_name text not null,
      title text,
      form_id text,
      form_version_id text,
      submitted_by text not null,
      submission_date text,
      submitted_at_ms bigint not null,
      task_id text,
      activity_id text,
      digest text,
      source text,
      bytes bigint not null,
      unique (bucket, key)
    )`,
    sql`create index submissions_part on formvault.submissions (part_no, submitted_at_ms desc)`,
    sql`create table formvault.words (
      number integer primary key,
      case_no integer not null,
      part_no integer not null,
      submitted_at_ms bigint not null,
      words tsvector not null,
      filler text not null default repeat(' ', 2000)
    ) with (toast_tuple_target = 128)`,
    sql`alter table formvault.words alter column words set storage external`,
    sql`create index words_words on formvault.words using gin (words) with (gin_pending_list_limit = 4096)`,
    sql`create table formvault.reindexed (number integer primary key)`,
    sql`create table formvault.reindex (
      run integer not null,
      is_open boolean not null,
      words_version integer,
      finished_version integer
    )`,
    sql`insert into formvault.reindex (run, is_open) values (0, false)`,
  ];
  for (const step of steps) await step.execute(db);
}

/**
 * The list of what is still to be sorted into the GIN index is searched by every query; 4 MB of it, which are the default, take some
 * milliseconds. Whoever writes many entries sets another limit, which one of the index itself would win over.
 */
async function leavePendingLimitToWriters(db: Kysely<unknown>): Promise<void> {
  await sql`alter index formvault.words_words reset (gin_pending_list_limit)`.execute(db);
}

/** Not in `words`, whose rows must be narrow. Numbers like these cannot be compressed. */
async function addPairs(db: Kysely<unknown>): Promise<void> {
  await sql`alter table formvault.submissions add column pairs bytea not null default ''`.execute(db);
  await sql`alter table formvault.submissions alter column pairs set storage external`.execute(db);
}

/** The part tells the case. */
async function dropCaseOfWords(db: Kysely<unknown>): Promise<void> {
  await sql`alter table formvault.words drop column case_no`.execute(db);
}
