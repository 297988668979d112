import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { caseIdOf, casePath } from '../../../src/web/case-path.ts';
import { stubCaseServices } from '../../support/builders-cases.ts';
import { aServer, ask } from './a-server.ts';

const ODD_IDS = [
  'BF-2026/0001',
  '../../x',
  '.',
  '..',
  '-',
  '100%',
  '%2F',
  '%252e%252e',
  'a b+c',
  'a?b#c&d=e',
  'tenants',
  'print',
  'Größe 🏠',
  'שלום',
  'a\\b',
  'a;b',
  'it\'s ("quoted") <b>',
  'tab\there',
  '//',
  'x'.repeat(255),
  '🏠'.repeat(255),
];

describe('the path of a case', () => {
  test('is plain for a plain id', () => {
    expect(casePath('BF-2026-0001', { view: '/submission', parameters: { key: 'a/b.json' } })).toBe(
      '/cases/BF-2026-0001/submission?key=a%2Fb.json',
    );
  });

  test.each(ODD_IDS)('leads a browser to the case %j', async (caseId) => {
    const { asked, url } = await aServerThatRemembers();

    // What a browser makes of the address, and what a proxy may do to slashes.
    const address = new URL(casePath(caseId, { view: '/submission', parameters: { key: 'k' } }), url);
    expect(address.pathname).not.toMatch(/\/\.{1,2}\/|%2f|\/\//i);
    await ask(address.href);

    expect(asked).toEqual([caseId]);
  });

  test('leads to every case that an engine can have', async () => {
    const { asked, url } = await aServerThatRemembers();
    const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 255 }).filter((text) => !text.includes('\0'));

    await fc.assert(
      fc.asyncProperty(id, async (caseId) => {
        asked.length = 0;
        await ask(new URL(casePath(caseId, { view: '/submission', parameters: { key: 'k' } }), url).href);
        expect(asked).toEqual([caseId]);
      }),
    );
  });

  test('is understood with an encoded slash in it too', async () => {
    const { asked, url } = await aServerThatRemembers();

    await ask(`${url}/cases/BF%2F2026%2F1/submission?key=k`);
    await ask(`${url}/api/workflow/cases/BF%2F2026%252F1/submission?key=k`);

    expect(asked).toEqual(['BF/2026/1', 'BF/2026%2F1']);
  });

  test('with an id in the query is for a hyphen in its place only', () => {
    expect(caseIdOf('A', new URLSearchParams({ case: 'B' }))).toBe('A');
    expect(caseIdOf('-', new URLSearchParams({ case: 'B' }))).toBe('B');
    expect(caseIdOf('-', new URLSearchParams())).toBe('-');
  });

  test('with a NUL in the id is that of no case', () => {
    expect(caseIdOf('a\0b', new URLSearchParams())).toBeNull();
    expect(caseIdOf('-', new URLSearchParams({ case: '' }))).toBeNull();
  });
});

async function aServerThatRemembers(): Promise<{ asked: string[]; url: string }> {
  const asked: string[] = [];
  const readSubmission = async ({ caseId }: { caseId: string }) => {
    asked.push(caseId);
    return null;
  };
  const { url } = await aServer({ cases: stubCaseServices({}, { readSubmission }) }).start();
  return { asked, url };
}
