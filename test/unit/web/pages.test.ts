import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { aKeptForm, stubCaseServices } from '../../support/builders-cases.ts';
import { ANNA } from '../../support/stub-sign-in.ts';
import { AS_ANNA, aCaseSite, FORM, KEY } from './a-case-site.ts';

const FORM_PAGE = `/cases/CASE-1/submission?key=${KEY}`;
const FILE = {
  bucket: FORM.bucket,
  key: `${FORM.key}/attachments/photo/gate.html`,
  fileName: 'gate "north".html',
  contentType: 'text/html',
  body: Buffer.from('<script>alert(1)</script>'),
};
const WITH_FILE = { cases: { forms: [{ ...FORM, files: [FILE] }] } };
const FILE_PATH = `/cases/CASE-1/attachment?key=${encodeURIComponent(FILE.key)}`;

describe('who has not signed in', () => {
  test.each(['/cases', '/cases?query=gate', '/cases/CASE-1', FORM_PAGE, '/cases/CASE-1/print', FILE_PATH])(
    'is led from %s to the sign-in and knows the way back',
    async (path) => {
      const site = await aCaseSite();

      const { status, headers, text } = await site.ask(path, { headers: {} });

      expect([status, text]).toEqual([303, '']);
      expect(headers.location).toBe(`/sign-in?${new URLSearchParams({ return: path })}`);
      expect(site.services.audited).toEqual([]);
    },
  );
});

describe('the page', () => {
  test('of a form has its labels and answers, and who is signed in', async () => {
    const site = await aCaseSite();

    const { status, headers, text } = await site.ask(FORM_PAGE);

    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    for (const shown of ['City', 'Oslo', 'CASE-1', 'anna@example.com', '1 March 2026, 08:05 UTC', ANNA.displayName]) {
      expect(text).toContain(shown);
    }
  });

  test('of a form links to it as it is stored, byte for byte', async () => {
    const site = await aCaseSite();

    const { text, headers } = await site.ask(`${FORM_PAGE}&raw=true`);

    expect((await site.ask(FORM_PAGE)).text).toContain('&amp;raw=true"');
    expect([text, headers['content-type']]).toEqual([FORM.body, 'application/json; charset=utf-8']);
  });

  test('of a case tells two forms of the same key apart by their buckets', async () => {
    const other = { ...FORM, bucket: 'other-bucket', view: { ...FORM.view, title: 'Of the other bucket' } };
    const site = await aCaseSite({ cases: { forms: [FORM, other] } });

    const { text } = await site.ask('/cases/CASE-1');
    const links = [...text.matchAll(/href="(\/cases\/CASE-1\/submission[^"]*)"/g)].map(([, href]) => href);

    expect(links.map((href) => href?.replace(/.*bucket=/, ''))).toEqual([FORM.bucket, 'other-bucket']);
    expect((await site.ask(links[1]?.replaceAll('&amp;', '&') ?? '')).text).toContain('Of the other bucket');
  });

  test.each([
    '/cases/CASE-2',
    `/cases/CASE-2/submission?key=${KEY}`,
    '/cases/CASE-1/submission?key=x',
    '/cases/CASE-2/print',
  ])('of what is not there or not to be seen is the same: %s', async (path) => {
    const site = await aCaseSite();

    const { status, text } = await site.ask(path);

    expect([status, text]).toEqual([404, (await site.ask('/cases/nobody')).text]);
  });

  test.each(['/cases?page=x', '/cases?size=1000', '/cases/CASE-1/submission', '/cases/CASE-1/print?part=0'])(
    'of a wrong address says what is wrong: %s',
    async (path) => {
      const site = await aCaseSite();

      const { status, headers, text } = await site.ask(path);

      expect([status, headers['content-type']]).toEqual([400, 'text/html; charset=utf-8']);
      expect(text).toMatch(/The parameter “\w+” /);
    },
  );

  test.each([
    ['ENGINE_UNAVAILABLE', 503, 'The process engine does not answer.'],
    ['VAULT_UNAVAILABLE', 503, 'The store that the forms are kept in does not answer.'],
    ['INDEX_UNAVAILABLE', 503, 'The index that cases are found by does not answer.'],
    ['CONFIG_INVALID', 503, 'The index that cases are found by does not answer.'],
    ['UNEXPECTED', 500, 'Something went wrong here.'],
  ] as const)('after %s is answered %d and says what is away', async (code, status, sentence) => {
    const failing = async () => Promise.reject(new FormvaultError(code, 'could not ask for Mrs Jones'));
    const site = await aCaseSite({ services: { visibilityOf: failing } });

    const { text, status: answered } = await site.ask('/cases');

    expect(answered).toBe(status);
    expect(text).toContain(sentence);
    expect(text).not.toContain('Jones');
  });

  test('of a path that there is not is a page for browsers', async () => {
    const site = await aCaseSite();

    const page = await site.ask('/nobody?Mrs=Smith', { headers: { Accept: 'text/html,*/*' } });
    const other = await site.ask('/nobody', { headers: {} });

    expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.text).not.toContain('Smith');
    expect([other.status, other.text]).toEqual([404, '{"error":"not found"}']);
  });

  test.each(['/', '/cases/'])('of the search is where %s leads', async (path) => {
    const site = await aCaseSite();

    expect((await site.ask(path)).headers.location).toBe('/cases');
  });
});

