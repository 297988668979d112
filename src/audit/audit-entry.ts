/** What somebody looked at. Ids and names only: never an answer of a form. */
export type AuditEntry = {
  /** ISO 8601, UTC. */
  at: string;
  /** `Person.id` */
  who: string;
  action: 'search' | 'view-case' | 'view-submission' | 'view-raw' | 'download' | 'print';
  /** `null` for a search. */
  caseId: string | null;
  /** The object that was shown or downloaded. */
  bucket?: string;
  key?: string;
  /** What was searched for. */
  query?: string;
  /** Where the request came from: the address of the connection, and what a proxy says. */
  from: { address: string; forwardedFor?: string; userAgent?: string; channel: 'page' | 'api' };
  /** `shown` with how many things, `absent` where there was nothing that this person may see. */
  result: 'shown' | 'absent';
  count?: number;
};
