/**
 * The audit trail in the order of time, for as long a time as it is.
 *
 * An entry lies in an object that was written some moments after it, at the latest when its write was given up. So objects are
 * read in the order of their names, and an entry is given out once all that could hold an earlier one have been read. Only
 * that much is in memory.
 */
import type { ObjectStore } from '../object-store/object-store.ts';
import type { AuditEntry } from './audit-entry.ts';
import { parseEntry } from './audit-entry-lines.ts';
import { AUDIT_PREFIX, dayPrefix, writtenMsOf } from './audit-key.ts';

export type AuditQuery = {
  caseId?: string;
  /** Both inclusive, in ms since 1970. */
  fromMs?: number;
  toMs?: number;
};

export type AuditReading = {
  /** What is in the trail and cannot be read; `line` counts from 1, `null` for a whole object. */
  onBroken(place: { key: string; line: number | null }): void;
  /** After each object. */
  onRead?(objects: number): void;
};

/** Longer than an entry can wait, be tried again, and be off by a clock that was set. */
const LATEST_WRITE_MS = 5 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** Beyond that, the days are looked for instead of asked for one by one. */
const LONGEST_RANGE_MS = 100 * DAY_MS;
const DAY_PREFIX = /^\.formvault\/audit\/\d{4}\/\d{2}\/\d{2}\//;
const IN_FLIGHT = 16;

/** @throws FormvaultError of the object store */
export async function* readAudit(
  store: Pick<ObjectStore, 'list' | 'get'>,
  bucket: string,
  { caseId, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY }: AuditQuery,
  { onBroken, onRead }: AuditReading,
  signal: AbortSignal,
): AsyncGenerator<AuditEntry> {
  const isWanted = (entry: AuditEntry): boolean => {
    const ms = Date.parse(entry.at);
    return ms >= fromMs && ms <= toMs && (caseId === undefined || entry.caseId === caseId);
  };
  let held: AuditEntry[] = [];
  let objects = 0;
  const read = async (key: string) => ({ key, body: (await store.get(bucket, key, signal))?.body ?? null });

  for await (const { key, body } of inOrder(keysBetween(), read)) {
    onRead?.(++objects);
    const ready = (writtenMsOf(key) ?? 0) - LATEST_WRITE_MS;
    held.push(...parseLines(key, body, onBroken).filter(isWanted));
    const [before, after] = splitByTime(held, ready);
    held = after;
    yield* before;
  }
  yield* splitByTime(held, Number.POSITIVE_INFINITY)[0];

  async function* keysBetween(): AsyncGenerator<string> {
    for (const prefix of await daysBetween()) {
      const keys: string[] = [];
      for await (const key of store.list(bucket, prefix, signal)) {
        const writtenMs = writtenMsOf(key);
        if (writtenMs === null) onBroken({ key, line: null });
        else if (writtenMs >= fromMs - LATEST_WRITE_MS && writtenMs <= toMs + LATEST_WRITE_MS) keys.push(key);
      }
      yield* keys.sort();
    }
  }

  async function daysBetween(): Promise<string[]> {
    const firstMs = fromMs - LATEST_WRITE_MS;
    const lastMs = Math.min(toMs, Date.now() + DAY_MS) + LATEST_WRITE_MS;
    if (lastMs - firstMs > LONGEST_RANGE_MS) return daysThere();
    const days = new Set<string>();
    for (let ms = firstMs; ms < lastMs; ms += DAY_MS) days.add(dayPrefix(ms));
    return [...days.add(dayPrefix(lastMs))];
  }

  async function daysThere(): Promise<string[]> {
    const days = new Set<string>();
    for await (const key of store.list(bucket, AUDIT_PREFIX, signal)) {
      const day = DAY_PREFIX.exec(key)?.[0];
      if (day === undefined) onBroken({ key, line: null });
      else days.add(day);
    }
    return [...days].sort();
  }
}

function parseLines(key: string, body: Uint8Array | null, onBroken: AuditReading['onBroken']): AuditEntry[] {
  if (body === null) {
    onBroken({ key, line: null });
    return [];
  }
  const entries: AuditEntry[] = [];
  const lines = Buffer.from(body).toString().split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '' && index === lines.length - 1) break;
    const entry = parseEntry(line);
    if (entry === null) onBroken({ key, line: index + 1 });
    else entries.push(entry);
  }
  return entries;
}

function splitByTime(entries: AuditEntry[], ms: number): [before: AuditEntry[], after: AuditEntry[]] {
  const before = entries.filter(({ at }) => Date.parse(at) < ms);
  if (before.length === 0) return [[], entries];
  const byTime = before.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return [byTime, before.length === entries.length ? [] : entries.filter(({ at }) => Date.parse(at) >= ms)];
}

/** Reads ahead, some at a time, and gives out in the order of the keys. */
async function* inOrder<T>(keys: AsyncIterable<string>, read: (key: string) => Promise<T>): AsyncGenerator<T> {
  const underWay: Promise<T>[] = [];
  for await (const key of keys) {
    const reading = read(key);
    reading.catch(() => undefined); // it is thrown where it is awaited
    underWay.push(reading);
    if (underWay.length === IN_FLIGHT) yield await (underWay.shift() as Promise<T>);
  }
  for (const reading of underWay) yield await reading;
}