describe('a file', () => {
  test('is a download under its name that no browser runs', async () => {
    const site = await aCaseSite(WITH_FILE);

    const { status, headers, text } = await site.ask(FILE_PATH);

    expect([status, text]).toEqual([200, FILE.body.toString()]);
    expect(headers).toMatchObject({
      'content-disposition': `attachment; filename="gate _north_.html"; filename*=UTF-8''gate%20%22north%22.html`,
      'content-length': String(FILE.body.length),
      'content-type': 'text/html',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/^default-src 'none';.*; sandbox$/),
    });
  });

  test('is only described to who asks for its head', async () => {
    const site = await aCaseSite(WITH_FILE);

    const { status, headers, text } = await site.ask(FILE_PATH, { method: 'HEAD', headers: AS_ANNA });

    expect([status, headers['content-length'], text]).toEqual([200, String(FILE.body.length), '']);
  });

  test('that breaks off half-way is no whole file to a browser', async () => {
    async function* parts() {
      yield Buffer.from('half of ');
      throw new FormvaultError('VAULT_UNAVAILABLE', 'away');
    }
    const whole = await stubCaseServices({ forms: [{ ...FORM, files: [FILE] }] }).readAttachment(
      { caseId: 'CASE-1', key: FILE.key },
      'everything',
      new AbortController().signal,
    );
    const readAttachment = async () => whole && { ...whole, bytes: 100, parts: parts() };
    const site = await aCaseSite({ services: { readAttachment } });

    await expect(site.ask(FILE_PATH)).rejects.toThrow();
    expect(site.log.lines).toContainEqual(expect.objectContaining({ level: 'warn', sentence: 'a download broke off' }));
    expect((await site.ask('/cases')).status).toBe(200);
  });

  test('of a type that is no type is just bytes', async () => {
    const file = { ...FILE, contentType: 'text/html\r\nSet-Cookie: a=b' };
    const site = await aCaseSite({ cases: { forms: [{ ...FORM, files: [file] }] } });

    expect((await site.ask(FILE_PATH)).headers['content-type']).toBe('application/octet-stream');
  });

  test('of another case is not found', async () => {
    const other = aKeptForm({ caseId: 'CASE-2' });
    const site = await aCaseSite({ cases: { forms: [other, { ...FORM, files: [FILE] }] } });

    expect((await site.ask(FILE_PATH.replace('CASE-1', 'CASE-2'))).status).toBe(404);
  });
});

describe('processes that are excluded', () => {
  const EXCLUDED = 'excludes=archive%2Cother';
  const linksOf = (text: string) => [...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href);

  test('are excluded from the print that the page of the case leads to, and from the way back', async () => {
    const site = await aCaseSite();

    const page = await site.ask('/cases/CASE-1?excludes=archive,other');
    const print = await site.ask(`/cases/CASE-1/print?${EXCLUDED}`);

    expect(linksOf(page.text)).toContain(`/cases/CASE-1/print?${EXCLUDED}`);
    expect(linksOf(print.text)).toContain(`/cases/CASE-1?${EXCLUDED}`);
    expect(linksOf((await site.ask('/cases/CASE-1')).text)).toContain('/cases/CASE-1/print');
  });

  test('are excluded from every part of the print', async () => {
    const forms = Array.from({ length: 201 }, () => aKeptForm({ caseId: 'CASE-1' }));
    const site = await aCaseSite({ cases: { forms } });

    const { text } = await site.ask(`/cases/CASE-1/print?part=2&${EXCLUDED}`);

    const parts = [1, 3].map((part) => `/cases/CASE-1/print?part=${part}&amp;${EXCLUDED}`);
    expect(linksOf(text)).toEqual(expect.arrayContaining(parts));
  });
});

describe('the print of a case', () => {
  test('has all forms, and says so when one is missing', async () => {
    const lost = aKeptForm({ caseId: 'CASE-1', title: 'Lost form' });
    const site = await aCaseSite({
      cases: { forms: [FORM, lost] },
      services: {
        async formViewOf({ submission }) {
          if (submission.key === FORM.key) return { view: FORM.view, away: [] };
          throw new FormvaultError('VAULT_UNAVAILABLE', 'could not read an object');
        },
      },
    });

    const { status, text } = await site.ask('/cases/CASE-1/print');

    expect(status).toBe(200);
    expect(text).toContain('Oslo');
    expect(text).toContain('This print is not complete.');
    expect(text).toContain('Lost form');
    expect(site.log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', sentence: 'a form is missing in the print of a case' }),
    );
    expect(site.services.audited).toMatchObject([{ count: 1 }, { key: FORM.key }]);
  });

  test('comes in parts of a hundred forms', async () => {
    const forms = Array.from({ length: 101 }, (_, index) =>
      aKeptForm({ caseId: 'CASE-1', title: `Form number ${index + 1}.` }),
    );
    const site = await aCaseSite({ cases: { forms } });

    const first = await site.ask('/cases/CASE-1/print');
    const second = await site.ask('/cases/CASE-1/print?part=2');

    expect(first.text).toContain('Part 1 of 2');
    expect(first.text).toContain('Form number 100.');
    expect(first.text).not.toContain('Form number 101.');
    expect(second.text).toContain('Part 2 of 2');
    expect(second.text).toContain('101. <bdi>Form number 101.');
    expect((await site.ask('/cases/CASE-1/print?part=3')).status).toBe(404);
  });
});

describe('asked from elsewhere', () => {
  test.each([
    ['a picture', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }],
    ['a frame', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }],
    ['a script of a sibling', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' }],
  ])('a page is refused as %s', async (_what, fetched) => {
    const site = await aCaseSite();

    expect((await site.ask('/cases', { headers: { ...AS_ANNA, ...fetched } })).status).toBe(403);
    expect(site.services.audited).toEqual([]);
  });

  test('a page is shown to who follows a link', async () => {
    const site = await aCaseSite();
    const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };

    expect((await site.ask('/cases', { headers: { ...AS_ANNA, ...headers } })).status).toBe(200);
  });
});
