import { describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../../src/audit/audit-entry.ts';
import { createAuditLog } from '../../../src/audit/audit-log.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { anAuditEntry } from '../../support/builders-audit.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

const BUCKET = 'dev-cop-case';
const START_MS = Date.parse('2026-11-21T08:53:06.968Z');
const { signal } = new AbortController();

/** An audit log at a virtual clock; `hold` keeps writes from being answered, `fault` makes them fail. */
function aLog() {
  const time = createVirtualTime(START_MS);
  const memory = createMemoryObjectStore(BUCKET);
  const log = createRememberingLog();
  const control = {
    held: null as Promise<void> | null,
    fault: null as unknown,
    afterWrite: null as unknown,
    attempts: 0,
  };
  const store: ObjectStore = {
    ...memory,
    async putIfAbsent(object, callers) {
      control.attempts++;
      await control.held;
      if (control.fault !== null) throw control.fault;
      const answer = await memory.putIfAbsent(object, callers);
      if (control.afterWrite !== null) throw control.afterWrite;
      return answer;
    },
  };
  const audit = createAuditLog({
    store,
    bucket: BUCKET,
    instanceId: 'host/1',
    log,
    time: { wallMs: time.nowMs, steadyMs: time.nowMs, pause: time.pause },
  });

  async function objects(): Promise<{ key: string; lines: AuditEntry[] }[]> {
    const found: { key: string; lines: AuditEntry[] }[] = [];
    for await (const key of memory.list(BUCKET, '', signal)) {
      const text = Buffer.from((await memory.get(BUCKET, key, signal))?.body ?? []).toString();
      const lines = text.trimEnd().split('\n');
      found.push({ key, lines: lines.map((line) => JSON.parse(line)) });
    }
    return found;
  }

  /** Keeps writes from being answered until the returned function is called. */
  function hold(): () => void {
    const held = Promise.withResolvers<void>();
    control.held = held.promise;
    return () => {
      control.held = null;
      held.resolve();
    };
  }
  return { audit, time, memory, log, control, objects, hold };
}

const unavailable = () => new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object');

/** How a promise ended, or `open`. */
function watch(promise: Promise<unknown>): { end: string } {
  const watched = { end: 'open' };
  promise.then(
    () => {
      watched.end = 'written';
    },
    (error: { code: string }) => {
      watched.end = error.code;
    },
  );
  return watched;
}

describe('an entry', () => {
  test('is in the state bucket when it is recorded, as a line of JSON below the day of its writing', async () => {
    const { audit, objects } = aLog();
    await audit.record(anAuditEntry({ key: 'a key', bucket: BUCKET }), signal);

    await expect(objects()).resolves.toEqual([
      {
        key: '.formvault/audit/2026/11/21/20261121T085306.968Z-host%2F1-1.jsonl',
        lines: [anAuditEntry({ key: 'a key', bucket: BUCKET })],
      },
    ]);
  });

  test('holds what an entry holds and nothing else, with what came with the request cut, but for the query', async () => {
    const { audit, objects } = aLog();
    const [query, userAgent] = ['q'.repeat(2_000), 'u'.repeat(5_000)];
    const bent = { ...anAuditEntry({ query }), answers: { diagnosis: 'secret' } };
    await audit.record({ ...bent, from: { ...bent.from, userAgent, cookie: 'secret' } as AuditEntry['from'] }, signal);

    const [{ lines } = { lines: [] }] = await objects();
    expect(lines[0]?.query).toBe(query);
    expect(lines[0]?.from.userAgent).toBe(`${'u'.repeat(1_000)}…`);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('stays on one line, whatever its texts hold', async () => {
    const { audit, objects } = aLog();
    const entry = anAuditEntry({ who: 'anna\n{"who":"eve"}\r\u2028', query: '\u0000"\\' });
    await audit.record(entry, signal);
    await expect(objects()).resolves.toMatchObject([{ lines: [entry] }]);
  });
});

describe('entries that come while a write is under way', () => {
  test('go together into the next one, as soon as that write has ended', async () => {
    const { audit, time, objects, hold } = aLog();
    const release = hold();
    const recorded = ['a', 'b', 'c'].map((who) => audit.record(anAuditEntry({ who }), signal));
    await time.runUntil(START_MS + 200);
    release();
    await Promise.all(recorded);

    const written = await objects();
    expect(written.map(({ lines }) => lines.map(({ who }) => who))).toEqual([['a'], ['b', 'c']]);
  });

  test('wait for a second at the most, also when that write hangs', async () => {
    const { audit, time, control, hold } = aLog();
    const release = hold();
    const first = watch(audit.record(anAuditEntry({ who: 'a' }), signal));
    await time.runUntil(START_MS);
    control.held = null;
    const second = watch(audit.record(anAuditEntry({ who: 'b' }), signal));
    await time.runUntil(START_MS + 999);
    expect([first.end, second.end]).toEqual(['open', 'open']);
    await time.runUntil(START_MS + 1_000);
    expect([first.end, second.end]).toEqual(['open', 'written']);
    await expect(audit.record(anAuditEntry({ who: 'c' }), signal)).resolves.toBeUndefined();
    release();
    await audit.stop(signal);
    expect(first.end).toBe('written');
  });

  test('become objects of a thousand entries at the most', async () => {
    const { audit, time, objects, hold } = aLog();
    const release = hold();
    const recorded = Array.from({ length: 2_002 }, () => audit.record(anAuditEntry(), signal));
    release();
    await time.runUntil(START_MS + 3_000);
    await Promise.all(recorded);
    const sizes = (await objects()).map(({ lines }) => lines.length);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 1, 1_000, 1_000]);
  });

  test('are refused when too many wait', async () => {
    const { audit, hold } = aLog();
    hold();
    const recorded = Array.from({ length: 10_001 }, () => watch(audit.record(anAuditEntry(), signal)));
    await expect(audit.record(anAuditEntry(), signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
    await audit.stop(AbortSignal.abort());
    expect(new Set(recorded.map(({ end }) => end))).toEqual(new Set(['SHUTTING_DOWN']));
  });
});

describe('a write that fails', () => {
  test('is tried again, and the entry is written when S3 is back', async () => {
    const { audit, time, control, objects, log } = aLog();
    control.fault = unavailable();
    const recorded = watch(audit.record(anAuditEntry(), signal));
    await time.runUntil(START_MS + 2_000);
    expect(recorded.end).toBe('open');
    control.fault = null;
    await time.runUntil(START_MS + 4_000);
    expect(recorded.end).toBe('written');
    await expect(objects()).resolves.toHaveLength(1);
    expect(log.lines).toEqual([]);
  });

  test('is given up after some seconds: the caller is told, and so is the log, once', async () => {
    const { audit, time, control, objects, log } = aLog();
    control.fault = unavailable();
    const recorded = [1, 2, 3].map(() => watch(audit.record(anAuditEntry(), signal)));
    await time.runUntil(START_MS + 20_000);
    expect(recorded.map(({ end }) => end)).toEqual(Array(3).fill('VAULT_UNAVAILABLE'));
    expect(audit.state().failures).toBe(2);
    expect(log.lines.map(({ level }) => level)).toEqual(['error']);

    control.fault = null;
    await audit.record(anAuditEntry(), signal);
    expect(audit.state()).toEqual({ failures: 0, waiting: 0 });
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', fields: { failures: 2 } });
    await expect(objects()).resolves.toHaveLength(1);
  });

  test.each(['VAULT_REJECTED', 'BUCKET_MISSING'] as const)('with %s is given up at once', async (code) => {
    const { audit, control } = aLog();
    control.fault = new FormvaultError(code, 'could not write an object');
    await expect(audit.record(anAuditEntry(), signal)).rejects.toMatchObject({ code });
    expect(control.attempts).toBe(1);
  });

  test('whose answer was lost leaves one object', async () => {
    const { audit, time, control, objects } = aLog();
    control.afterWrite = unavailable();
    const recorded = watch(audit.record(anAuditEntry(), signal));
    await time.runUntil(START_MS);
    control.afterWrite = null;
    await time.runUntil(START_MS + 2_000);
    expect(recorded.end).toBe('written');
    await expect(objects()).resolves.toHaveLength(1);
  });

  test('because something else holds its key goes to another one, and leaves that as it was', async () => {
    const { audit, memory, objects } = aLog();
    const key = '.formvault/audit/2026/11/21/20261121T085306.968Z-host%2F1-1.jsonl';
    const body = `${JSON.stringify(anAuditEntry({ who: 'other' }))}\n`;
    await memory.putIfAbsent({ bucket: BUCKET, key, body, contentType: 'application/x-ndjson' }, signal);

    await audit.record(anAuditEntry(), signal);
    const written = await objects();
    expect(written.map(({ lines }) => lines.map(({ who }) => who))).toEqual([['other'], ['anna@example.com']]);
  });

  test('because every key is taken ends', async () => {
    const { memory, log } = aLog();
    const taken = createAuditLog({
      store: { ...memory, putIfAbsent: async () => 'taken' },
      bucket: BUCKET,
      instanceId: 'i',
      log,
    });
    await expect(taken.record(anAuditEntry(), signal)).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
  });
});

describe('a caller that gives up', () => {
  test('is told so, and an entry that was not begun is not written', async () => {
    const { audit, time, objects, hold } = aLog();
    const release = hold();
    const first = audit.record(anAuditEntry({ who: 'a' }), signal);
    const caller = new AbortController();
    const second = watch(audit.record(anAuditEntry({ who: 'b' }), caller.signal));
    caller.abort();
    await time.runUntil(START_MS);
    expect(second.end).toBe('SHUTTING_DOWN');
    release();
    await first;
    await audit.stop(signal);
    await expect(objects()).resolves.toMatchObject([{ lines: [{ who: 'a' }] }]);
  });
});

describe('a stop', () => {
  test('waits until everything is written, and lets nothing more in', async () => {
    const { audit, time, objects, hold } = aLog();
    const release = hold();
    const recorded = ['a', 'b'].map((who) => watch(audit.record(anAuditEntry({ who }), signal)));
    const stopped = watch(audit.stop(signal));
    const stoppedAgain = watch(audit.stop(signal));
    await expect(audit.record(anAuditEntry(), signal)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await time.runUntil(START_MS);
    expect(stopped.end).toBe('open');
    release();
    await time.runUntil(START_MS + 2_000);
    expect([...recorded, stopped, stoppedAgain].map(({ end }) => end)).toEqual(Array(4).fill('written'));
    await expect(objects()).resolves.toHaveLength(2);
  });

  test('that may not wait any longer gives everything up', async () => {
    const { audit, time, control } = aLog();
    control.fault = unavailable();
    const recorded = ['a', 'b'].map((who) => watch(audit.record(anAuditEntry({ who }), signal)));
    await time.runUntil(START_MS);
    await audit.stop(AbortSignal.abort());
    await time.runUntil(START_MS);
    expect(recorded.map(({ end }) => end)).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN']);
  });

  test('of an idle log ends at once', async () => {
    await aLog().audit.stop(signal);
  });
});
