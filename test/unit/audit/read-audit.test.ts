import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AuditEntry } from '../../../src/audit/audit-entry.ts';
import { renderEntry } from '../../../src/audit/audit-entry-lines.ts';
import { auditKey } from '../../../src/audit/audit-key.ts';
import { type AuditQuery, readAudit } from '../../../src/audit/read-audit.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { anAuditEntry } from '../../support/builders-audit.ts';

const BUCKET = 'dev-cop-case';
const NOON_MS = Date.parse('2025-11-21T12:00:00.000Z');
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { signal } = new AbortController();

const at = (ms: number, fields: Partial<AuditEntry> = {}) =>
  anAuditEntry({ at: new Date(ms).toISOString(), ...fields });

function aTrail() {
  const store = createMemoryObjectStore(BUCKET);
  const requests = { lists: [] as string[], gets: 0, underWay: 0, most: 0 };
  let counter = 0;
  const counting = {
    list: (bucket: string, prefix: string, callers: AbortSignal) => {
      requests.lists.push(prefix);
      return store.list(bucket, prefix, callers);
    },
    get: async (bucket: string, key: string, callers: AbortSignal) => {
      requests.gets++;
      requests.most = Math.max(requests.most, ++requests.underWay);
      await setImmediate();
      requests.underWay--;
      return store.get(bucket, key, callers);
    },
  };
  const putText = (key: string, body: string) =>
    store.putIfAbsent({ bucket: BUCKET, key, body, contentType: 'application/x-ndjson' }, signal);
  const put = (writtenMs: number, entries: AuditEntry[], instance = 'i') =>
    putText(auditKey(writtenMs, instance, ++counter), entries.map(renderEntry).join(''));

  async function read(query: AuditQuery = {}) {
    const entries: AuditEntry[] = [];
    const broken: unknown[] = [];
    const reading = { onBroken: (place: unknown) => broken.push(place) };
    for await (const entry of readAudit(counting, BUCKET, query, reading, signal)) entries.push(entry);
    return { entries, broken };
  }
  return { put, putText, read, requests };
}

describe('the audit trail', () => {
  test('is empty where nobody has looked at anything', async () => {
    await expect(aTrail().read()).resolves.toEqual({ entries: [], broken: [] });
  });

  test('is read in the order of time, whichever instance wrote an entry, and when', async () => {
    const { put, read } = aTrail();
    await put(NOON_MS + 3 * SECOND_MS, [at(NOON_MS + 2 * SECOND_MS), at(NOON_MS - 10 * SECOND_MS)], 'slow');
    await put(NOON_MS, [at(NOON_MS - 20 * SECOND_MS), at(NOON_MS)], 'quick');
    await put(NOON_MS + DAY_MS, [at(NOON_MS + DAY_MS)]);

    const { entries } = await read();
    expect(entries.map((entry) => (Date.parse(entry.at) - NOON_MS) / SECOND_MS)).toEqual([-20, -10, 0, 2, 86_400]);
  });

  test('is read in the order of time, always', async () => {
    const batch = fc.record({
      writtenMs: fc.integer({ min: 0, max: 3 * DAY_MS }),
      agesMs: fc.array(fc.integer({ min: 0, max: 60 * SECOND_MS }), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 40 }), async (batches) => {
        const { put, read } = aTrail();
        for (const { writtenMs, agesMs } of batches) {
          const ms = NOON_MS + writtenMs;
          await put(
            ms,
            agesMs.map((age) => at(ms - age)),
          );
        }
        const times = (await read()).entries.map((entry) => entry.at);
        expect(times).toEqual(times.toSorted());
        expect(times).toHaveLength(batches.flatMap(({ agesMs }) => agesMs).length);
      }),
      { numRuns: 40 },
    );
  });

  test('is read for one case alone', async () => {
    const { put, read } = aTrail();
    await put(NOON_MS, [at(NOON_MS), at(NOON_MS, { caseId: 'CASE-10' }), at(NOON_MS, { caseId: null })]);
    const { entries } = await read({ caseId: 'CASE-1' });
    expect(entries.map(({ caseId }) => caseId)).toEqual(['CASE-1']);
  });

  test('is read for a range of time, both ends inclusive, also where a day ended before an entry was written', async () => {
    const { put, read, requests } = aTrail();
    const midnightMs = NOON_MS + DAY_MS / 2;
    await put(midnightMs + 2 * SECOND_MS, [at(midnightMs - SECOND_MS), at(midnightMs + SECOND_MS)]);
    await put(NOON_MS, [at(NOON_MS)]);
    await put(NOON_MS + 5 * DAY_MS, [at(NOON_MS + 5 * DAY_MS)]);

    const { entries } = await read({ fromMs: NOON_MS, toMs: midnightMs - SECOND_MS });
    expect(entries.map((entry) => Date.parse(entry.at))).toEqual([NOON_MS, midnightMs - SECOND_MS]);
    expect(requests.lists).toEqual(['.formvault/audit/2025/11/21/', '.formvault/audit/2025/11/22/']);
    expect(requests.gets).toBe(2);
  });

  test('is read from a time on, or up to one', async () => {
    const { put, read } = aTrail();
    for (const days of [0, 1, 200]) await put(NOON_MS + days * DAY_MS, [at(NOON_MS + days * DAY_MS)]);
    const timesOf = async (query: AuditQuery) =>
      (await read(query)).entries.map((entry) => (Date.parse(entry.at) - NOON_MS) / DAY_MS);

    await expect(timesOf({ fromMs: NOON_MS + HOUR_MS })).resolves.toEqual([1, 200]);
    await expect(timesOf({ toMs: NOON_MS + DAY_MS })).resolves.toEqual([0, 1]);
    await expect(timesOf({ fromMs: NOON_MS + HOUR_MS, toMs: NOON_MS })).resolves.toEqual([]);
  });

  test('tells what in it cannot be read, and gives the rest', async () => {
    const { put, putText, read } = aTrail();
    const key = auditKey(NOON_MS, 'i', 99);
    const good = renderEntry(at(NOON_MS));
    await putText(key, `${good}{"at": "2026-1\n\n${good}{"at":"soon","who":"a"}\n"text"\n${good}`);
    await putText('.formvault/audit/2025/11/21/readme.txt', 'hello');
    await putText('.formvault/audit/else', 'hello');
    await put(NOON_MS + SECOND_MS, [at(NOON_MS + SECOND_MS)]);

    const { entries, broken } = await read();
    expect(entries).toHaveLength(4);
    expect(broken).toHaveLength(6);
    expect(broken).toEqual(
      expect.arrayContaining([
        ...[2, 3, 5, 6].map((line) => ({ key, line })),
        { key: '.formvault/audit/2025/11/21/readme.txt', line: null },
        { key: '.formvault/audit/else', line: null },
      ]),
    );
  });

  test('is read from many objects at a time, but not from all of them', async () => {
    const { put, requests, read } = aTrail();
    for (let each = 0; each < 100; each++) await put(NOON_MS + each * HOUR_MS, [at(NOON_MS + each * HOUR_MS)]);
    const { entries } = await read();
    expect(entries).toHaveLength(100);
    expect(requests.most).toBe(16);
  });
});
