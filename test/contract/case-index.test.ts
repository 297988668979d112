import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Visible } from '../../src/access/visible.ts';
import type { CaseIndex, IndexEntry } from '../../src/index/case-index.ts';
import { entryOf } from '../../src/index/index-entry.ts';
import { isAboutEntry } from '../../src/index/index-failures.ts';
import { openPostgres } from '../../src/index/open-postgres.ts';
import { parseCaseQuery } from '../../src/index/parse-query.ts';
import { createPartCatalog } from '../../src/index/part-catalog.ts';
import { createRememberingLog } from '../support/builders-log.ts';
import { anEntry, BUCKET, OTHER_BUCKET } from './an-index-entry.ts';
import { empty, open, rowsOf, startDatabases } from './index-databases.ts';

const databases = await startDatabases();
const FIRST_PAGE = { number: 0, size: 20 };

afterAll(() => databases.end(), 20_000);

describe.each(databases.places)('the index on $name', ({ create }) => {
  let index: CaseIndex;

  beforeAll(async () => {
    ({ index } = await open(await create()));
  }, 60_000);
  afterAll(() => index.close());
  beforeEach(() => empty(index, [BUCKET, OTHER_BUCKET]), 20_000);

  const search = (text: string, visible: Visible = 'everything', page = FIRST_PAGE) =>
    index.searchCases(parseCaseQuery(text), visible, page);
  const found = async (text: string, visible?: Visible) => (await search(text, visible)).cases.map((hit) => hit.caseId);
  const rows = () => rowsOf(index);

  describe('keeps entries', () => {
    test('as they were put, in the order of bucket and key', async () => {
      const long = 'north side of the great gate, größe and 表單 and öl once more';
      const entries = [
        anEntry({ bucket: OTHER_BUCKET, key: 'a/b/c.json' }),
        anEntry({ key: 'b/b/c.json', answers: ['Größe 表單', 'öl', 'north side of the gate', long] }),
        anEntry({ key: 'B/b/c.json', title: null, tenantId: 'north', processInstanceId: null, digest: null }),
      ];
      await index.put(entries);
      expect(await rows()).toEqual([entries[2], entries[1], entries[0]]);
      expect(await index.countSubmissions()).toBe(3);
    });

    test('once, however often they are put, and the last of several for one key', async () => {
      const entry = anEntry({ answers: ['first'] });
      const later = { ...anEntry({ answers: ['second'], caseId: 'CASE-2', processInstanceId: 'p-2' }), key: entry.key };
      await index.put([entry]);
      await index.put([entry]);
      await index.put([entry, later]);
      expect(await rows()).toEqual([later]);
      expect(await found('first')).toEqual([]);
      expect(await found('second')).toEqual(['CASE-2']);
      expect(await found('')).toEqual(['CASE-2']);
    });

    test('and says which of some keys it has, bucket by bucket', async () => {
      const entry = anEntry();
      await index.put([entry]);
      expect(await index.findKnown(BUCKET, [entry.key, 'other'])).toEqual(new Set([entry.key]));
      expect(await index.findKnown(OTHER_BUCKET, [entry.key])).toEqual(new Set());
      expect(await index.findKnown(BUCKET, [])).toEqual(new Set());
    });

    test('of any number at once, and none', async () => {
      const many = Array.from({ length: 1_203 }, (_, number) => anEntry({ caseId: `CASE-${number % 7}` }));
      await index.put([]);
      await index.put(many);
      const { total, cases } = await search('');
      expect(total).toBe(7);
      expect(cases.reduce((sum, { submissions }) => sum + submissions, 0)).toBe(1_203);
    });

    test('of one case by several writers at once without losing count', async () => {
      const writers = Array.from({ length: 12 }, (_, writer) =>
        Array.from({ length: 20 }, (_, number) => anEntry({ caseId: `CASE-${(writer + number) % 3}` })),
      );
      await Promise.all(writers.map((entries) => index.put(entries)));
      expect((await search('')).cases.map(({ submissions }) => submissions)).toEqual([80, 80, 80]);
    });

    test.each([
      ['quotes and backslashes', `it's "quoted" \\ \\' ''`],
      ['operators of the search', `a:* <-> & | ! (b) 'c':1A`],
      ['NUL and control characters', 'before\0after \u0001\u007f'],
      ['half of a surrogate pair', 'before \ud83d after \udc00'],
      ['emoji', '🧾 👩‍👩‍👧 receipts'],
      ['right-to-left marks', '\u202ereversed\u202c שלום'],
      ['SQL', `'); drop table formvault.words; --`],
    ])('with %s in every field', async (_, text) => {
      const entry = anEntry({
        caseId: text,
        processInstanceId: text,
        formName: text,
        title: text,
        submittedBy: text,
        source: text,
        answers: [text],
      });
      await index.put([entry]);
      const stored = text.replaceAll('\0', '\ufffd').toWellFormed();
      expect(await rows()).toMatchObject([{ caseId: stored, title: stored, source: stored }]);
      expect(await index.findSubmissions(text, 'everything')).toHaveLength(1);
      for (const query of [text, `"${text}"`, `form:"${text}"`, `by:"${text}" -nothing`, `${text}*`]) {
        expect((await search(query)).total).toBeLessThanOrEqual(1);
      }
      expect(await found(`"${text.replaceAll('"', ' ')}"`)).toEqual([stored]);
    });

    test.each(['한', 'ა', '𐐨'])('with eight words of 300 letters like %s', async (letter) => {
      const text = Array.from({ length: 8 }, (_, number) => `${number}${letter.repeat(300)}`).join(' ');
      const entry = anEntry({ caseId: text, formName: text, title: text, submittedBy: text, answers: [text] });
      await index.put([entry]);
      for (const query of [`"${text}"`, `form:"${text}"`, `by:"${text}"`]) expect(await found(query)).toEqual([text]);
    });

    test('unless what is in them is beyond its limits: then it says so', async () => {
      const many = Array.from({ length: 100_000 }, (_, number) => `'word-number-${number}'`).join(' ');
      for (const words of [`'${'x'.repeat(3_000)}'`, many]) {
        const failure = await index.put([{ ...anEntry(), words }]).catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: 'INDEX_UNAVAILABLE', context: { sqlState: '54000' } });
        expect(isAboutEntry(failure)).toBe(true);
      }
      expect(await rows()).toEqual([]);
    });

    test('of submissions of a megabyte', async () => {
      const texts = Array.from({ length: 40_000 }, (_, number) => `answer ${number} wörd${number}`);
      const body = JSON.stringify({ texts, long: 'x'.repeat(500_000), cjk: '表單'.repeat(50_000) });
      const key = 'CASE-1/site-visit/anna-20261121T085306.json';
      const entry = entryOf({ bucket: BUCKET, key, metadata: {}, body, bytes: Buffer.byteLength(body) }) as IndexEntry;
      expect(body.length).toBeGreaterThan(1_000_000);
      await index.put([entry, anEntry({ caseId: 'CASE-2' })]);
      expect(await rows()).toContainEqual(entry);
      expect(await found('wörd77')).toEqual(['CASE-1']);
      expect(await found('"answer 77"')).toEqual(['CASE-1']);
    });
  });

  describe('built again', () => {
    test('keeps what the run retains, though it did not put it anew, and nothing that is not there', async () => {
      const [put, retained, elsewhere, gone] = [
        anEntry({ answers: ['gate'] }),
        anEntry({ answers: ['gate'] }),
        anEntry({ bucket: OTHER_BUCKET, answers: ['gate'] }),
        anEntry({ answers: ['gate'] }),
      ];
      await index.put([put, retained, elsewhere, gone]);
      const run = await index.beginReindex();
      await run.put([put]);
      await run.retain(BUCKET, [retained.key, elsewhere.key, 'never/f/1.json']);
      await run.retain(BUCKET, []);
      await run.retain(BUCKET, [retained.key]);
      expect(await run.finish([BUCKET, OTHER_BUCKET])).toEqual({ removed: 2 });
      expect(await rows()).toEqual([put, retained]);
      expect((await search('gate')).cases).toMatchObject([{ submissions: 2 }]);
    });

    test('is not marked by a run that another process has ended', async () => {
      const entry = anEntry();
      await index.put([entry]);
      const [one, other] = [await index.beginReindex(), await index.beginReindex()];
      await other.put([entry]);
      await other.finish([BUCKET]);
      await one.retain(BUCKET, [entry.key]);
      const next = await index.beginReindex();
      expect(await next.findDone(BUCKET, [entry.key])).toEqual(new Set());
      expect(await next.finish([BUCKET])).toEqual({ removed: 1 });
    });
  });

  describe('finds submissions', () => {
    test('of a case, newest first, and none of another', async () => {
      const [older, newer] = [anEntry({ submittedAtMs: 1 }), anEntry({ submittedAtMs: 2 })];
      await index.put([older, newer, anEntry({ caseId: 'CASE-10' })]);
      const { words: _words, pairs: _pairs, ...first } = newer;
      const submissions = await index.findSubmissions('CASE-1', 'everything');
      expect(submissions[0]).toEqual(first);
      expect(submissions.map(({ key }) => key)).toEqual([newer.key, older.key]);
      expect(await index.findSubmissions('CASE', 'everything')).toEqual([]);
    });

    test('under a key only within its own case', async () => {
      const entry = anEntry();
      await index.put([entry, anEntry({ caseId: 'CASE-2' })]);
      const { key } = entry;
      expect(await index.findSubmission({ caseId: 'CASE-1', key }, 'everything')).toMatchObject({ key });
      for (const caseId of ['CASE-2', 'case-1', 'CASE-1 ', '']) {
        expect(await index.findSubmission({ caseId, key }, 'everything')).toBeNull();
      }
    });

    test('under one key in two buckets: the newer one, unless the bucket is named', async () => {
      const key = 'CASE-1/f/anna.json';
      await index.put([
        anEntry({ key, submittedAtMs: 2, processInstanceId: 'p-1' }),
        anEntry({ key, submittedAtMs: 1, processInstanceId: 'p-2', bucket: OTHER_BUCKET }),
      ]);
      const find = (bucket?: string, visible: Visible = 'everything') =>
        index.findSubmission({ caseId: 'CASE-1', key, ...(bucket !== undefined && { bucket }) }, visible);
      expect(await find()).toMatchObject({ bucket: BUCKET });
      expect(await find(OTHER_BUCKET)).toMatchObject({ bucket: OTHER_BUCKET });
      expect(await find('dev-other')).toBeNull();
      expect(await find(undefined, { instances: { only: ['p-2'] }, tenants: [] })).toMatchObject({
        bucket: OTHER_BUCKET,
      });
    });
  });

  describe('shows cases', () => {
    test('newest first, page by page, with an exact total', async () => {
      const entries = Array.from({ length: 45 }, (_, number) =>
        anEntry({ caseId: `CASE-${number}`, submittedAtMs: 1_000 - number, answers: ['gate'] }),
      );
      await index.put(entries);
      for (const query of ['', 'gate', '-closed', 'from:1970']) {
        const pages = await Promise.all(
          [0, 1, 2, 3].map((number) => search(query, 'everything', { number, size: 20 })),
        );
        expect(pages.map(({ total }) => total)).toEqual([45, 45, 45, 45]);
        expect(pages.map(({ cases }) => cases.length)).toEqual([20, 20, 5, 0]);
        const ids = pages.flatMap(({ cases }) => cases.map(({ caseId }) => caseId));
        expect(ids).toEqual(entries.map(({ caseId }) => caseId));
      }
    });

    test('of one and the same time each on one page', async () => {
      const times = [3, 2, 2, 2, 2, 2, 2, 2, 2, 1];
      const entries = times.map((submittedAtMs, number) => anEntry({ caseId: `CASE-${number}`, submittedAtMs }));
      await index.put(entries);
      const pages = await Promise.all([0, 1, 2, 3].map((number) => search('', 'everything', { number, size: 3 })));
      expect(pages.map(({ cases }) => cases.length)).toEqual([3, 3, 3, 1]);
      const shown = pages.flatMap(({ cases }) => cases);
      expect(shown.map(({ latestMs }) => latestMs)).toEqual(times);
      expect(new Set(shown.map(({ caseId }) => caseId)).size).toBe(times.length);
    });

    test('with all that there is of them, also where only a part of it was found', async () => {
      await index.put([
        anEntry({ processInstanceId: 'p-1', submittedAtMs: 1, answers: ['harbour'] }),
        anEntry({ processInstanceId: 'p-2', submittedAtMs: 3, title: 'Decision' }),
        anEntry({ processInstanceId: 'p-1', submittedAtMs: 2 }),
        anEntry({ processInstanceId: null, submittedAtMs: 0, title: null, formName: 'note' }),
      ]);
      const hit = {
        caseId: 'CASE-1',
        processInstanceIds: ['p-2', 'p-1'],
        submissions: 4,
        latestMs: 3,
        latestTitle: 'Decision',
      };
      expect(await search('harbour')).toEqual({ total: 1, cases: [hit] });
      expect(await search('harbour', { instances: { allExcept: ['p-2'] }, tenants: [] })).toEqual({
        total: 1,
        cases: [{ ...hit, processInstanceIds: ['p-1'], submissions: 3, latestMs: 2, latestTitle: 'Site visit' }],
      });
    });

    test('by the name of the form where it has no title', async () => {
      await index.put([anEntry({ title: null, formName: 'note' })]);
      expect((await search('')).cases).toMatchObject([{ latestTitle: 'note' }]);
    });

    test('only as far as somebody may see them, in results, counts and single submissions', async () => {
      const mine = anEntry({ caseId: 'MINE', processInstanceId: 'p-mine', answers: ['secret'] });
      const theirs = anEntry({ caseId: 'THEIRS', processInstanceId: 'p-theirs', answers: ['secret'] });
      const north = anEntry({ caseId: 'NORTH', processInstanceId: 'p-north', tenantId: 'north', answers: ['secret'] });
      const none = anEntry({ caseId: 'NONE', processInstanceId: null, answers: ['secret'] });
      await index.put([mine, theirs, north, none]);
      const people: [Visible, string[]][] = [
        ['everything', ['NONE', 'NORTH', 'THEIRS', 'MINE']],
        [{ instances: { allExcept: ['p-theirs'] }, tenants: ['south'] }, ['NONE', 'MINE']],
        [{ instances: { allExcept: [] }, tenants: ['south', 'north'] }, ['NONE', 'NORTH', 'THEIRS', 'MINE']],
        [{ instances: { only: ['p-mine', 'p-north'] }, tenants: [] }, ['MINE']],
        [{ instances: { only: ['p-mine', 'p-north'] }, tenants: ['north'] }, ['NORTH', 'MINE']],
        [{ instances: { only: [] }, tenants: ['north'] }, []],
      ];
      for (const [visible, ids] of people) {
        for (const query of ['', 'secret', 'secr*', '-closed', 'form:site', 'from:2026']) {
          expect(await found(query, visible)).toEqual(ids);
          expect((await search(query, visible)).total).toBe(ids.length);
        }
        for (const { caseId, key } of [mine, theirs, north, none]) {
          const isSeen = ids.includes(caseId);
          expect((await index.findSubmissions(caseId, visible)).length).toBe(isSeen ? 1 : 0);
          expect((await index.findSubmission({ caseId, key }, visible)) !== null).toBe(isSeen);
        }
      }
    });

    test('to somebody from whom thousands of process instances are hidden', async () => {
      const entries = Array.from({ length: 4_000 }, (_, number) =>
        anEntry({ caseId: `CASE-${Math.floor(number / 2)}`, processInstanceId: `p-${number}`, answers: ['gate'] }),
      );
      await index.put(entries);
      // Of each case one instance, of each tenth both.
      const hidden = entries.filter((_, number) => number % 2 === 0 || number % 20 === 1);
      const ids = [...hidden.map(({ processInstanceId }) => processInstanceId ?? ''), 'p-unknown'];
      const visible = { instances: { allExcept: ids }, tenants: [] };
      for (const query of ['', 'gate', '-closed']) {
        const { total, cases } = await search(query, visible);
        expect(total).toBe(1_800);
        expect(cases[0]).toMatchObject({ caseId: 'CASE-1999', processInstanceIds: ['p-3999'], submissions: 1 });
      }
    }, 60_000);
  });
});

