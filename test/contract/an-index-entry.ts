import type { IndexEntry } from '../../src/index/case-index.ts';
import { renderWords } from '../../src/index/words.ts';

export const BUCKET = 'dev-cop-case';
export const OTHER_BUCKET = 'dev-visits';

export type GivenEntry = Partial<Omit<IndexEntry, 'words' | 'pairs'>> & { answers?: string[] };

let entries = 0;

/** An entry with a key that no other has. */
export function anEntry({ answers = [], ...given }: GivenEntry = {}): IndexEntry {
  const number = ++entries;
  const caseId = given.caseId ?? 'CASE-1';
  const fields = {
    bucket: BUCKET,
    key: `${caseId.replaceAll('\0', '')}/site-visit/anna-${number}.json`,
    caseId,
    tenantId: null,
    processInstanceId: 'p-1',
    processDefinitionId: 'visit:1:1',
    formName: 'site-visit',
    title: 'Site visit',
    formId: 'f-1',
    formVersionId: 'v-1',
    submittedBy: 'anna@example.com',
    submissionDate: '2026-11-21T08:53:06.968Z',
    submittedAtMs: Date.UTC(2026, 10, 21) + number,
    taskId: 't-1',
    activityId: 'describeSite',
    digest: 'c0ffee12'.repeat(8),
    source: `task/t-${number}`,
    bytes: 2_000,
    ...given,
  };
  const { formName, title, submittedBy } = fields;
  return { ...fields, ...renderWords({ caseId, formName, title, submittedBy, answers }) };
}
