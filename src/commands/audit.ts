import type { AuditEntry } from '../audit/audit-entry.ts';
import { harmlessJson, harmlessText } from '../audit/harmless-text.ts';
import { type AuditQuery, readAudit } from '../audit/read-audit.ts';
import { type Environment, parseConfig } from '../config.ts';
import { FormvaultError } from '../errors.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { createS3ObjectStore } from '../object-store/s3-object-store.ts';
import { defaultBucket, withoutNulls } from '../start-up.ts';
import { parseSubmissionDate } from '../submission/submission-date.ts';
import { parseSpan } from '../time/parse-span.ts';
import type { Window } from '../time/window.ts';
import { runCommand } from './run-command.ts';
import { checkBucket, EXIT } from './serve.ts';
import { createTable } from './table.ts';

export type AuditOptions = { case?: string; from?: string; to?: string; json?: boolean };

/** Where a command writes to. */
export type Terminal = {
  out(text: string): void;
  /** Beside the result: progress, what is wrong. */
  err(text: string): void;
  /** Whether somebody looks at what is written beside the result. */
  isWatched: boolean;
};

const CONNECTIONS = 16;
/** What the parser of dates would read as the first moment of something longer is none. */
const HAS_TIME = /\dT\d/i;
const PROGRESS_EVERY = 100;

/** Lists who looked at what, and returns the exit code. */
export async function audit(env: Environment, options: AuditOptions): Promise<number> {
  return runCommand(async (signal) => {
    const config = parseConfig(env, { checkBucket });
    const query = parseAuditOptions(options);
    const store = createS3ObjectStore({ ...withoutNulls(config.s3), maxConnections: CONNECTIONS });
    const bucket = config.vault.stateBucket ?? defaultBucket(config);
    const terminal: Terminal = {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
      isWatched: process.stderr.isTTY,
    };
    // Whoever reads the list may have seen enough, such as `head`.
    process.stdout.once('error', () => process.exit(EXIT.done));
    try {
      return await listAudit({ store, bucket, query, terminal, asJson: options.json === true }, signal);
    } finally {
      store.close();
    }
  });
}

/** Exit code 1 when something in the trail cannot be read. */
export async function listAudit(
  listing: {
    store: Pick<ObjectStore, 'list' | 'get'>;
    bucket: string;
    query: AuditQuery;
    terminal: Terminal;
    asJson: boolean;
  },
  signal: AbortSignal,
): Promise<number> {
  const { store, bucket, query, terminal, asJson } = listing;
  const { out, err, isWatched } = terminal;
  const columns = ['Who', 'When (UTC)', 'What', 'From where', 'Result'];
  const table = createTable(columns, (text) => {
    clearProgress();
    out(text);
  });
  let entries = 0;
  let broken = 0;
  const reading = {
    onBroken: ({ key, line }: { key: string; line: number | null }) => {
      broken++;
      clearProgress();
      err(`cannot be read: ${harmlessText(key)}${line === null ? '' : `, line ${line}`}\n`);
    },
    onRead: (objects: number) => {
      if (isWatched && objects % PROGRESS_EVERY === 0) err(`\rreading the audit trail … ${objects} objects`);
    },
  };
  function clearProgress(): void {
    if (isWatched) err('\r\u001b[K');
  }

  for await (const entry of readAudit(store, bucket, query, reading, signal)) {
    entries++;
    if (asJson) out(`${harmlessJson(JSON.stringify(entry))}\n`);
    else table.row(rowOf(entry));
  }
  if (!asJson && entries > 0) table.end();
  clearProgress();
  if (entries === 0) err('no entries\n');
  if (broken > 0) err(`${broken} places in the audit trail of the bucket ${bucket} cannot be read\n`);
  return broken === 0 ? EXIT.done : EXIT.failed;
}

/** @throws FormvaultError CONFIG_INVALID */
export function parseAuditOptions({ case: caseId, from, to }: AuditOptions): AuditQuery {
  return {
    ...(caseId === undefined ? {} : { caseId }),
    ...(from === undefined ? {} : { fromMs: parseWindow('--from', from).fromMs }),
    ...(to === undefined ? {} : { toMs: parseWindow('--to', to).toMs }),
  };
}

/** All of a day, a month or a year; of a time the time itself. */
function parseWindow(option: string, text: string): Window {
  const span = parseSpan(text);
  if (span !== null) return span;
  const ms = HAS_TIME.test(text) ? parseSubmissionDate(text) : null;
  if (ms !== null) return { fromMs: ms, toMs: ms };
  throw new FormvaultError('CONFIG_INVALID', `could not read ${option}`, {
    hint: `Give ${option} a day, a month, a year or a time in ISO 8601, such as 2026-11-21, 2026-11 or 2026-11-21T08:00:00Z.`,
  });
}

function rowOf(entry: AuditEntry): string[] {
  const { from, bucket, key, caseId, query } = entry;
  const what = [
    ACTIONS[entry.action],
    ...(query === undefined ? [] : [`“${query}”`]),
    ...(key === undefined ? [] : [bucket === undefined ? key : `${bucket}/${key}`]),
    ...(key === undefined && caseId !== null ? [`the case ${caseId}`] : []),
  ];
  const where = [
    from.address,
    ...(from.forwardedFor === undefined ? [] : [`for ${from.forwardedFor}`]),
    from.channel === 'api' ? 'by the API' : 'by a page',
    ...(from.userAgent === undefined ? [] : [from.userAgent]),
  ];
  const result = entry.count === undefined ? entry.result : `${entry.result} ${entry.count}`;
  return [entry.who, entry.at, what.join(' '), where.join(' '), result].map(harmlessText);
}

const ACTIONS: Record<AuditEntry['action'], string> = {
  search: 'searched',
  'view-case': 'viewed',
  'view-submission': 'viewed the form',
  'view-raw': 'viewed the JSON',
  download: 'downloaded',
  print: 'printed',
};
