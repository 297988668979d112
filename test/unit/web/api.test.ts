import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import type { CaseServices } from '../../../src/web/case-services.ts';
import { aKeptForm, aStubProcess } from '../../support/builders-cases.ts';
import { ANNA, signInFailure, stubSignIn } from '../../support/stub-sign-in.ts';
import { AS_ANNA, aCaseSite, FORM, KEY } from './a-case-site.ts';

const WITH_TOKEN = { Authorization: 'Bearer good' };
const CASES = '/api/workflow/cases';

describe('the search', () => {
  test('answers with the cases, newest first, and with where the page stands', async () => {
    const forms = ['CASE-1', 'CASE-2', 'CASE-3'].map((caseId) => aKeptForm({ caseId }));
    const process = aStubProcess({ caseId: 'CASE-3' });
    const site = await aCaseSite({ cases: { forms, processes: [process] } });

    const { status, headers, text } = await site.ask(`${CASES}?query=CASE&page=1&size=2`, { headers: WITH_TOKEN });

    const { id, key, name, definitionId, startDate, endDate } = process;
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(JSON.parse(text)).toEqual({
      _embedded: {
        cases: [{ businessKey: 'CASE-3', processInstances: [{ id, key, name, definitionId, startDate, endDate }] }],
      },
      page: { size: 2, totalElements: 3, totalPages: 2, number: 1 },
    });
  });

  test('gives 20 cases of the first page, if nothing else is asked for', async () => {
    const asked: unknown[] = [];
    const findCases = async (search: unknown) => {
      asked.push(search);
      return { total: 0, cases: [], ignored: [], away: [] };
    };
    const site = await aCaseSite({ services: { findCases } });

    const { text } = await site.ask(CASES);

    expect(asked).toEqual([{ query: '', page: { number: 0, size: 20 } }]);
    expect(JSON.parse(text)).toEqual({
      _embedded: { cases: [] },
      page: { size: 20, totalElements: 0, totalPages: 0, number: 0 },
    });
  });

  test('tells what it could not understand and what is away', async () => {
    const site = await aCaseSite({ cases: { ignored: ['from:soon'], away: ['engine'] } });

    expect(JSON.parse((await site.ask(CASES)).text)).toMatchObject({ ignored: ['from:soon'], away: ['engine'] });
  });

  test.each([
    'page=-1',
    'page=x',
    'page=1.5',
    'page=1e3',
    'page=99999999999',
    'size=0',
    'size=101',
    'size=ten',
    `query=${'x'.repeat(2001)}`,
  ])('with %s is refused in a sentence', async (parameters) => {
    const site = await aCaseSite();

    const { status, text } = await site.ask(`${CASES}?${parameters}`);

    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({ error: 'bad request', message: expect.stringMatching(/^The .*\.$/) });
    expect(site.services.audited).toEqual([]);
  });
});

describe('a case', () => {
  test('is answered in the shape of the older system', async () => {
    const openTasks = [{ id: 't', name: 'Report', assignee: null, created: '2026-03-01T08:05:09.000Z' }];
    const process = aStubProcess({ caseId: 'CASE-1', keys: [FORM.key], openTasks });
    const site = await aCaseSite({ cases: { processes: [process] } });

    const { status, text } = await site.ask(`${CASES}/CASE-1`);

    const { id, key, name, definitionId, startDate, endDate } = process;
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      businessKey: 'CASE-1',
      processInstances: [
        {
          id,
          key,
          name,
          definitionId,
          startDate,
          endDate,
          formReferences: [
            {
              name: 'site-visit',
              title: 'Site visit',
              formVersionId: null,
              dataPath: FORM.key,
              bucket: FORM.bucket,
              submissionDate: FORM.submittedAt,
              submittedBy: FORM.submittedBy,
            },
          ],
          openTasks,
        },
      ],
      metrics: site.services.cases.metrics,
    });
  });

  test('is answered without the processes that are excluded', async () => {
    const asked: unknown[] = [];
    const readCase = async (place: unknown) => {
      asked.push(place);
      return null;
    };
    const site = await aCaseSite({ services: { readCase } });

    await site.ask(`${CASES}/CASE-1?excludes=a,%20b,,c`);

    expect(asked).toEqual([{ caseId: 'CASE-1', excludes: ['a', 'b', 'c'] }]);
  });

  test.each([`${CASES}/CASE-2`, `${CASES}/CASE-2/submission?key=${KEY}`, `${CASES}/a%00b`])(
    'that is not there is not found: %s',
    async (path) => {
      const site = await aCaseSite();

      const { status, text } = await site.ask(path);

      expect(status).toBe(404);
      expect(JSON.parse(text)).toEqual({ error: 'not found', message: expect.any(String) });
    },
  );
});

describe('a stored form', () => {
  test('is answered byte for byte', async () => {
    const site = await aCaseSite();

    const { status, headers, text } = await site.ask(`${CASES}/CASE-1/submission?key=${KEY}`);

    expect([status, text]).toEqual([200, FORM.body]);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*sandbox$/);
  });

  test.each(['', '?key=', `?key=${KEY}&key=${KEY}`])('without one key is refused: %s', async (parameters) => {
    const site = await aCaseSite();

    expect((await site.ask(`${CASES}/CASE-1/submission${parameters}`)).status).toBe(400);
  });
});

