/**
 * Everything that a log line may carry beside its sentence. A field that is not listed is dropped when the line is written,
 * and so is a value of another kind.
 *
 * No field holds answers, or names and addresses of people; so there is none for an object's key or a business key either,
 * which may hold both.
 */
export const LOG_FIELDS = {
  /** The failure, written as code, message, stack, context and causes. */
  err: 'error',
  /** `detail/<id>#<pointer>` or `task/<id>` */
  source: 'text',
  form: 'text',
  digest: 'text',
  bucket: 'text',
  bytes: 'number',
  topic: 'text',
  outcome: 'text',
  attempt: 'number',
  pauseMs: 'number',
  /** What failed in an outage: a bucket, the form API, a form. */
  target: 'text',
  seconds: 'number',
  durationMs: 'number',

  processInstanceId: 'text',
  processDefinitionId: 'text',
  processDefinitionKey: 'text',
  activityId: 'text',
  taskId: 'text',
  tenantId: 'text',
  incidentId: 'text',
  externalTaskId: 'text',

  feed: 'text',
  rows: 'number',
  changes: 'number',
  /** Times in ISO 8601. */
  from: 'text',
  to: 'text',
  settledTo: 'text',
  leaseUntil: 'text',
  lagSeconds: 'number',
  owner: 'text',

  code: 'text',
  failures: 'number',
  sinceMs: 'number',
  inFlight: 'number',

  part: 'text',
  /** That Formvault itself listens on. */
  address: 'text',
  signal: 'text',
  exitCode: 'number',
  version: 'text',
  engine: 'text',
  historyLevel: 'text',
  environment: 'text',
  settings: 'texts',
  problems: 'texts',
} as const satisfies Record<string, LogFieldKind>;

export type LogFieldKind = 'text' | 'texts' | 'number' | 'error';

type ValueOf<Kind> = Kind extends 'text'
  ? string | null
  : Kind extends 'texts'
    ? readonly string[]
    : Kind extends 'number'
      ? number
      : unknown;

export type LogFields = { [Name in keyof typeof LOG_FIELDS]?: ValueOf<(typeof LOG_FIELDS)[Name]> };
