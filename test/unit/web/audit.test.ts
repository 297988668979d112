import { describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../../src/audit/audit-entry.ts';
import { aKeptForm } from '../../support/builders-cases.ts';
import { ANNA } from '../../support/stub-sign-in.ts';
import { AS_ANNA, aCaseSite, FORM, KEY } from './a-case-site.ts';

const FILE = { bucket: FORM.bucket, key: 'file', fileName: 'a.txt', contentType: 'text/plain', body: Buffer.from('a') };
const CASES = { forms: [{ ...FORM, files: [FILE] }] };
const form = { caseId: 'CASE-1', bucket: FORM.bucket, key: FORM.key, result: 'shown' };

const LOOKS: [path: string, entries: Partial<AuditEntry>[]][] = [
  ['/cases?query=visit', [{ action: 'search', caseId: null, query: 'visit', result: 'shown', count: 1 }]],
  ['/cases?query=zebra', [{ action: 'search', caseId: null, query: 'zebra', result: 'absent', count: 0 }]],
  ['/cases/CASE-1', [{ action: 'view-case', caseId: 'CASE-1', result: 'shown', count: 1 }]],
  ['/cases/CASE-2', [{ action: 'view-case', caseId: 'CASE-2', result: 'absent' }]],
  [`/cases/CASE-1/submission?key=${KEY}`, [{ action: 'view-submission', ...form } as Partial<AuditEntry>]],
  [`/cases/CASE-1/submission?key=${KEY}&print=true`, [{ action: 'print', ...form } as Partial<AuditEntry>]],
  [`/cases/CASE-1/submission?key=${KEY}&raw=true`, [{ action: 'view-raw', ...form } as Partial<AuditEntry>]],
  ['/cases/CASE-1/submission?key=x', [{ action: 'view-submission', caseId: 'CASE-1', key: 'x', result: 'absent' }]],
  [
    '/cases/CASE-1/print',
    [
      { action: 'print', caseId: 'CASE-1', result: 'shown', count: 1 },
      { action: 'print', ...form } as Partial<AuditEntry>,
    ],
  ],
  ['/cases/CASE-2/print', [{ action: 'print', caseId: 'CASE-2', result: 'absent' }]],
  ['/cases/CASE-1/attachment?key=file', [{ action: 'download', ...form, key: 'file' } as Partial<AuditEntry>]],
  [
    '/cases/CASE-1/attachment?key=x&bucket=y',
    [{ action: 'download', caseId: 'CASE-1', key: 'x', bucket: 'y', result: 'absent' }],
  ],
  ['/api/workflow/cases?query=visit', [{ action: 'search', caseId: null, query: 'visit', result: 'shown', count: 1 }]],
  ['/api/workflow/cases/CASE-1', [{ action: 'view-case', caseId: 'CASE-1', result: 'shown', count: 1 }]],
  [`/api/workflow/cases/CASE-1/submission?key=${KEY}`, [{ action: 'view-raw', ...form } as Partial<AuditEntry>]],
];

describe('the audit trail', () => {
  test.each(LOOKS)('knows of %s who, when, what and from where', async (path, entries) => {
    const site = await aCaseSite({ cases: CASES });
    const before = Date.now();
    const headers = { ...AS_ANNA, 'X-Forwarded-For': '203.0.113.7', 'User-Agent': 'test' };

    await site.ask(path, { headers });

    const channel = path.startsWith('/api') ? 'api' : 'page';
    const from = { address: '127.0.0.1', forwardedFor: '203.0.113.7', userAgent: 'test', channel };
    expect(site.services.audited).toEqual(
      entries.map((entry) => ({ at: expect.any(String), who: ANNA.id, from, ...entry })),
    );
    const [at] = site.services.audited.map((entry) => Date.parse(entry.at));
    expect(at).toBeGreaterThanOrEqual(before);
  });

  test.each(LOOKS.map(([path]) => path))('that cannot be written shows nothing of %s', async (path) => {
    const record = () => Promise.reject(new Error('S3 is away'));
    const site = await aCaseSite({ cases: CASES, services: { audit: { record } } });

    const { status, text } = await site.ask(path);

    expect(status).toBe(503);
    expect(text).toMatch(/could not be noted down/);
    expect(text).not.toMatch(/Oslo|Site visit|anna@/);
    expect(site.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', sentence: 'nothing is shown: the audit trail cannot be written' }),
    );
  });

  test('is written before the answer is sent', async () => {
    let write = (): void => undefined;
    const written = new Promise<void>((resolve) => {
      write = resolve;
    });
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const record = async () => {
      begin();
      await written;
    };
    const site = await aCaseSite({ cases: CASES, services: { audit: { record } } });

    let isAnswered = false;
    const answer = site.ask('/cases/CASE-1').then((given) => {
      isAnswered = true;
      return given;
    });
    await begun;
    await site.ask('/health/live');
    expect(isAnswered).toBe(false);
    write();

    expect((await answer).status).toBe(200);
  });

  test('holds no more of a request than has a place in it', async () => {
    const site = await aCaseSite({ cases: { forms: [aKeptForm()] } });

    await site.ask('/cases', { headers: { ...AS_ANNA, 'User-Agent': 'x'.repeat(5000) } });

    expect(site.services.audited[0]?.from.userAgent).toHaveLength(512);
  });
});
