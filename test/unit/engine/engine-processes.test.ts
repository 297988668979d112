import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineProcesses } from '../../../src/engine/engine-processes.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();

const someProcesses = () => createEngineProcesses(engineHttp());
const aDeployment = { name: 'formvault', source: 'formvault', fileName: 'p.bpmn', text: '<bpmn>Größe</bpmn>' };
const aStart = { key: 'p', businessKey: 'detail/1', variables: { source: { type: 'Json', value: '{}' } } };
const refusedByEngine = { type: 'AuthorizationException', message: 'The user with id anna …' };

guardNock();

describe('the versions of a process', () => {
  test('are given newest first, with tag and deployment, page by page', async () => {
    const query = { key: 'p', withoutTenantId: 'true', sortBy: 'version', sortOrder: 'desc', maxResults: '200' };
    const row = (version: number) => ({ id: `p:${version}`, version, versionTag: 'dev', deploymentId: `d-${version}` });
    const rows = Array.from({ length: 201 }, (_, each) => row(201 - each));
    nock(STUBBED_ENGINE)
      .get('/process-definition')
      .query({ ...query, firstResult: '0' })
      .reply(200, rows.slice(0, 200));
    nock(STUBBED_ENGINE)
      .get('/process-definition')
      .query({ ...query, firstResult: '200' })
      .reply(200, [{ ...row(1), versionTag: null }]);

    const found = await someProcesses().findDefinitions('p', signal);

    expect(found).toHaveLength(201);
    expect(found[0]).toEqual({ id: 'p:201', version: 201, versionTag: 'dev', deploymentId: 'd-201' });
    expect(found[200]).toMatchObject({ version: 1, versionTag: null });
  });

  test('have their text, or none when they are gone', async () => {
    nock(STUBBED_ENGINE).get('/process-definition/p%3A1/xml').reply(200, { id: 'p:1', bpmn20Xml: '<bpmn/>' });
    nock(STUBBED_ENGINE).get('/process-definition/p%3A2/xml').reply(404, { type: 'InvalidRequestException' });

    await expect(someProcesses().findText('p:1', signal)).resolves.toBe('<bpmn/>');
    await expect(someProcesses().findText('p:2', signal)).resolves.toBeNull();
  });

  test('are not believed to be none when something else than the engine answers', async () => {
    nock(STUBBED_ENGINE).get('/process-definition').query(true).reply(200, { status: 'ok' });

    await expect(someProcesses().findDefinitions('p', signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

describe('a deployment', () => {
  test('has the same name, source and bytes every time, so that the engine can tell that nothing is new', async () => {
    const sent: Record<string, string>[] = [];
    nock(STUBBED_ENGINE)
      .post('/deployment/create')
      .times(2)
      .reply(200, async (request: Request) => {
        const parts: Record<string, string> = {};
        for (const [name, value] of (await request.formData()).entries()) {
          parts[name] = typeof value === 'string' ? value : `${value.name}: ${await value.text()}`;
        }
        sent.push(parts);
        return { id: 'd-1' };
      });

    await someProcesses().deploy(aDeployment, signal);
    await someProcesses().deploy(aDeployment, signal);

    expect(sent[0]).toEqual({
      'deployment-name': 'formvault',
      'deployment-source': 'formvault',
      'deploy-changed-only': 'true',
      'p.bpmn': 'p.bpmn: <bpmn>Größe</bpmn>',
    });
    expect(sent[1]).toEqual(sent[0]);
  });

  test('that the user may not make is refused with the permission that is missing', async () => {
    nock(STUBBED_ENGINE).post('/deployment/create').reply(403, refusedByEngine);

    await expect(someProcesses().deploy(aDeployment, signal)).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      context: { status: 403 },
      hint: expect.stringContaining('CREATE on DEPLOYMENT'),
    });
  });

  test('is tried again later when the engine is away', async () => {
    nock(STUBBED_ENGINE).post('/deployment/create').reply(503);

    await expect(someProcesses().deploy(aDeployment, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

describe('a start', () => {
  test('gives the id of the instance', async () => {
    nock(STUBBED_ENGINE)
      .post('/process-definition/key/p/start', { businessKey: aStart.businessKey, variables: aStart.variables })
      .reply(200, { id: 'i-1' });

    await expect(someProcesses().start(aStart, signal)).resolves.toBe('i-1');
  });

  test('of a process that is not there, or may not be seen, says what to do', async () => {
    nock(STUBBED_ENGINE).post('/process-definition/key/p/start').reply(404, { type: 'RestException' });

    await expect(someProcesses().start(aStart, signal)).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      context: { processDefinitionKey: 'p', status: 404 },
      hint: expect.stringContaining('READ on that PROCESS_DEFINITION'),
    });
  });
});

describe('started instances', () => {
  const history = () => nock(STUBBED_ENGINE).post('/history/process-instance');

  test('F8: are looked for in batches', async () => {
    const sizes: number[] = [];
    nock(STUBBED_ENGINE)
      .post('/history/process-instance', ({ processDefinitionKey }) => processDefinitionKey === 'p')
      .times(3)
      .query({ firstResult: '0', maxResults: '200' })
      .reply(200, async (request: Request) => {
        const { processInstanceBusinessKeyIn: keys } = (await request.json()) as {
          processInstanceBusinessKeyIn: string[];
        };
        sizes.push(keys.length);
        return keys.filter((key) => key.endsWith('9')).map((businessKey) => ({ businessKey }));
      });
    const keys = Array.from({ length: 450 }, (_, each) => `detail/${each}`);

    const found = await someProcesses().findStarted('p', keys, signal);

    expect(sizes).toEqual([200, 200, 50]);
    expect([...found]).toEqual(keys.filter((key) => key.endsWith('9')));
  });

  test('of one key do not hide those of another', async () => {
    const twins = Array.from({ length: 200 }, () => ({ businessKey: 'detail/1' }));
    history().query(true).reply(200, twins);
    nock(STUBBED_ENGINE)
      .post('/history/process-instance', { processDefinitionKey: 'p', processInstanceBusinessKeyIn: ['detail/2'] })
      .query(true)
      .reply(200, [{ businessKey: 'detail/2' }]);

    const found = await someProcesses().findStarted('p', ['detail/1', 'detail/2'], signal);

    expect([...found]).toEqual(['detail/1', 'detail/2']);
  });

  test('of no key need no request', async () => {
    await expect(someProcesses().findStarted('p', [], signal)).resolves.toEqual(new Set());
  });
});

test('a JSON variable is read as its text; of an instance that is over there is none', async () => {
  const query = (id: string) => ({
    processInstanceIdIn: id,
    activityInstanceIdIn: id,
    variableName: 'source',
    deserializeValues: 'false',
    firstResult: '0',
    maxResults: '1',
  });
  nock(STUBBED_ENGINE)
    .get('/variable-instance')
    .query(query('i-1'))
    .reply(200, [{ type: 'Json', value: '{"topic": "x"}' }]);
  nock(STUBBED_ENGINE).get('/variable-instance').query(query('i-2')).reply(200, []);

  await expect(someProcesses().readVariable('i-1', 'source', signal)).resolves.toBe('{"topic": "x"}');
  await expect(someProcesses().readVariable('i-2', 'source', signal)).resolves.toBeNull();
});
