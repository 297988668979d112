/**
 * Audit entries as lines of JSON.
 *
 * Only the fields of an entry are written, whatever else an object carries, so no answer of a form gets into the trail by a type
 * that was bent.
 */
import type { AuditEntry } from './audit-entry.ts';

const ACTIONS: readonly AuditEntry['action'][] = [
  'search',
  'view-case',
  'view-submission',
  'view-raw',
  'download',
  'print',
];
/** Of what comes with a request, which may be as long as its headers. A query stands whole: a longer one is refused before. */
const MAX_TEXT = 1_000;

export function renderEntry(entry: AuditEntry): string {
  const { at, who, action, caseId, bucket, key, query, from, result, count } = entry;
  const { address, forwardedFor, userAgent, channel } = from;
  return `${JSON.stringify({
    at,
    who,
    action,
    caseId,
    ...(bucket === undefined ? {} : { bucket }),
    ...(key === undefined ? {} : { key }),
    ...(query === undefined ? {} : { query }),
    from: {
      address,
      ...(forwardedFor === undefined ? {} : { forwardedFor: cut(forwardedFor) }),
      ...(userAgent === undefined ? {} : { userAgent: cut(userAgent) }),
      channel,
    },
    result,
    ...(count === undefined ? {} : { count }),
  })}\n`;
}

/** `null` for a line that is no entry. */
export function parseEntry(line: string): AuditEntry | null {
  try {
    const entry = JSON.parse(line) as AuditEntry | null;
    return isEntry(entry) ? entry : null;
  } catch {
    return null;
  }
}

function isEntry(entry: AuditEntry | null): entry is AuditEntry {
  if (typeof entry !== 'object' || entry === null || typeof entry.from !== 'object' || entry.from === null)
    return false;
  const { at, who, action, caseId, from, result } = entry;
  return (
    isTime(at) &&
    [who, from.address].every(isText) &&
    (caseId === null || isText(caseId)) &&
    ACTIONS.includes(action) &&
    (from.channel === 'page' || from.channel === 'api') &&
    (result === 'shown' || result === 'absent') &&
    [entry.bucket, entry.key, entry.query, from.forwardedFor, from.userAgent].every(isTextOrUndefined) &&
    ['undefined', 'number'].includes(typeof entry.count)
  );
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrUndefined(value: unknown): boolean {
  return value === undefined || isText(value);
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
