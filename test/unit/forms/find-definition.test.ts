import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { guardNock } from '../../support/guard-nock.ts';
import {
  aDefinition,
  aDeployment,
  aFinder,
  camundaForm,
  ENGINE,
  formApi,
  formioForm,
  labelsOf,
  VERSION,
} from './a-finder.ts';

guardNock();

const MINUTE_MS = 60_000;

describe('a form of the form API', () => {
  test('is found by the id of its version', async () => {
    formApi().reply(200, formioForm('Name'));

    const found = await aFinder().find(VERSION);

    expect(found).toMatchObject({ kind: 'definition', definition: { title: 'Claim' } });
    expect(labelsOf(found)).toEqual(['Name']);
  });

  test.each(['a&b=c', 'ä/ö?#', '../x', '%2e%2e'])('the id %s reaches the form API unharmed', async (id) => {
    formApi(encodeURIComponent(id)).reply(200, formioForm('Name'));

    expect(labelsOf(await aFinder().find({ ...VERSION, formVersionId: id }))).toEqual(['Name']);
  });

  test('is asked for once, however many ask and however often', async () => {
    const finder = aFinder();
    formApi().delay(20).reply(200, formioForm('Name'));

    const both = await Promise.all([finder.find(VERSION), finder.find(VERSION)]);
    const again = await finder.find(VERSION);

    for (const found of [...both, again]) expect(labelsOf(found)).toEqual(['Name']);
  });

  test('that is not there is asked for again after a minute', async () => {
    let nowMs = 0;
    const finder = aFinder({ now: () => nowMs });
    formApi().reply(404, { error: 'no such version' });
    expect(labelsOf(await finder.find(VERSION))).toEqual(['none']);

    nowMs = MINUTE_MS - 1;
    expect(labelsOf(await finder.find(VERSION))).toEqual(['none']);
    formApi().reply(200, formioForm('Name'));
    nowMs = MINUTE_MS;
    expect(labelsOf(await finder.find(VERSION))).toEqual(['Name']);
    nowMs = 1_000 * MINUTE_MS;
    expect(labelsOf(await finder.find(VERSION))).toEqual(['Name']);
  });

  test.each<[string, (reply: nock.Interceptor) => nock.Scope]>([
    ['fails', (reply) => reply.reply(503)],
    ['refuses', (reply) => reply.reply(403)],
    ['cannot be reached', (reply) => reply.replyWithError('refused')],
    ['answers with a page', (reply) => reply.reply(200, '<html>Sign in</html>', { 'content-type': 'text/html' })],
    ['does not answer in time', (reply) => reply.delay(5_000).reply(200, formioForm('Name'))],
  ])('is unavailable where the form API %s, and asked for again the next time', async (_how, answer) => {
    const finder = aFinder({ patienceMs: 100 });
    answer(formApi());
    const found = await finder.find(VERSION);
    expect(found).toMatchObject({ kind: 'unavailable', what: 'form API', error: { code: expect.any(String) } });
    nock.abortPendingRequests();

    formApi().reply(200, formioForm('Name'));
    expect(labelsOf(await finder.find(VERSION))).toEqual(['Name']);
  });

  test.each<[string, string]>([
    ['no form', '{"message":"hello"}'],
    ['too large', `{"components":[],"x":"${'x'.repeat(9 * 1024 * 1024)}"}`],
  ])('that is %s is none', async (_what, body) => {
    formApi().reply(200, body, { 'content-type': 'application/json' });

    expect(labelsOf(await aFinder().find(VERSION))).toEqual(['none']);
  });

  test('comes before the form of the user task', async () => {
    formApi().reply(200, formioForm('Name'));

    expect(labelsOf(await aFinder().find({ formVersionId: 'v1' }))).toEqual(['Name']);
  });

  test('is not looked for without a form API, or without an id', async () => {
    expect(labelsOf(await aFinder({ hasFormApi: false }).find(VERSION))).toEqual(['none']);
    expect(labelsOf(await aFinder().find({ ...VERSION, formVersionId: null }))).toEqual(['none']);
  });
});

