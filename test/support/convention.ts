import { createHash } from 'node:crypto';

/** The time in a submission's key: UTC, to the second. */
export function keyTime(iso: string): string {
  return new Date(iso).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}

/** The digest of a submission as the contract defines it, told apart from the one in `src` on purpose. For small numbers only. */
export function expectedDigest(submission: unknown): string {
  return createHash('sha256').update(canonical(submission)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join()}}`;
}
