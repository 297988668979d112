/**
 * The brief text of an incident, and what caused it, found in that text again.
 *
 *   VAULT_UNAVAILABLE: could not write an object in bucket dev-cop-case (form site-visit, case BF-1). Check that S3 can be …
 *
 * The engine keeps no more than 666 characters of it and nothing else that could be asked for, so it is also how Formvault
 * recognises, after a restart too, which external tasks failed for one cause.
 */
import { type FailureCode, failureCodeOf } from '../errors.ts';
import { errorChain } from '../observability/error-text.ts';

/** What a failed submission is about; `null` where it is not known. */
export type About = { form: string | null; caseId: string | null };

/** The code and the target that failed: a bucket, the form API, one form, or nothing that has a name. */
export type Cause = { code: FailureCode; target: string };

export const FORM_API = 'form-api';
const ELSEWHERE = '';
const MAX_LENGTH = 666;
const MAX_NAME_LENGTH = 120;
const MAX_ATTEMPTED_LENGTH = 200;
const UNKNOWN = '–';
const IN_BUCKET = ' in bucket ';
const BEFORE_CASE = ', case ';
/** Looks the same; so the last one that is found stands before the case, whatever a case is called. */
const NOT_BEFORE_CASE = ',\u00A0case ';
const MESSAGE = /^([A-Z_]+): (.*?) \(form (.*), case (.*?)\)\. /s;

/** At most 666 characters; never an answer. */
export function incidentMessage(error: unknown, { form, caseId }: About): string {
  const [first] = errorChain(error);
  const bucket = first?.context?.bucket;
  const where = typeof bucket === 'string' ? `${IN_BUCKET}${bucket}` : '';
  const attempted = `${cut(inOneLine(first?.message ?? 'no message'), MAX_ATTEMPTED_LENGTH)}${where}`;
  const about = `(form ${name(form)}, case ${name(caseId).replaceAll(BEFORE_CASE, NOT_BEFORE_CASE)})`;
  const hint = inOneLine(first?.hint ?? 'Report it with the stack trace.');
  return cut(`${failureCodeOf(error)}: ${attempted} ${about}. ${hint}`, MAX_LENGTH);
}

/** `null` for a text of somebody else, and for a submission that can never be kept as it is. */
export function causeOf(message: string): Cause | null {
  const [, code = '', attempted = '', form = ''] = MESSAGE.exec(message) ?? [];
  const known = failureCodeOf({ code });
  if (known !== code) return null;
  switch (known) {
    case 'SUBMISSION_INVALID':
    case 'PRODUCT_INVALID':
    case 'SOURCE_GONE':
      return null;
    case 'FORM_UNKNOWN':
      return { code: known, target: formTarget(form) };
    case 'FORM_API_UNAVAILABLE':
    case 'FORM_API_REJECTED':
      return { code: known, target: FORM_API };
    default: {
      const bucket = attempted.lastIndexOf(IN_BUCKET);
      return { code: known, target: bucket < 0 ? ELSEWHERE : attempted.slice(bucket + IN_BUCKET.length) };
    }
  }
}

export const formTarget = (form: string): string => `form ${name(form)}`;

function name(text: string | null): string {
  return text === null ? UNKNOWN : cut(inOneLine(text), MAX_NAME_LENGTH);
}

/** Without what databases refuse in a text. */
function inOneLine(text: string): string {
  return text.toWellFormed().replace(/[\s\p{Cc}]+/gu, ' ');
}

/** On the border of a character. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
