import { describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../../src/audit/audit-entry.ts';
import { renderEntry } from '../../../src/audit/audit-entry-lines.ts';
import { auditKey } from '../../../src/audit/audit-key.ts';
import { listAudit, parseAuditOptions } from '../../../src/commands/audit.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { anAuditEntry } from '../../support/builders-audit.ts';

const BUCKET = 'dev-cop-case';
const { signal } = new AbortController();

async function list(
  lines: (AuditEntry | string)[],
  options: { asJson?: boolean; caseId?: string; isWatched?: boolean } = {},
) {
  const store = createMemoryObjectStore(BUCKET);
  const body = lines.map((line) => (typeof line === 'string' ? `${line}\n` : renderEntry(line))).join('');
  const key = auditKey(Date.parse('2026-11-21T08:53:07Z'), 'i', 1);
  await store.putIfAbsent({ bucket: BUCKET, key, body, contentType: 'application/x-ndjson' }, signal);
  let out = '';
  let err = '';
  const { asJson = false, caseId, isWatched = false } = options;
  const exitCode = await listAudit(
    {
      store,
      bucket: BUCKET,
      query: caseId === undefined ? {} : { caseId },
      asJson,
      terminal: {
        out: (text) => {
          out += text;
        },
        err: (text) => {
          err += text;
        },
        isWatched,
      },
    },
    signal,
  );
  return { exitCode, out, err };
}

/** ESC, a bell, a mark that turns the direction, a soft hyphen, a line separator. */
const HOSTILE = 'a\u001b[2Jb\u0007c\u202Ed\u00ADe\u2028f\u{E0041}';

describe('the list of who looked at what', () => {
  test('has a line for each entry: who, when, what, from where, result', async () => {
    const key = 'CASE-1/site-visit/anna-20261121T085306.json';
    const { out, err, exitCode } = await list(
      [
        anAuditEntry(),
        anAuditEntry({
          who: 'bob',
          action: 'view-submission',
          bucket: BUCKET,
          key,
          result: 'absent',
          from: { address: '10.0.0.1', forwardedFor: '192.0.2.7', channel: 'api' },
        }),
      ],
      { caseId: 'CASE-1' },
    );
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['Who', 'When (UTC)', 'What', 'From where', 'Result'],
      [
        'anna@example.com',
        '2026-11-21T08:53:06.968Z',
        'viewed the case CASE-1',
        '127.0.0.1 by a page Mozilla/5.0',
        'shown 3',
      ],
      [
        'bob',
        '2026-11-21T08:53:06.968Z',
        `viewed the form ${BUCKET}/${key}`,
        '10.0.0.1 for 192.0.2.7 by the API',
        expect.stringMatching(/^absent/),
      ],
      [''],
    ]);
    expect([err, exitCode]).toEqual(['', 0]);
  });

  test('holds searches too where no case is asked for', async () => {
    const search = anAuditEntry({ action: 'search', caseId: null, query: 'oslo', count: 2 });
    const { out } = await list([search, anAuditEntry()]);
    expect(out).toContain('searched “oslo”');
    expect(out).toContain('viewed the case CASE-1');
  });

  test('is one JSON line for each entry on request, which says the same', async () => {
    const entries = [anAuditEntry(), anAuditEntry({ query: HOSTILE, caseId: 'größe 🧾' })];
    const { out } = await list(entries, { asJson: true });
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(entries);
  });

  test.each([false, true])(
    'does nothing to a terminal, whatever a request brought along (as JSON: %s)',
    async (asJson) => {
      const from = { address: HOSTILE, forwardedFor: HOSTILE, userAgent: HOSTILE, channel: 'page' } as const;
      const { out, err } = await list(
        [anAuditEntry({ who: HOSTILE, query: HOSTILE, key: HOSTILE, caseId: HOSTILE, from }), HOSTILE],
        { asJson },
      );
      expect(out + err).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(out).toContain('202e');
    },
  );

  test('tells what cannot be read, and ends with exit code 1', async () => {
    const { out, err, exitCode } = await list([anAuditEntry(), '{"at":'], { caseId: 'CASE-1' });
    expect(out).toContain('anna@example.com');
    expect(err).toMatch(/cannot be read: \.formvault\/audit\/.*, line 2\n1 places/);
    expect(exitCode).toBe(1);
  });

  test('says when there is nothing', async () => {
    await expect(list([anAuditEntry()], { caseId: 'CASE-2' })).resolves.toEqual({
      out: '',
      err: 'no entries\n',
      exitCode: 0,
    });
  });

  test('clears the line of its progress where somebody looks', async () => {
    const { err, out } = await list([anAuditEntry()], { isWatched: true });
    expect(err).toContain('\r\u001b[K');
    expect(out).not.toContain('\u001b');
  });
});

describe('the times to list from and to', () => {
  test.each([
    ['2026-11-21', '2026-11-21T00:00:00.000Z', '2026-11-21T23:59:59.999Z'],
    ['20261121', '2026-11-21T00:00:00.000Z', '2026-11-21T23:59:59.999Z'],
    ['2026-11', '2026-11-01T00:00:00.000Z', '2026-11-30T23:59:59.999Z'],
    ['2026', '2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z'],
  ])('are the first and the last moment of %s', (text, first, last) => {
    const [fromMs, toMs] = [Date.parse(first), Date.parse(last)];
    expect(parseAuditOptions({ from: text, to: text })).toEqual({ fromMs, toMs });
  });

  test('may be instants', () => {
    expect(parseAuditOptions({ to: '2026-11-21T08:00:00+02:00' })).toEqual({
      toMs: Date.parse('2026-11-21T06:00:00Z'),
    });
  });

  test('are CONFIG_INVALID when they cannot be read', () => {
    for (const options of [
      { from: 'yesterday' },
      { to: '2026-13-01' },
      { to: '2026-W48' },
      { to: '2026-325' },
      { to: '' },
    ]) {
      expect(() => parseAuditOptions(options)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
  });
});
