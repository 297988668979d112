/**
 * One look at cases: who looks, what they may see, and the entries in the audit trail, which go before the answer.
 */
import type { Person } from '../access/person.ts';
import type { Visible } from '../access/visible.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import type { Log } from '../observability/log.ts';
import type { CaseServices } from './case-services.ts';
import { NO_AUDIT, type Refusal } from './refusal.ts';

export type Looked = Omit<AuditEntry, 'at' | 'who' | 'from'>;

export type Look = {
  services: CaseServices;
  log: Log;
  person: Person;
  visible: Visible;
  /** Aborts when nobody waits for the answer any more, or it takes too long. */
  signal: AbortSignal;
  /** Before anything is shown. A refusal: it could not be written, so nothing may be shown. */
  record(...entries: Looked[]): Promise<Refusal | null>;
};

export function createLook(
  services: CaseServices,
  log: Log,
  of: { person: Person; visible: Visible; from: AuditEntry['from']; signal: AbortSignal },
): Look {
  const { person, visible, from, signal } = of;
  return {
    services: openingByTheMoment(services, person),
    log,
    person,
    visible,
    signal,
    async record(...entries) {
      const at = new Date().toISOString();
      try {
        await Promise.all(entries.map((each) => services.audit.record({ at, who: person.id, from, ...each }, signal)));
        return null;
      } catch (err) {
        // One that is given up because nobody waits any more is no failure of the audit trail.
        if (!signal.aborted) log.error({ err, part: 'web' }, 'nothing is shown: the audit trail cannot be written');
        return NO_AUDIT;
      }
    },
  };
}

/** What is opened must be theirs to see at this very moment, not only when the list was made. */
function openingByTheMoment(services: CaseServices, person: Person): CaseServices {
  return {
    ...services,
    async readSubmission(place, visible, signal) {
      const stored = await services.readSubmission(place, visible, signal);
      return stored !== null && (await services.mayOpen(person, stored.submission, signal)) ? stored : null;
    },
    async readAttachment(place, visible, signal) {
      const file = await services.readAttachment(place, visible, signal);
      return file !== null && (await services.mayOpen(person, file.submission, signal)) ? file : null;
    },
  };
}
