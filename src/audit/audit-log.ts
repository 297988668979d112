/**
 * Writes down who looks at what, before they see it.
 *
 *   record ──▶ waiting ──▶ one object ──▶ resolved: now it may be shown
 *              │ a younger write is under way: at most a second
 *              ▼ it cannot be written for some seconds
 *              rejected: nothing is shown
 *
 * The trail is append-only: each batch is an object of its own, never written again. An idle log writes at once; what comes
 * meanwhile goes together into the next object. A write that takes longer than a second holds up nobody else.
 * An answer that was lost makes no second copy: the same key is written again, and what holds it then is compared.
 */
import { type FailureCode, FormvaultError, failureCodeOf } from '../errors.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import type { Log } from '../observability/log.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import type { AuditEntry } from './audit-entry.ts';
import { renderEntry } from './audit-entry-lines.ts';
import { auditKey } from './audit-key.ts';

export type AuditLogOptions = {
  store: Pick<ObjectStore, 'putIfAbsent' | 'get'>;
  /** The state bucket. */
  bucket: string;
  /** Another one for each process that ever runs. */
  instanceId: string;
  log: Log;
  time?: { wallMs(): number; steadyMs(): number; pause(ms: number, signal: AbortSignal): Promise<void> };
};

export type AuditLog = {
  /**
   * Resolves when the entry is in the state bucket.
   * @throws FormvaultError VAULT_UNAVAILABLE, VAULT_REJECTED, BUCKET_MISSING, SHUTTING_DOWN: then nothing may be shown
   */
  record(entry: AuditEntry, signal: AbortSignal): Promise<void>;
  /** `failures`: how many objects in a row could not be written. */
  state(): { failures: number; waiting: number };
  /** Takes no more entries and waits until all are written, or until the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
};

type Pending = { line: string; bytes: number; resolve(): void; reject(error: FormvaultError): void };

const ATTEMPTED = 'could not write the audit trail';
const LONGEST_WAIT_MS = 1_000;
const MAX_WRITES = 8;
const MAX_BATCH = 1_000;
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_WAITING = 10_000;
const TRY_FOR_MS = 4_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const MAX_TAKEN = 5;
const LOG_EVERY_MS = 60_000;

export function createAuditLog({ store, bucket, instanceId, log, time }: AuditLogOptions): AuditLog {
  const clock = time ?? { wallMs: Date.now, steadyMs: () => performance.now(), pause };
  const aborted = new AbortController();
  const waiting = new Set<Pending>();
  const writes = new Set<{ startedMs: number; batch: Pending[] }>();
  let isStopped = false;
  let isTimed = false;
  let counter = 0;
  let failures = 0;
  let loggedMs = Number.NEGATIVE_INFINITY;
  const drained = Promise.withResolvers<void>();

  const nextKey = (): string => auditKey(clock.wallMs(), instanceId, ++counter);

  /** Begins a write unless a younger one than a second is under way. */
  function writeNext(): void {
    while (waiting.size > 0 && writes.size < MAX_WRITES) {
      const youngestMs = Math.max(Number.NEGATIVE_INFINITY, ...[...writes].map(({ startedMs }) => startedMs));
      const leftMs = youngestMs + LONGEST_WAIT_MS - clock.steadyMs();
      if (leftMs > 0) {
        writeIn(leftMs);
        return;
      }
      void write(takeBatch());
    }
    noteIfDrained();
  }

  function noteIfDrained(): void {
    if (isStopped && waiting.size + writes.size === 0) drained.resolve();
  }

  function writeIn(ms: number): void {
    if (isTimed) return;
    isTimed = true;
    void clock.pause(ms, aborted.signal).then(() => {
      isTimed = false;
      writeNext();
    });
  }

  function takeBatch(): Pending[] {
    const batch: Pending[] = [];
    let bytes = 0;
    for (const entry of waiting) {
      if (batch.length === MAX_BATCH || (batch.length > 0 && bytes + entry.bytes > MAX_BATCH_BYTES)) break;
      waiting.delete(entry);
      batch.push(entry);
      bytes += entry.bytes;
    }
    return batch;
  }

  async function write(batch: Pending[]): Promise<void> {
    const self = { startedMs: clock.steadyMs(), batch };
    writes.add(self);
    try {
      await writeWithPatience(batch.map(({ line }) => line).join(''));
      noteSuccess();
      for (const { resolve } of batch) resolve();
    } catch (error) {
      noteFailure(error);
      for (const { reject } of batch) reject(failure(failureCodeOf(error), error));
    }
    writes.delete(self);
    writeNext();
  }

  async function writeWithPatience(body: string): Promise<void> {
    const untilMs = clock.steadyMs() + TRY_FOR_MS;
    let key = nextKey();
    for (let attempt = 0, taken = 0; ; attempt++) {
      try {
        if (await writeOnce(key, body)) return;
        if (++taken === MAX_TAKEN) throw failure('VAULT_REJECTED');
        key = nextKey();
      } catch (error) {
        const isPassing = ['VAULT_UNAVAILABLE', 'UNEXPECTED'].includes(failureCodeOf(error));
        if (aborted.signal.aborted || !isPassing || clock.steadyMs() >= untilMs) throw error;
        await clock.pause(backOffMs(attempt, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), aborted.signal);
      }
    }
  }

  /** Whether what stands under the key now is ours. */
  async function writeOnce(key: string, body: string): Promise<boolean> {
    const object = { bucket, key, body, contentType: 'application/x-ndjson' };
    if ((await store.putIfAbsent(object, aborted.signal)) !== 'taken') return true;
    const there = await store.get(bucket, key, aborted.signal);
    return there !== null && Buffer.from(there.body).toString() === body;
  }

  function noteSuccess(): void {
    if (failures > 0) log.info({ part: 'audit', failures }, 'audit trail can be written again');
    failures = 0;
  }

  function noteFailure(err: unknown): void {
    if (aborted.signal.aborted) return;
    failures++;
    if (clock.steadyMs() - loggedMs < LOG_EVERY_MS) return;
    loggedMs = clock.steadyMs();
    log.error({ err, part: 'audit', failures, bucket }, 'audit trail cannot be written: nothing is shown');
  }

  return {
    async record(entry, signal) {
      if (isStopped || signal.aborted) throw failure('SHUTTING_DOWN');
      if (waiting.size >= MAX_WAITING) throw failure('VAULT_UNAVAILABLE');
      const line = renderEntry(entry);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const pending = { line, bytes: Buffer.byteLength(line), resolve, reject };
      const giveUp = (): void => {
        waiting.delete(pending);
        reject(failure('SHUTTING_DOWN'));
        noteIfDrained();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.add(pending);
      writeNext();
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    },

    state: () => ({ failures, waiting: waiting.size }),

    async stop(signal) {
      isStopped = true;
      const abort = (): void => {
        aborted.abort();
        for (const { reject } of [...waiting, ...[...writes].flatMap(({ batch }) => batch)]) {
          reject(failure('SHUTTING_DOWN'));
        }
        waiting.clear();
        drained.resolve();
      };
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      writeNext();
      await drained.promise;
      signal.removeEventListener('abort', abort);
    },
  };
}

function failure(code: FailureCode, cause?: unknown): FormvaultError {
  return new FormvaultError(code, ATTEMPTED, cause === undefined ? {} : { cause });
}
