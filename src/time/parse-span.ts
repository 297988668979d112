import type { Window } from './window.ts';

const DAY_MS = 24 * 3600 * 1000;

/** A day, a month or a year, in UTC, from its first millisecond to its last; a day may be written without hyphens. */
export function parseSpan(text: string): Window | null {
  const extended = text.trim().replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  const parts = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(extended);
  if (parts === null) return null;
  const [year = 0, month, day] = parts.slice(1).map((part) => (part === undefined ? undefined : Number(part)));
  if ((month !== undefined && (month < 1 || month > 12)) || day === 0) return null;
  const fromMs = utc(year, (month ?? 1) - 1, day ?? 1);
  if (day !== undefined && new Date(fromMs).getUTCDate() !== day) return null;
  const next = month === undefined ? utc(year + 1, 0, 1) : day === undefined ? utc(year, month, 1) : fromMs + DAY_MS;
  return { fromMs, toMs: next - 1 };
}

/** `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
function utc(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day);
}