describe('who asks', () => {
  test.each([
    ['nobody', {}],
    ['a wrong token', { Authorization: 'Bearer bad' }],
    ['a wrong token beside a good cookie', { Authorization: 'Bearer bad', ...AS_ANNA }],
    ['a password beside a good cookie', { Authorization: 'Basic YW5uYTphbm5h', ...AS_ANNA }],
    ['a wrong cookie', { Cookie: 'person=mallory' }],
  ])('must be known: %s is answered 401', async (_who, headers) => {
    const site = await aCaseSite();

    for (const path of [CASES, `${CASES}/CASE-1`, `${CASES}/CASE-1/submission?key=${KEY}`, `${CASES}/nobody`]) {
      const answer = await site.ask(path, { headers });
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(JSON.parse(answer.text)).toEqual({ error: 'not signed in', message: expect.any(String) });
    }
    expect(site.services.audited).toEqual([]);
  });

  test.each([
    ['a token', WITH_TOKEN],
    ['the cookie of the pages', AS_ANNA],
    ['the cookie, from a page of this server', { ...AS_ANNA, 'Sec-Fetch-Site': 'same-origin' }],
  ])('is known by %s', async (_how, headers) => {
    const site = await aCaseSite();

    expect((await site.ask(CASES, { headers })).status).toBe(200);
    expect(site.services.audited).toMatchObject([{ who: ANNA.id, from: { channel: 'api' } }]);
  });

  test('is not answered to a page of another origin', async () => {
    const site = await aCaseSite();
    const headers = {
      ...AS_ANNA,
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'no-cors',
      'Sec-Fetch-Dest': 'script',
    };

    expect((await site.ask(CASES, { headers })).status).toBe(403);
  });

  test('gets what that person may see', async () => {
    const visible = { instances: { only: ['1'] }, tenants: ['north'] };
    const asked: unknown[] = [];
    const findCases = async (_search: unknown, forWhom: unknown) => {
      asked.push(forWhom);
      return { total: 0, cases: [], ignored: [], away: [] };
    };
    const visibilityOf = async (person: unknown) => {
      asked.push(person);
      return visible;
    };
    const site = await aCaseSite({ services: { findCases, visibilityOf } });

    await site.ask(CASES);

    expect(asked).toEqual([ANNA, visible]);
  });
});

describe('what is opened', () => {
  const file = { key: `${FORM.key.replace('.json', '')}/attachments/photo/gate.png`, fileName: 'gate.png' };
  const form = {
    ...FORM,
    files: [{ ...file, bucket: FORM.bucket, contentType: 'image/png', body: new Uint8Array([1]) }],
  };
  const attachment = `/cases/CASE-1/attachment?key=${encodeURIComponent(file.key)}`;

  test.each([`${CASES}/CASE-1/submission?key=${KEY}`, `/cases/CASE-1/submission?key=${KEY}`, attachment])(
    'must be theirs to see at this very moment: %s',
    async (path) => {
      const asked: unknown[] = [];
      let may = true;
      const mayOpen: CaseServices['mayOpen'] = async (person, { key }) => {
        asked.push([person, key]);
        return may;
      };
      const site = await aCaseSite({ cases: { forms: [form] }, services: { mayOpen } });

      expect((await site.ask(path)).status).toBe(200);
      may = false;
      expect((await site.ask(path)).status).toBe(404);
      expect(asked).toEqual([
        [ANNA, FORM.key],
        [ANNA, FORM.key],
      ]);
    },
  );
});

describe('a failure', () => {
  test.each([
    ['ENGINE_UNAVAILABLE', 503, /process engine/],
    ['VAULT_UNAVAILABLE', 503, /store/],
    ['INDEX_UNAVAILABLE', 503, /index/],
    ['CONFIG_INVALID', 503, /index/],
    ['UNEXPECTED', 500, /went wrong/],
  ] as const)('%s is answered %d, in a sentence without details', async (code, status, message) => {
    const findCases = () => Promise.reject(new FormvaultError(code, 'could not ask for Mrs Smith'));
    const site = await aCaseSite({ services: { findCases } });

    const answer = await site.ask(CASES);

    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      status,
      { error: expect.any(String), message: expect.stringMatching(message) },
    ]);
    expect(answer.text).not.toContain('Smith');
    expect(site.log.lines).toContainEqual(expect.objectContaining({ level: status === 503 ? 'warn' : 'error' }));
  });

  test('of the keys of the issuer is a failure, not a wrong token', async () => {
    const verifyBearer = () => Promise.reject(signInFailure('away'));
    const site = await aCaseSite({ signIn: stubSignIn({ verifyBearer }) });

    expect((await site.ask(CASES, { headers: WITH_TOKEN })).status).toBe(503);
  });
});

test('a path of the API takes no other method than GET and HEAD', async () => {
  const site = await aCaseSite();

  const { status, headers, text } = await site.ask(`${CASES}/CASE-1`, { method: 'DELETE' });

  expect([status, headers.allow, JSON.parse(text).error]).toEqual([405, 'GET, HEAD', 'method not allowed']);
  expect((await site.ask(CASES, { method: 'HEAD' })).status).toBe(200);
});
