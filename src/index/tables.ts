/** The tables of the index, all in the schema `formvault`. */
import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from 'kysely';

export const SCHEMA = 'formvault';

type Milliseconds = number;
/** Text of a tsvector; read only where it is asked for. */
type Words = ColumnType<string, string, string>;

export type IndexTables = {
  'formvault.cases': { case_no: GeneratedAlways<number>; case_id: string };
  /**
   * The submissions of one case that are seen by the same people: those of one process instance and tenant. A part that has
   * become empty stays, so that those who have read it before notice.
   */
  'formvault.parts': {
    part_no: GeneratedAlways<number>;
    case_no: number;
    instance: string | null;
    tenant: string | null;
    submissions: Generated<number>;
    latest_ms: Generated<Milliseconds>;
    /** The transaction that changed it last. */
    changed_in: Generated<string>;
  };
  'formvault.submissions': {
    number: GeneratedAlways<number>;
    bucket: string;
    key: string;
    part_no: number;
    process_definition_id: string | null;
    form_name: string;
    title: string | null;
    form_id: string | null;
    form_version_id: string | null;
    submitted_by: string;
    submission_date: string | null;
    submitted_at_ms: Milliseconds;
    task_id: string | null;
    activity_id: string | null;
    digest: string | null;
    source: string | null;
    bytes: number;
    /** Numbers of 32 bits, one after the other; read only where a phrase is looked for. */
    pairs: ColumnType<Buffer, Buffer, Buffer>;
  };
  /** What is read for every submission that a query finds, and therefore narrow: the words themselves stand aside. */
  'formvault.words': {
    number: number;
    part_no: number;
    submitted_at_ms: Milliseconds;
    words: Words;
  };
  /** What the open run has indexed, and what was put during it. */
  'formvault.reindexed': { number: number };
  'formvault.reindex': {
    /** Counts the runs. */
    run: number;
    is_open: boolean;
    /** `WORDS_VERSION` of the open run, and of the last one that was finished. */
    words_version: number | null;
    finished_version: number | null;
  };
};

export type Database = Kysely<IndexTables> | Transaction<IndexTables>;
