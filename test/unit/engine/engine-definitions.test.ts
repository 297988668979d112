import { expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineDefinitions } from '../../../src/engine/engine-definitions.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();

const someDefinitions = () => createEngineDefinitions(engineHttp());
const instance = { id: 'i-1', definitionId: 'p:1:2', businessKey: 'BF 1/2' };

guardNock();

test('a running instance is found by its id and by its business key', async () => {
  nock(STUBBED_ENGINE).get('/process-instance/i-1').reply(200, instance);
  nock(STUBBED_ENGINE)
    .get('/process-instance')
    .query(({ businessKey }) => businessKey === 'BF 1/2')
    .reply(200, [instance]);

  const found = { processDefinitionId: 'p:1:2' };
  await expect(someDefinitions().findRunningInstance('i-1', signal)).resolves.toMatchObject(found);
  await expect(someDefinitions().findRunningInstanceByBusinessKey('BF 1/2', signal)).resolves.toMatchObject(found);
});

test.each(['', '..', 'a/b', 'a\\b', 'a;b', 'a\0b', '\ud800', 'a'.repeat(65)])(
  'no instance has the id %j, and the engine is not asked',
  async (id) => {
    await expect(someDefinitions().findRunningInstance(id, signal)).resolves.toBeNull();
  },
);

test.each(['a\0b', 'a'.repeat(256)])(
  'no instance has the business key %j, and the engine is not asked',
  async (key) => {
    await expect(someDefinitions().findRunningInstanceByBusinessKey(key, signal)).resolves.toBeNull();
  },
);

test.each([
  ['404', 404],
  ['400, as old engines do', 400],
])('the BPMN of a definition that is gone is none: status %s', async (_, status) => {
  nock(STUBBED_ENGINE).get('/process-definition/p%3A1%3A2/xml').reply(status, { type: 'InvalidRequestException' });
  await expect(someDefinitions().findXml('p:1:2', signal)).resolves.toBeNull();
});

test.each([
  [400, {}],
  [403, { type: 'AuthorizationException' }],
])('the BPMN of a definition is not taken for gone by status %i and %j', async (status, body) => {
  nock(STUBBED_ENGINE).get('/process-definition/p%3A1%3A2/xml').reply(status, body);
  await expect(someDefinitions().findXml('p:1:2', signal)).rejects.toMatchObject({ code: 'ENGINE_REJECTED' });
});
