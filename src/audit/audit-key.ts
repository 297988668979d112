/**
 * Where the audit trail lies in the state bucket: one object for each batch, below the day on which it was written.
 *
 *   .formvault/audit/{yyyy}/{MM}/{dd}/{yyyyMMdd}T{HHmmss}.{SSS}Z-{instance}-{counter}.jsonl
 */
import { safeSegment } from '../vault/object-layout.ts';

export const AUDIT_PREFIX = '.formvault/audit/';

const MAX_INSTANCE_BYTES = 80;
const KEY =
  /^\.formvault\/audit\/\d{4}\/\d{2}\/\d{2}\/(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3})Z-.+-\d+\.jsonl$/;

export function auditKey(writtenMs: number, instanceId: string, counter: number): string {
  const iso = new Date(writtenMs).toISOString();
  const time = iso.replace(/[-:]/g, '');
  return `${dayPrefix(writtenMs)}${time}-${safeSegment(instanceId, MAX_INSTANCE_BYTES)}-${counter}.jsonl`;
}

export function dayPrefix(ms: number): string {
  return `${AUDIT_PREFIX}${new Date(ms).toISOString().slice(0, 10).replaceAll('-', '/')}/`;
}

/** When the object was written, in ms since 1970; `null` for a key that is none of the trail's. */
export function writtenMsOf(key: string): number | null {
  const [matched, year, month, day, hours, minutes, seconds] = KEY.exec(key) ?? [];
  if (matched === undefined) return null;
  const ms = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(ms) ? null : ms;
}
