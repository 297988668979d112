import { expect, test } from '@jest/globals';
import nock from 'nock';
import { createFormLookup } from '../../../src/enrichment/form-api.ts';
import { createHttpClient } from '../../../src/http/http-client.ts';
import { guardNock } from '../../support/guard-nock.ts';

const FORMS = 'http://forms.test/api';
const signal = new AbortController().signal;
const SITE_VISIT = { formId: 'f1', formVersionId: 'v1', title: 'Site visit' };

guardNock();

function aLookup(options?: Parameters<typeof createFormLookup>[1]) {
  const client = createHttpClient({
    baseUrl: FORMS,
    auth: { kind: 'none' },
    timeoutMs: 2_000,
    codes: { unavailable: 'FORM_API_UNAVAILABLE', rejected: 'FORM_API_REJECTED' },
    maxSockets: 4,
  });
  return createFormLookup(client, options);
}

function formApi(name = 'site-visit') {
  return nock(FORMS).get('/form').query({ limit: '1', offset: '0', name });
}

test.each([
  ['a page of forms', { total: 1, forms: [{ id: 'f1', versionId: 'v1', name: 'site-visit', title: 'Site visit' }] }],
  ['a list of forms', [{ _id: 'f1', versionId: 'v1', name: 'site-visit', title: 'Site visit' }]],
  ['a list of forms with id', [{ id: 'f1', versionId: 'v1', name: 'site-visit', title: 'Site visit' }]],
  [
    'more forms than were asked for',
    [
      { _id: 'f0', versionId: 'v0', name: 'site-visit-2' },
      { _id: 'f1', versionId: 'v1', name: 'site-visit', title: 'Site visit' },
    ],
  ],
])('%s is understood', async (_shape, answer) => {
  formApi().reply(200, answer);

  await expect(aLookup().find('site-visit', signal)).resolves.toEqual(SITE_VISIT);
});

test('ids that are numbers count as text, to the last digit', async () => {
  formApi().reply(200, '{"forms":[{"id":12345678901234567890,"versionId":7,"name":"site-visit"}]}');

  await expect(aLookup().find('site-visit', signal)).resolves.toEqual({
    formId: '12345678901234567890',
    formVersionId: '7',
    title: null,
  });
});

test.each([
  ['no entry', []],
  ['an empty page', { total: 0, forms: [] }],
  ['a form of another name', [{ _id: 'f1', versionId: 'v1', name: 'site-visit-2' }]],
  ['a name in other case', [{ _id: 'f1', versionId: 'v1', name: 'Site-Visit' }]],
  ['an entry without a name', [{ _id: 'f1', versionId: 'v1' }]],
  ['entries that are none', [null, 'site-visit', 7]],
])('%s is no such form', async (_what, answer) => {
  formApi().reply(200, answer);

  await expect(aLookup().find('site-visit', signal)).resolves.toBeNull();
});

test.each([
  ['an object of another kind', { message: 'hello' }],
  ['null', 'null'],
  ['a text', '"site-visit"'],
  ['forms that are no list', { forms: {} }],
  ['a form without an id', [{ versionId: 'v1', name: 'site-visit' }]],
  ['a form with a blank version', [{ _id: 'f1', versionId: ' ', name: 'site-visit' }]],
  ['a form with an id that is an object', [{ _id: { $oid: 'f1' }, versionId: 'v1', name: 'site-visit' }]],
])('%s is rejected', async (_what, answer) => {
  formApi().reply(200, answer);

  await expect(aLookup().find('site-visit', signal)).rejects.toMatchObject({
    code: 'FORM_API_REJECTED',
    hint: expect.stringContaining('FORM_API_URL'),
  });
});

test.each(['a&b=c', 'ä/ö?#', '../x', '100 %', '😀'])('the name %s reaches the form API unharmed', async (name) => {
  formApi(name).reply(200, [{ _id: 'f1', versionId: 'v1', name }]);

  await expect(aLookup().find(name, signal)).resolves.toMatchObject({ formId: 'f1' });
});

test('a form is remembered for a minute', async () => {
  let nowMs = 0;
  const lookup = aLookup({ now: () => nowMs });
  formApi().reply(200, [{ _id: 'f1', versionId: 'v1', name: 'site-visit' }]);
  await lookup.find('site-visit', signal);

  nowMs = 59_999;
  await expect(lookup.find('site-visit', signal)).resolves.toMatchObject({ formVersionId: 'v1' });
  formApi().reply(200, [{ _id: 'f1', versionId: 'v2', name: 'site-visit' }]);
  nowMs = 60_000;
  await expect(lookup.find('site-visit', signal)).resolves.toMatchObject({ formVersionId: 'v2' });
});

test('a form that is missing is looked for again after five seconds', async () => {
  let nowMs = 0;
  const lookup = aLookup({ now: () => nowMs });
  formApi().reply(200, []);
  await lookup.find('site-visit', signal);

  nowMs = 4_999;
  await expect(lookup.find('site-visit', signal)).resolves.toBeNull();
  formApi().reply(200, [{ _id: 'f1', versionId: 'v1', name: 'site-visit' }]);
  nowMs = 5_000;
  await expect(lookup.find('site-visit', signal)).resolves.toMatchObject({ formId: 'f1' });
});

test('a form that is missing where it is needed is looked for each time', async () => {
  const lookup = aLookup();
  formApi().reply(200, []);
  await expect(lookup.find('site-visit', signal, { isNeeded: true })).resolves.toBeNull();
  formApi().reply(200, [{ _id: 'f1', versionId: 'v1', name: 'site-visit' }]);
  await expect(lookup.find('site-visit', signal, { isNeeded: true })).resolves.toMatchObject({ formId: 'f1' });
});

test('a failure is not remembered', async () => {
  const lookup = aLookup();
  formApi().reply(503);
  await expect(lookup.find('site-visit', signal)).rejects.toMatchObject({ code: 'FORM_API_UNAVAILABLE' });

  formApi().reply(200, [{ _id: 'f1', versionId: 'v1', name: 'site-visit' }]);
  await expect(lookup.find('site-visit', signal)).resolves.toMatchObject({ formId: 'f1' });
});

test('many who ask at once share one request, and one who leaves does not take the others along', async () => {
  const lookup = aLookup();
  const leaving = new AbortController();
  formApi()
    .delay(50)
    .reply(200, [{ _id: 'f1', versionId: 'v1', name: 'site-visit' }]);

  const left = lookup.find('site-visit', leaving.signal);
  const stay = [lookup.find('site-visit', signal), lookup.find('site-visit', signal)];
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await expect(Promise.all(stay)).resolves.toMatchObject([{ formId: 'f1' }, { formId: 'f1' }]);
});
