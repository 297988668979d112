import { DateTime } from 'luxon';

/** As `Date.toISOString` writes it, and most forms do; a day that the month does not have is left to the full parser. */
const PLAIN = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z$/;
const STARTS_WITH_DATE = /^[+-]?\d{4}/;

/**
 * A submission date in ms since 1970: ISO 8601, extended or basic; without a zone it is UTC, without a time it is midnight.
 * `null` for one that cannot be read, or whose year does not have four digits in UTC.
 */
export function parseSubmissionDate(text: string): number | null {
  if (PLAIN.test(text)) return Date.parse(text);
  const trimmed = text.trim();
  if (!STARTS_WITH_DATE.test(trimmed)) return null; // a time alone would be read as today's
  const date = DateTime.fromISO(trimmed, { zone: 'utc' });
  return date.isValid && date.year >= 0 && date.year <= 9999 ? date.toMillis() : null;
}