test('what a search has made of the parts stays as it was when another one reads what has changed since', async () => {
  const url = await databases.createDatabase();
  const { db, close } = await openPostgres(url, createRememberingLog());
  const { index } = await open({ databaseUrl: url, dataDir: '' });
  const catalog = createPartCatalog();
  const viewNow = async () => {
    await db.transaction().execute((trx) => catalog.refresh(trx));
    return catalog.viewOf('everything');
  };
  try {
    await index.put([anEntry({ caseId: 'A', submittedAtMs: 2 }), anEntry({ caseId: 'B', submittedAtMs: 1 })]);
    const before = await viewNow();
    const [a = 0, b = 0] = before.cases;
    await index.put([anEntry({ caseId: 'B', submittedAtMs: 3 }), anEntry({ caseId: 'C', submittedAtMs: 4 })]);
    const after = await viewNow();

    expect(after.cases).toEqual([expect.any(Number), b, a]);
    expect(after.partsOf([b]).get(b)).toMatchObject([{ submissions: 2, latest_ms: 3 }]);
    expect(before.cases).toEqual([a, b]);
    expect(before.partsOf([a, b]).get(b)).toMatchObject([{ submissions: 1, latest_ms: 1 }]);
    expect(before.partsOf(after.cases).size).toBe(2);
  } finally {
    await index.close();
    await close();
  }
});
