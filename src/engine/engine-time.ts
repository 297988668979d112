/** The engine's own date format, in and out: `yyyy-MM-dd'T'HH:mm:ss.SSSZ`; it takes no other. */
export function formatEngineTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+0000');
}

/** Milliseconds since 1970, or `null` for what is no time. */
export function parseEngineTime(text: unknown): number | null {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** The engine's time as ISO 8601 in UTC; a text that is no time stays as it is. */
export function isoOfEngineTime(text: string): string {
  const ms = parseEngineTime(text);
  return ms === null ? text : new Date(ms).toISOString();
}
