import type { CaseAnswer } from '../../cases/found-case.ts';
import type { Answer } from '../answer.ts';
import { casePath } from '../case-path.ts';
import type { Look, Looked } from '../look.ts';
import { type Asked, parseCase, parseNumber, writeExcludes } from '../parameters.ts';
import { isRefusal, NOTHING_HERE } from '../refusal.ts';
import { writeTime } from '../written-out.ts';
import { factsOf, processName, titleOf } from './case.ts';
import { sheetHeader } from './form-sheet.ts';
import { NO_ROOM, type NumberedForm, readSheets } from './printed-sheets.ts';

/** On one page; a case with more is printed in parts. */
const FORMS_OF_A_PART = 100;

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
  const caseId = found.businessKey;
  const sheets = await readSheets(caseId, printed, look);
  const shown = printed.filter((_form, index) => sheets[index]?.problem === null);
  const refusal = await look.record(
    { action: 'print', caseId, result: 'shown', count: shown.length },
    ...shown.map(({ form }): Looked => {
      return { action: 'print', caseId, bucket: form.bucket, key: form.dataPath, result: 'shown' };
    }),
  );
  if (refusal !== null) return refusal;

  const excludes = writeExcludes(place);
  const hrefOf = (number: number): string =>
    casePath(caseId, { view: '/print', parameters: { part: number, excludes } });
  const withoutRoom = sheets.filter(({ problem }) => problem === NO_ROOM).length;
  return {
    page: 'print',
    title: parts === 1 ? `Case ${caseId}` : `Case ${caseId} – part ${part} of ${parts}`,
    data: {
      caseId,
      caseHref: casePath(caseId, { parameters: { excludes } }),
      isWholeCase: true,
      facts: factsOf(found),
      contents: contentsOf(printed),
      sheets,
      missing: sheets.length - shown.length - withoutRoom,
      withoutRoom,
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

function numberForms(found: CaseAnswer): NumberedForm[] {
  const forms = found.processInstances.flatMap((instance) =>
    instance.formReferences.map((form) => ({ instance, form })),
  );
  return forms.map((each, index) => ({ ...each, number: index + 1 }));
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
