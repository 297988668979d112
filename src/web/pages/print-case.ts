import pLimit from 'p-limit';
import type { CaseAnswer, CaseProcessInstance, FormReference } from '../../cases/found-case.ts';
import type { Answer } from '../answer.ts';
import { casePath } from '../case-path.ts';
import type { Look, Looked } from '../look.ts';
import { type Asked, parseCase, parseNumber } from '../parameters.ts';
import { isRefusal, NOTHING_HERE } from '../refusal.ts';
import { writeTime } from '../written-out.ts';
import { factsOf, processName, titleOf } from './case.ts';
import { type FormSheet, formSheet, sheetHeader } from './form-sheet.ts';

/** On one page; a case with more is printed in parts. */
const FORMS_OF_A_PART = 100;
const READ_AT_ONCE = 4;
const FORM_LEVEL = 3;

const NOT_READ = 'This form could not be read now, so it is missing in this print. Please print it again later.';
const NOT_THERE = 'This form is no longer there, or you may no longer see it.';

type Contents = { process: string; lines: { number: number; title: string; submittedBy: string; when: string }[] }[];

/** All forms of a case with a table of contents, each beginning on a page of its own. */
export async function printCase(asked: Asked, look: Look): Promise<Answer> {
  const place = parseCase(asked);
  if (isRefusal(place)) return place;
  const part = parseNumber(asked.parameters, 'part', { fallback: 1, min: 1, max: 10_000 });
  if (typeof part !== 'number') return part;
  const found = await look.services.readCase(place, look.visible, look.signal);
  const numbered = found === null ? [] : numberForms(found);
  const parts = Math.max(1, Math.ceil(numbered.length / FORMS_OF_A_PART));
  const printed = numbered.slice((part - 1) * FORMS_OF_A_PART, part * FORMS_OF_A_PART);
  if (found === null || part > parts) {
    return (await look.record({ action: 'print', caseId: place.caseId, result: 'absent' })) ?? NOTHING_HERE;
  }
  const limit = pLimit(READ_AT_ONCE);
  const caseId = found.businessKey;
  const sheets = await Promise.all(printed.map((each) => limit(() => readSheet(caseId, each, look))));
  const shown = printed.filter((_form, index) => sheets[index]?.problem === null);
  const refusal = await look.record(
    { action: 'print', caseId, result: 'shown', count: shown.length },
    ...shown.map(({ form }): Looked => {
      return { action: 'print', caseId, bucket: form.bucket, key: form.dataPath, result: 'shown' };
    }),
  );
  if (refusal !== null) return refusal;

  const hrefOf = (number: number): string => casePath(caseId, { view: '/print', parameters: { part: number } });
  return {
    page: 'print',
    title: parts === 1 ? `Case ${caseId}` : `Case ${caseId} – part ${part} of ${parts}`,
    data: {
      caseId,
      caseHref: casePath(caseId),
      isWholeCase: true,
      facts: factsOf(found),
      contents: contentsOf(printed),
      sheets,
      missing: sheets.filter(({ problem }) => problem !== null).length,
      part,
      parts,
      previousHref: part > 1 ? hrefOf(part - 1) : null,
      nextHref: part < parts ? hrefOf(part + 1) : null,
    },
    runningHeaders: [
      { page: null, texts: [`Case ${caseId}`, 'Contents'] },
      ...sheets.map((sheet) => sheetHeader(caseId, sheet)),
    ],
  };
}

type NumberedForm = { number: number; instance: CaseProcessInstance; form: FormReference };

function numberForms(found: CaseAnswer): NumberedForm[] {
  const forms = found.processInstances.flatMap((instance) =>
    instance.formReferences.map((form) => ({ instance, form })),
  );
  return forms.map((each, index) => ({ ...each, number: index + 1 }));
}

/** One form that cannot be read keeps nobody from printing the others. */
async function readSheet(caseId: string, { number, form }: NumberedForm, look: Look): Promise<FormSheet> {
  const { dataPath: key, bucket } = form;
  try {
    const stored = await look.services.readSubmission({ caseId, key, bucket }, look.visible, look.signal);
    if (stored === null) return emptySheet(caseId, number, form, NOT_THERE);
    const formView = await look.services.formViewOf(stored, look.signal);
    return formSheet(stored, formView, { caseId, number, level: FORM_LEVEL, bucket });
  } catch (err) {
    if (look.signal.aborted) throw err;
    look.log.warn({ err, part: 'web' }, 'a form is missing in the print of a case');
    return emptySheet(caseId, number, form, NOT_READ);
  }
}

function emptySheet(caseId: string, number: number, form: FormReference, problem: string): FormSheet {
  const facts = [
    { label: 'Case', value: caseId },
    { label: 'Form', value: form.name },
    { label: 'Submitted by', value: form.submittedBy },
    { label: 'Submitted', value: writeTime(form.submissionDate) },
  ];
  return { number, title: titleOf(form), facts, note: null, parts: [], fileHref: () => '', problem };
}

function contentsOf(printed: readonly NumberedForm[]): Contents {
  return [...Map.groupBy(printed, ({ instance }) => instance)].map(([instance, forms]) => ({
    process: processName(instance),
    lines: forms.map(({ number, form }) => ({
      number,
      title: titleOf(form),
      submittedBy: form.submittedBy,
      when: writeTime(form.submissionDate),
    })),
  }));
}
