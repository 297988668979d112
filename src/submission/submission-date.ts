import { DateTime } from 'luxon';

const STARTS_WITH_DATE = /^[+-]?\d{4}/;

/**
 * A submission date in ms since 1970: ISO 8601, extended or basic; without a zone it is UTC, without a time it is midnight.
 * `null` for one that cannot be read, or whose year does not have four digits in UTC.
 */
export function parseSubmissionDate(text: string): number | null {
  const trimmed = text.trim();
  if (!STARTS_WITH_DATE.test(trimmed)) return null; // a time alone would be read as today's
  const date = DateTime.fromISO(trimmed, { zone: 'utc' });
  return date.isValid && date.year >= 0 && date.year <= 9999 ? date.toMillis() : null;
}
