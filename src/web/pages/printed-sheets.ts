import { setImmediate } from 'node:timers/promises';
import type { CaseProcessInstance, FormReference } from '../../cases/found-case.ts';
import { countItems } from '../form-parts.ts';
import type { Look } from '../look.ts';
import { writeTime } from '../written-out.ts';
import { titleOf } from './case.ts';
import { type FormSheet, formSheet } from './form-sheet.ts';

export type NumberedForm = { number: number; instance: CaseProcessInstance; form: FormReference };

const READ_AT_ONCE = 4;
/** Two thousand in each form of a part. They are written at one go, in about two seconds, while everybody else waits. */
const MAX_ITEMS = 200_000;
const FORM_LEVEL = 3;

const NOT_READ = 'This form could not be read now, so it is missing in this print. Please print it again later.';
const NOT_THERE = 'This form is no longer there, or you may no longer see it.';
export const NO_ROOM =
  'The forms before this one fill this print, so it is missing here. Please print it from its own page.';

/**
 * A sheet for each of the forms, in their order.
 *
 * When they hold more than fits, the first that has no room and all behind it are not there: the same ones each time, and none of
 * them is read for nothing.
 */
export async function readSheets(caseId: string, forms: readonly NumberedForm[], look: Look): Promise<FormSheet[]> {
  const sheets: FormSheet[] = [];
  let items = 0;
  let isFull = false;
  for (let at = 0; at < forms.length; at += READ_AT_ONCE) {
    const some = forms.slice(at, at + READ_AT_ONCE);
    const read = isFull ? [] : await Promise.all(some.map((each) => readSheet(caseId, each, look)));
    for (const [index, each] of some.entries()) {
      const sheet = read[index];
      items += sheet === undefined ? 0 : countItems(sheet.parts);
      isFull ||= items > MAX_ITEMS && sheets.length > 0;
      sheets.push(isFull || sheet === undefined ? emptySheet(caseId, each, NO_ROOM) : sheet);
    }
  }
  return sheets;
}

/** One form that cannot be read keeps nobody from printing the others. */
async function readSheet(caseId: string, numbered: NumberedForm, look: Look): Promise<FormSheet> {
  const { number, form } = numbered;
  const { dataPath: key, bucket } = form;
  try {
    const stored = await look.services.readSubmission({ caseId, key, bucket }, look.visible, look.signal);
    if (stored === null) return emptySheet(caseId, numbered, NOT_THERE);
    await setImmediate(); // what follows takes its time, and others want to be answered too
    const formView = await look.services.formViewOf(stored, look.signal);
    return formSheet(stored, formView, { caseId, number, level: FORM_LEVEL, bucket });
  } catch (err) {
    if (look.signal.aborted) throw err;
    look.log.warn({ err, part: 'web' }, 'a form is missing in the print of a case');
    return emptySheet(caseId, numbered, NOT_READ);
  }
}

function emptySheet(caseId: string, { number, form }: NumberedForm, problem: string): FormSheet {
  const facts = [
    { label: 'Case', value: caseId },
    { label: 'Form', value: form.name },
    { label: 'Submitted by', value: form.submittedBy },
    { label: 'Submitted', value: writeTime(form.submissionDate) },
  ];
  return { number, title: titleOf(form), facts, note: null, parts: [], fileHref: () => '', problem };
}
