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

/** The code and the target that failed: a bucket, the form API, a form. */
export type Cause = { code: FailureCode; target: string };

const MAX_LENGTH = 666;
const MAX_NAME_LENGTH = 120;
const MAX_ATTEMPTED_LENGTH = 200;
const UNKNOWN = '–';
const IN_BUCKET = ' in bucket ';
const MESSAGE = /^([A-Z_]+): ([^]*?) \(form ([^]*), case ([^]*?)\)\. /;

/** At most 666 characters; never an answer. */
export function incidentMessage(error: unknown, { form, caseId }: About): string {
  const [first] = errorChain(error);
  const bucket = first?.context?.bucket;
  const where = typeof bucket === 'string' ? `${IN_BUCKET}${bucket}` : '';
  const attempted = `${cut(first?.message ?? 'no message', MAX_ATTEMPTED_LENGTH)}${where}`;
  const about = `(form ${name(form)}, case ${name(caseId)})`;
  const hint = first?.hint ?? 'Report it with the stack trace.';
  return cut(`${failureCodeOf(error)}: ${attempted} ${about}. ${hint}`, MAX_LENGTH);
}

/** `null` for a text of somebody else, and for a submission that is invalid by itself. */
export function causeOf(message: string): Cause | null {
  const [, code, attempted = '', form = ''] = MESSAGE.exec(message) ?? [];
  if (code === undefined) return null;
  const known = failureCodeOf({ code });
  if (known === 'FORM_UNKNOWN') return { code: known, target: `form ${form}` };
  if (known.startsWith('FORM_API_')) return { code: known, target: 'form-api' };
  const bucket = attempted.lastIndexOf(IN_BUCKET);
  return bucket < 0 ? null : { code: known, target: attempted.slice(bucket + IN_BUCKET.length) };
}

function name(text: string | null): string {
  return text === null ? UNKNOWN : cut(text.replace(/\s+/gu, ' '), MAX_NAME_LENGTH);
}

/** On the border of a character. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
