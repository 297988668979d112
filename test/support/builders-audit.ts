import type { AuditEntry } from '../../src/audit/audit-entry.ts';

export function anAuditEntry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    at: '2026-11-21T08:53:06.968Z',
    who: 'anna@example.com',
    action: 'view-case',
    caseId: 'CASE-1',
    from: { address: '127.0.0.1', userAgent: 'Mozilla/5.0', channel: 'page' },
    result: 'shown',
    count: 3,
    ...fields,
  };
}