describe('whoever stops waiting', () => {
  test('is told so, and nobody else', async () => {
    const finder = aFinder();
    const leaving = new AbortController();
    formApi().delay(50).reply(200, formioForm('Name'));

    const left = finder.find(VERSION, leaving.signal);
    const stays = finder.find(VERSION);
    leaving.abort();

    await expect(left).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(labelsOf(await stays)).toEqual(['Name']);
  });
});

describe('the form of a user task', () => {
  const deployed = 'camunda:formKey="camunda-forms:deployment:claim.form"';

  test('is asked for where the form API does not know the version', async () => {
    formApi().reply(404, {});
    aDefinition(deployed);
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name'), 'claims.bpmn': null });

    expect(labelsOf(await aFinder().find({ formVersionId: 'v1' }))).toEqual(['Name']);
  });

  test('is that of convention data only where they have its name', async () => {
    aDefinition(deployed);
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });
    const finder = aFinder();

    expect(labelsOf(await finder.find({ kind: 'convention', formName: 'visit' }))).toEqual(['none']);
    expect(labelsOf(await finder.find({ kind: 'convention', formName: 'claim.form' }))).toEqual(['Name']);
  });

  test('is found by the task where the vault does not say which activity it was', async () => {
    const row = { id: 't1', processDefinitionId: 'claims:2:abc', taskDefinitionKey: 'fill' };
    nock(ENGINE).get('/history/task').query({ taskId: 't1', firstResult: '0', maxResults: '1' }).reply(200, [row]);
    aDefinition(deployed);
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });

    expect(labelsOf(await aFinder().find({ activityId: null }))).toEqual(['Name']);
  });

  test('is none where nobody knows the task any more', async () => {
    nock(ENGINE).get('/history/task').query(true).reply(200, []);

    expect(labelsOf(await aFinder().find({ activityId: null }))).toEqual(['none']);
    expect(labelsOf(await aFinder().find({ activityId: null, taskId: null }))).toEqual(['none']);
  });

  const definition = () => nock(ENGINE).get('/process-definition/claims%3A2%3Aabc');

  test.each<[string, () => void]>([
    ['the process definition', () => definition().reply(503)],
    [
      'the BPMN',
      () => {
        definition().reply(200, { key: 'claims', deploymentId: 'd2' });
        const refusal = { type: 'AuthorizationException', message: 'no' };
        nock(ENGINE).get('/process-definition/claims%3A2%3Aabc/xml').reply(403, refusal);
      },
    ],
  ])('is unavailable where the engine does not give %s, and asked for again the next time', async (_what, fail) => {
    const finder = aFinder();
    fail();
    expect(await finder.find()).toMatchObject({ kind: 'unavailable', what: 'engine' });

    aDefinition(deployed);
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });
    expect(labelsOf(await finder.find())).toEqual(['Name']);
  });

  test('is unavailable where the engine does not say which task it was', async () => {
    nock(ENGINE).get('/history/task').query(true).reply(200, { message: 'no rows' });

    expect(await aFinder().find({ activityId: null })).toMatchObject({ kind: 'unavailable', what: 'engine' });
  });

  test('is unavailable where its deployment cannot be read', async () => {
    const finder = aFinder();
    aDefinition(deployed);
    nock(ENGINE).get('/deployment/d2/resources').replyWithError('refused');
    expect(await finder.find()).toMatchObject({ kind: 'unavailable', what: 'engine' });

    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });
    expect(labelsOf(await finder.find())).toEqual(['Name']);
  });

  test('is waited for no longer than a page may take', async () => {
    definition().delay(5_000).reply(200, {});
    const started = performance.now();

    expect(await aFinder({ patienceMs: 50 }).find()).toMatchObject({ kind: 'unavailable', what: 'engine' });
    expect(performance.now() - started).toBeLessThan(2_000);
    nock.abortPendingRequests();
  });
});
