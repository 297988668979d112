import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { guardNock } from '../../support/guard-nock.ts';
import {
  aDefinition,
  aDeployment,
  aFinder,
  camundaForm,
  deployments,
  ENGINE,
  labelsOf,
  SUBMITTED_AT_MS,
} from './a-finder.ts';

guardNock();

const reference = (binding: string, more = '') => `camunda:formRef="claim" camunda:formRefBinding="${binding}" ${more}`;
const html = '<label for="a">Name</label><input id="a" cam-variable-name="a">';
const gone = { type: 'InvalidRequestException', message: 'gone' };

describe('a form key', () => {
  test.each([
    ['camunda-forms:deployment:claim.form', { 'claim.form': camundaForm('x', 'Name') }],
    ['embedded:deployment:claim.html', { 'claim.html': html }],
    ['embedded:deployment:claim', { claim: html }],
    ['deployment:claim.form', { 'claim.form': `\n ${camundaForm('x', 'Name')}` }],
  ])('%s leads to a file of the deployment that the process came with', async (key, files) => {
    aDefinition(`camunda:formKey="${key}"`);
    aDeployment('d2', files);

    expect(labelsOf(await aFinder().find())).toEqual(['Name']);
  });

  test.each<[string, Record<string, string | null>]>([
    ['that has no such file', { 'other.html': null }],
    ['whose file is broken', { 'claim.html': '{"components":' }],
    ['whose file asks for nothing', { 'claim.html': '<p>Hello</p>' }],
    ['whose file is too large', { 'claim.html': html.padEnd(5 * 1024 * 1024) }],
  ])('of a deployment %s leads to none', async (_what, files) => {
    aDefinition('camunda:formKey="embedded:deployment:claim.html"');
    aDeployment('d2', files);

    expect(labelsOf(await aFinder().find())).toEqual(['none']);
  });

  test.each(['embedded:app:claim.html', 'site-visit', `${'$'}{chosen}`])('%s is looked for nowhere', async (key) => {
    aDefinition(`camunda:formKey="${key}"`);

    expect(labelsOf(await aFinder().find())).toEqual(['none']);
  });
});

describe('a form reference', () => {
  test('bound to the deployment is the form with that id in it, whatever its file is called', async () => {
    aDefinition(reference('deployment'));
    aDeployment('d2', {
      'a.form': camundaForm('other', 'Other'),
      'b.form': camundaForm('claim', 'Name'),
      'c.form': '{broken',
      'claims.bpmn': null,
    });

    expect(labelsOf(await aFinder().find())).toEqual(['Name']);
  });

  test('bound to the latest is the newest form with that id by the time of the submission', async () => {
    aDefinition(reference('latest'));
    deployments('desc', ['d9', 'd8', 'd2']);
    aDeployment('d9', { 'other.bpmn': null });
    aDeployment('d8', { 'claim.form': camundaForm('claim', 'Newer name') });
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });

    expect(labelsOf(await aFinder().find())).toEqual(['Newer name']);
  });

  test('bound to the latest reads each deployment once, whenever something was submitted', async () => {
    const finder = aFinder();
    aDefinition(reference('latest'));
    deployments('desc', ['d8', 'd2']);
    aDeployment('d8', { 'claim.form': camundaForm('claim', 'Newer name') });
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });
    expect(labelsOf(await finder.find())).toEqual(['Newer name']);

    const earlierMs = SUBMITTED_AT_MS - 1_000;
    deployments('desc', ['d2'], { ms: earlierMs });
    expect(labelsOf(await finder.find({ submittedAtMs: earlierMs }))).toEqual(['Name']);
    expect(labelsOf(await finder.find({ submittedAtMs: earlierMs }))).toEqual(['Name']);
    expect(labelsOf(await finder.find())).toEqual(['Newer name']);
  });

  test('of a process of a tenant is looked for among the deployments of that tenant and of none', async () => {
    aDefinition(reference('latest'), { tenantId: 'north' });
    deployments('desc', ['d2'], { tenant: { tenantIdIn: 'north', includeDeploymentsWithoutTenantId: 'true' } });
    aDeployment('d2', { 'claim.form': camundaForm('claim', 'Name') });

    expect(labelsOf(await aFinder().find())).toEqual(['Name']);
  });

  test('to a version is counted from the oldest deployment that has the form', async () => {
    aDefinition(reference('version', 'camunda:formRefVersion="2"'));
    deployments('asc', ['d1', 'd2', 'd3', 'd4']);
    aDeployment('d1', { 'claim.form': camundaForm('claim', 'First') });
    aDeployment('d2', { 'other.form': camundaForm('other', 'Other') });
    aDeployment('d3', { 'claim.form': camundaForm('claim', 'Second') });
    aDeployment('d4', { 'claim.form': camundaForm('claim', 'Third') });

    expect(labelsOf(await aFinder().find())).toEqual(['Second']);
  });

  test('is looked for page by page, and not for ever', async () => {
    aDefinition(reference('latest'));
    for (let first = 0; first < 500; first += 50) {
      const ids = Array.from({ length: 50 }, (_, i) => `e${first + i}`);
      deployments('desc', ids, { first });
      for (const id of ids) aDeployment(id, {});
    }

    expect(labelsOf(await aFinder({ patienceMs: 60_000 }).find())).toEqual(['none']);
  });
});

describe('what is gone from the engine', () => {
  test('leads to none: the process definition', async () => {
    nock(ENGINE).get('/process-definition/claims%3A2%3Aabc').reply(404, gone);

    expect(labelsOf(await aFinder().find())).toEqual(['none']);
  });

  test('leads to none: its deployment, or a file of it', async () => {
    aDefinition(reference('deployment'));
    nock(ENGINE).get('/deployment/d2/resources').reply(404, gone);
    expect(labelsOf(await aFinder().find())).toEqual(['none']);

    aDefinition(reference('deployment'));
    nock(ENGINE)
      .get('/deployment/d2/resources')
      .reply(200, [{ id: 'x', name: 'x.form' }, {}]);
    nock(ENGINE).get('/deployment/d2/resources/x/data').reply(404, gone);
    expect(labelsOf(await aFinder().find())).toEqual(['none']);
  });

  test('is unavailable where something else answers in its place', async () => {
    nock(ENGINE)
      .get('/process-definition/claims%3A2%3Aabc')
      .reply(404, '<html></html>', { 'content-type': 'text/html' });

    expect(labelsOf(await aFinder().find())).toEqual(['unavailable: engine']);
  });
});
