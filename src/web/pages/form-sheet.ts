import type { Service } from '../../cases/found-case.ts';
import type { StoredSubmission } from '../../cases/read-submission.ts';
import type { FormView } from '../../forms/form-view.ts';
import { casePath } from '../case-path.ts';
import { type FormPart, formParts } from '../form-parts.ts';
import type { RunningHeader } from '../running-header.ts';
import { writeTime } from '../written-out.ts';
import { type Fact, titleOf } from './case.ts';

/** One form as it stands on a page, alone or among the forms of its case. */
export type FormSheet = {
  /** Counted from 1; also the anchor and the page of paper. */
  number: number;
  title: string;
  facts: Fact[];
  /** Why labels are what they are, if not those of the form. */
  note: string | null;
  parts: FormPart[];
  fileHref(key: string): string;
  /** Instead of the parts: why they are not there. */
  problem: string | null;
};

export type SheetPlace = {
  caseId: string;
  number: number;
  /** Of its headings. */
  level: number;
  bucket?: string;
};

export function formSheet(
  { submission }: StoredSubmission,
  { view, away }: { view: FormView; away: readonly Service[] },
  { caseId, number, level, bucket }: SheetPlace,
): FormSheet {
  const title = view.title.trim() === '' ? titleOf({ title: submission.title, name: submission.formName }) : view.title;
  return {
    number,
    title,
    facts: [
      { label: 'Case', value: caseId },
      { label: 'Form', value: submission.formName === title ? title : `${title} (${submission.formName})` },
      { label: 'Submitted by', value: submission.submittedBy },
      { label: 'Submitted', value: writeTime(submission.submittedAtMs) },
    ],
    note: view.labelledBy === 'definition' ? null : noteOf(away),
    parts: formParts(view.items, level),
    fileHref: (key) => casePath(caseId, { view: '/attachment', parameters: { key, bucket } }),
    problem: null,
  };
}

/** On each page of paper that the form fills. */
export function sheetHeader(caseId: string, { number, title, facts }: FormSheet): RunningHeader {
  const [, , who, when] = facts;
  return { page: number, texts: [`Case ${caseId}`, title, who?.value ?? '', when?.value ?? ''] };
}

function noteOf(away: readonly Service[]): string {
  const labels = 'The questions are shown by the names that their answers are kept under. The answers are complete.';
  if (away.includes('form-api'))
    return `The form API, which knows the wording of the questions, does not answer now. ${labels}`;
  if (away.includes('engine'))
    return `The process engine, which knows the wording of the questions, does not answer now. ${labels}`;
  return `The definition of this form could not be found. ${labels}`;
}
