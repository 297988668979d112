import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineIncidents } from '../../../src/engine/engine-incidents.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();
const incidents = createEngineIncidents(engineHttp());
const refusal = (message: string) => ({ type: 'InvalidRequestException', message, code: null });
const absent = { type: 'InvalidRequestException', message: 'it does not exist', code: null };
const aRow = (id: string) => ({
  id,
  incidentType: 'failedExternalTask',
  processInstanceId: 'pi',
  executionId: 'ex',
  processDefinitionId: 'def:1',
  configuration: 'task',
  incidentMessage: 'it failed',
  annotation: null,
});

guardNock();

describe('creating an incident', () => {
  const wanted = { type: 'failedExternalTask', configuration: 'task', message: 'it failed' };
  const create = () => incidents.create('ex/1', wanted, signal);
  const stub = () =>
    nock(STUBBED_ENGINE).post('/execution/ex%2F1/create-incident', {
      incidentType: 'failedExternalTask',
      configuration: 'task',
      message: 'it failed',
    });

  test('is said with type, configuration and message', async () => {
    stub().reply(200, aRow('i-1'));
    await expect(create()).resolves.toBe('created');
  });

  test.each([
    ['gone', "Cannot find an execution with executionId 'ex/1': execution is null"],
    ['no-activity', 'Execution must be related to an activity: activity is null'],
  ])('on an execution that cannot carry it is %s, not a failure', async (answer, message) => {
    stub().reply(400, refusal(message));
    await expect(create()).resolves.toBe(answer);
  });

  test('that the engine refuses for another reason is a refusal, without the words of the engine', async () => {
    stub().reply(400, refusal('the engine quotes something here'));
    const error = await create().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_REJECTED', context: { status: 400 } });
    expect(JSON.stringify(error)).not.toContain('quotes');
  });

  test('at the same time as others on one execution is said again, since the engine took only one of them', async () => {
    stub().times(2).reply(500, { type: 'OptimisticLockingException', message: 'updated by another', code: 1 });
    stub().reply(200, aRow('i-1'));
    await expect(create()).resolves.toBe('created');
  });

  test('while the engine cannot is unavailable', async () => {
    stub().reply(500, { type: 'ProcessEngineException', message: 'no', code: 0 });
    await expect(create()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

describe('finding incidents', () => {
  const inOrder = { sortBy: 'incidentId', sortOrder: 'asc', maxResults: '500' };

  test('gives those of a configuration in our words', async () => {
    nock(STUBBED_ENGINE)
      .get('/incident')
      .query({ configuration: 'task', ...inOrder, firstResult: '0' })
      .reply(200, [aRow('i-1')]);
    await expect(incidents.findByConfiguration('task', signal)).resolves.toEqual([
      {
        id: 'i-1',
        type: 'failedExternalTask',
        processInstanceId: 'pi',
        executionId: 'ex',
        processDefinitionId: 'def:1',
        configuration: 'task',
        message: 'it failed',
      },
    ]);
  });

  test('of a type goes page by page until one is not full', async () => {
    const filter = { incidentType: 'custom', processDefinitionKeyIn: 'own' };
    const page = (length: number) => Array.from({ length }, (_, i) => aRow(`i-${i}`));
    nock(STUBBED_ENGINE)
      .get('/incident')
      .query({ ...filter, ...inOrder, firstResult: '0' })
      .reply(200, page(500));
    nock(STUBBED_ENGINE)
      .get('/incident')
      .query({ ...filter, ...inOrder, firstResult: '500' })
      .reply(200, page(2));
    const found: string[] = [];
    for await (const { id } of incidents.findOfType('custom', { processDefinitionKey: 'own' }, signal)) found.push(id);
    expect(found).toHaveLength(502);
  });
});

describe('removing an incident', () => {
  test('that is there is done', async () => {
    nock(STUBBED_ENGINE).delete('/incident/i-1').reply(204);
    await expect(incidents.remove('i-1', signal)).resolves.toBe('done');
  });

  test('that is not there any more is gone', async () => {
    nock(STUBBED_ENGINE).delete('/incident/i-1').reply(404, absent);
    await expect(incidents.remove('i-1', signal)).resolves.toBe('gone');
  });
});

describe('the place for an incident', () => {
  const activity = (executionIds: string[], children: object[] = [], waiting: object[] = []) => ({
    executionIds,
    childActivityInstances: children,
    childTransitionInstances: waiting,
  });
  const find = (tree: object) => {
    nock(STUBBED_ENGINE).get('/process-instance/pi/activity-instances').reply(200, tree);
    return incidents.findLeafExecution('pi', signal);
  };

  test('is an innermost activity', async () => {
    const tree = activity(['pi'], [activity(['sub'], [activity(['leaf', 'other'])]), activity(['neighbour'])]);
    await expect(find(tree)).resolves.toBe('leaf');
  });

  test('is a job that is about to start or to end an activity where there is nothing else', async () => {
    const tree = activity(['pi'], [activity(['sub'], [], [{ executionId: 'waiting' }])]);
    await expect(find(tree)).resolves.toBe('waiting');
  });

  test('is none when the instance is over', async () => {
    nock(STUBBED_ENGINE).get('/process-instance/pi/activity-instances').reply(404, absent);
    await expect(incidents.findLeafExecution('pi', signal)).resolves.toBeNull();
  });

  test('is not known while something else answers in the place of the engine', async () => {
    nock(STUBBED_ENGINE).get('/process-instance/pi/activity-instances').reply(404, {});
    await expect(incidents.findLeafExecution('pi', signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

describe('the task behind an incident', () => {
  test.each([
    ['none', 0],
    ['some', 1],
    ['some', null],
  ])('has %s retries left with %s', async (left, retries) => {
    nock(STUBBED_ENGINE).get('/external-task/task').reply(200, { id: 'task', retries });
    await expect(incidents.readRetriesLeft('task', signal)).resolves.toBe(left);
  });

  test('is gone when the engine itself says so', async () => {
    nock(STUBBED_ENGINE)
      .get('/external-task/task')
      .reply(404, { type: 'RestException', message: 'does not exist', code: null });
    await expect(incidents.readRetriesLeft('task', signal)).resolves.toBe('gone');
    nock(STUBBED_ENGINE).get('/external-task/task').reply(404, '<html></html>', { 'content-type': 'text/html' });
    await expect(incidents.readRetriesLeft('task', signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});
