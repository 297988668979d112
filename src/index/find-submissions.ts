/** Reads submissions by where they are, not by what is in them. */
import { type RawBuilder, sql } from 'kysely';
import { isVisible, type Visible } from '../access/visible.ts';
import type { IndexEntry, IndexedSubmission } from './case-index.ts';
import { storable } from './put-entries.ts';
import type { Database, IndexTables } from './tables.ts';

const PAGE_SIZE = 500;

type Row = Omit<IndexTables['formvault.submissions'], 'number' | 'part_no' | 'pairs'> & {
  case_id: string;
  instance: string | null;
  tenant: string | null;
};

const SUBMISSIONS = sql`formvault.submissions join formvault.parts using (part_no) join formvault.cases using (case_no)`;
const COLUMNS = sql.raw(
  `bucket, key, case_id, tenant, instance, process_definition_id, form_name, title, form_id, form_version_id, submitted_by,
  submission_date, submitted_at_ms, task_id, activity_id, digest, source, bytes`,
);

/** Newest first. */
export async function findSubmissions(db: Database, caseId: string, visible: Visible): Promise<IndexedSubmission[]> {
  return readVisible(db, sql`case_id = ${storable(caseId)}`, visible);
}

export async function findSubmission(
  db: Database,
  place: { caseId: string; key: string; bucket?: string },
  visible: Visible,
): Promise<IndexedSubmission | null> {
  const inBucket = place.bucket === undefined ? sql`true` : sql`bucket = ${storable(place.bucket)}`;
  const isPlace = sql`case_id = ${storable(place.caseId)} and key = ${storable(place.key)} and ${inBucket}`;
  const [newest] = await readVisible(db, isPlace, visible);
  return newest ?? null;
}

async function readVisible(db: Database, where: RawBuilder<unknown>, visible: Visible): Promise<IndexedSubmission[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from ${SUBMISSIONS} where ${where} order by submitted_at_ms desc, key desc, bucket`.execute(db);
  return rows.map(submissionOf).filter((submission) => isVisible(visible, submission));
}

export async function findKnown(db: Database, bucket: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ key: string }>`
    select key from formvault.submissions
    where bucket = ${storable(bucket)} and key = any(${keys.map(storable)}::text[])`.execute(db);
  return new Set(rows.map(({ key }) => key));
}

/** Page by page, so that no more than one is in memory. */
export async function* readRows(db: Database): AsyncGenerator<IndexEntry> {
  let last = { bucket: '', key: '' };
  for (;;) {
    const { rows } = await sql<Row & { words: string; pairs: string }>`
      select ${COLUMNS}, encode(pairs, 'hex') as pairs,
        (select words::text from formvault.words where words.number = submissions.number) as words
      from ${SUBMISSIONS}
      where (bucket, key) > (${last.bucket}, ${last.key})
      order by bucket, key limit ${PAGE_SIZE}`.execute(db);
    for (const row of rows) yield { ...submissionOf(row), words: row.words, pairs: row.pairs };
    last = rows.at(-1) ?? last;
    if (rows.length < PAGE_SIZE) return;
  }
}

export async function countSubmissions(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from formvault.submissions`.execute(db);
  return rows[0]?.count ?? 0;
}

function submissionOf(row: Row): IndexedSubmission {
  return {
    bucket: row.bucket,
    key: row.key,
    caseId: row.case_id,
    tenantId: row.tenant,
    processInstanceId: row.instance,
    processDefinitionId: row.process_definition_id,
    formName: row.form_name,
    title: row.title,
    formId: row.form_id,
    formVersionId: row.form_version_id,
    submittedBy: row.submitted_by,
    submissionDate: row.submission_date,
    submittedAtMs: row.submitted_at_ms,
    taskId: row.task_id,
    activityId: row.activity_id,
    digest: row.digest,
    source: row.source,
    bytes: row.bytes,
  };
}
