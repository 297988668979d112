import type { ObjectPlace, StoredSubmission } from '../../cases/read-submission.ts';
import type { Answer } from '../answer.ts';
import { casePath } from '../case-path.ts';
import type { Look, Looked } from '../look.ts';
import { type Asked, parseObjectPlace } from '../parameters.ts';
import { isRefusal, NOTHING_HERE, type Refusal } from '../refusal.ts';
import { formSheet, sheetHeader } from './form-sheet.ts';

/** One form: to read, to print, or as it is stored. */
export async function showSubmission(asked: Asked, look: Look): Promise<Answer> {
  const { parameters } = asked;
  if (parameters.get('raw') === 'true') return showStored(asked, look);
  const isPrint = parameters.get('print') === 'true';
  const place = parseObjectPlace(asked);
  if (isRefusal(place)) return place;
  const stored = await look.services.readSubmission(place, look.visible, look.signal);
  const formView = stored === null ? null : await look.services.formViewOf(stored, look.signal);
  const refusal = await look.record(looked(isPrint ? 'print' : 'view-submission', place, stored));
  if (refusal !== null || stored === null || formView === null) return refusal ?? NOTHING_HERE;

  const { caseId, bucket } = place;
  const sheet = formSheet(stored, formView, { caseId, number: 1, level: 2, ...(bucket !== undefined && { bucket }) });
  const header = sheetHeader(caseId, sheet);
  const hrefOf = (more: Record<string, string>): string =>
    casePath(caseId, { view: '/submission', parameters: { key: place.key, bucket, ...more } });
  return {
    page: isPrint ? 'print' : 'submission',
    title: header.texts.join(' – '),
    data: {
      caseId,
      caseHref: casePath(caseId),
      formHref: hrefOf({}),
      printHref: hrefOf({ print: 'true' }),
      rawHref: hrefOf({ raw: 'true' }),
      sheet,
      sheets: [sheet],
      isWholeCase: false,
    },
    runningHeaders: [{ ...header, page: null }],
  };
}

/** The stored JSON, byte for byte. */
export async function showStored(asked: Asked, look: Look): Promise<Answer> {
  const place = parseObjectPlace(asked);
  if (isRefusal(place)) return place;
  const stored = await look.services.readSubmission(place, look.visible, look.signal);
  const refusal = await look.record(looked('view-raw', place, stored));
  if (refusal !== null || stored === null) return refusal ?? NOTHING_HERE;
  return { content: stored.body, contentType: 'application/json; charset=utf-8', fileName: null };
}

export async function downloadAttachment(asked: Asked, look: Look): Promise<Answer | Refusal> {
  const place = parseObjectPlace(asked);
  if (isRefusal(place)) return place;
  const file = await look.services.readAttachment(place, look.visible, look.signal);
  const refusal = await look.record({
    action: 'download',
    caseId: place.caseId,
    ...(file === null ? objectOf(place) : { bucket: file.bucket, key: file.key }),
    result: file === null ? 'absent' : 'shown',
  });
  if (refusal !== null || file === null) return refusal ?? NOTHING_HERE;
  const { bytes, contentType, fileName } = file;
  return { content: { bytes, parts: noteBreak(file.parts, look) }, contentType, fileName };
}

/** The answer has begun by then: all that its reader sees is that it ends too early. */
async function* noteBreak(parts: AsyncIterable<Uint8Array>, { log }: Look): AsyncGenerator<Uint8Array> {
  try {
    yield* parts;
  } catch (err) {
    log.warn({ err, part: 'web' }, 'a download broke off');
    throw err;
  }
}

function looked(action: Looked['action'], place: ObjectPlace, stored: StoredSubmission | null): Looked {
  const { caseId } = place;
  if (stored === null) return { action, caseId, ...objectOf(place), result: 'absent' };
  return { action, caseId, bucket: stored.submission.bucket, key: stored.submission.key, result: 'shown' };
}

function objectOf({ key, bucket }: ObjectPlace): { key: string; bucket?: string } {
  return bucket === undefined ? { key } : { key, bucket };
}
