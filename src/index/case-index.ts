/**
 * The index of what the vault holds, to find cases by.
 *
 * It knows nothing that the vault does not: it can be thrown away and built again. Everything that reads it says for whom, and
 * what that person may not see does not exist for them.
 */
import type { Visible } from '../access/visible.ts';
import type { CaseQuery } from './parse-query.ts';

/** A submission as the index knows it: where it lies, and what its metadata say. */
export type IndexedSubmission = {
  bucket: string;
  key: string;
  /** Business key, else the root instance's id. */
  caseId: string;
  tenantId: string | null;
  processInstanceId: string | null;
  processDefinitionId: string | null;
  formName: string;
  title: string | null;
  formId: string | null;
  formVersionId: string | null;
  submittedBy: string;
  /** As it is in the metadata. */
  submissionDate: string | null;
  /** When, in ms since 1970: the submission date, else the time in the key. */
  submittedAtMs: number;
  taskId: string | null;
  activityId: string | null;
  /** `null` for an object of the seeds' system. */
  digest: string | null;
  source: string | null;
  /** Of the body. */
  bytes: number;
};

/** With what it can be found by. */
export type IndexEntry = IndexedSubmission & {
  /** Text of a tsvector, as `words.ts` makes it. */
  words: string;
  /** Of longer words that stand side by side in longer texts, eight hexadecimal digits for each two. */
  pairs: string;
};

export type CaseHit = {
  caseId: string;
  /** Those of the submissions that the person may see. */
  processInstanceIds: string[];
  submissions: number;
  latestMs: number;
  /** Of the newest submission. */
  latestTitle: string;
};

export type Page = { number: number; size: number };

export type ReindexRun = {
  /** Those of some keys that this run has indexed already, before it was interrupted. */
  findDone(bucket: string, keys: readonly string[]): Promise<ReadonlySet<string>>;
  put(entries: readonly IndexEntry[]): Promise<void>;
  /** Leaves in what the index has of some keys, though this run could not put it anew. */
  retain(bucket: string, keys: readonly string[]): Promise<void>;
  /** Takes out what was not found in the buckets of this run, and ends it. */
  finish(buckets: readonly string[]): Promise<{ removed: number }>;
};

export interface CaseIndex {
  /** Adds or replaces; may be repeated. */
  put(entries: readonly IndexEntry[]): Promise<void>;
  /** Newest case first. */
  searchCases(query: CaseQuery, visible: Visible, page: Page): Promise<{ total: number; cases: CaseHit[] }>;
  /** Newest first; empty where there is no such case. */
  findSubmissions(caseId: string, visible: Visible): Promise<IndexedSubmission[]>;
  /** Of this very case. The same key can be there in two buckets: the newer one, unless the bucket is named. */
  findSubmission(
    place: { caseId: string; key: string; bucket?: string },
    visible: Visible,
  ): Promise<IndexedSubmission | null>;
  /** Those of some keys that are in the index. */
  findKnown(bucket: string, keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** A new run, or the one that was interrupted. */
  beginReindex(): Promise<ReindexRun>;
  /** Every row, in the order of bucket and key; for tests and comparisons. */
  rows(): AsyncIterable<IndexEntry>;
  countSubmissions(): Promise<number>;
  close(): Promise<void>;
}
