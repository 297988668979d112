import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineCases } from '../../../src/engine/engine-cases.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();

const someCases = () => createEngineCases(engineHttp({ maxSockets: 32 }));

const aRow = (id: string) => ({
  id,
  businessKey: 'CASE-1',
  processDefinitionId: 'site-visit:2:f64b29c4',
  processDefinitionKey: 'site-visit',
  processDefinitionName: 'Visit of a site',
  startTime: '2026-11-21T08:00:00.000+0000',
  endTime: null,
  state: 'ACTIVE',
  tenantId: null,
  rootProcessInstanceId: id,
  superProcessInstanceId: null,
  somethingNew: true,
});
const aTaskRow = (id: string, startTime = '2026-11-21T08:00:01.000+0000') => ({
  id,
  processInstanceId: 'i-1',
  name: 'Describe the site',
  taskDefinitionKey: 'describeSite',
  assignee: 'anna',
  startTime,
  due: '2026-12-01T00:00:00.000+0000',
});

guardNock();

describe('the process instances of a case', () => {
  test('are read by its business key, page by page in the order of their ids, each once', async () => {
    const rows = Array.from({ length: 201 }, (_, each) => aRow(`i-${String(each).padStart(3, '0')}`));
    const page = (firstResult: number) =>
      nock(STUBBED_ENGINE)
        .post('/history/process-instance', {
          processInstanceBusinessKey: 'CASE-1',
          sorting: [{ sortBy: 'instanceId', sortOrder: 'asc' }],
        })
        .query({ firstResult: String(firstResult), maxResults: '200' });
    page(0).reply(200, rows.slice(0, 200));
    page(200).reply(200, rows.slice(199)); // one moved while the pages were read

    const found = await someCases().readInstancesOfCase('CASE-1', signal);

    expect(found).toHaveLength(201);
    expect(found[0]).toEqual({
      id: 'i-000',
      key: 'site-visit',
      name: 'Visit of a site',
      definitionId: 'site-visit:2:f64b29c4',
      businessKey: 'CASE-1',
      startDate: '2026-11-21T08:00:00.000Z',
      endDate: null,
      state: 'ACTIVE',
      tenantId: null,
      rootProcessInstanceId: 'i-000',
      superProcessInstanceId: null,
    });
  });

  test('F6: do not hold those of our own process', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/process-instance')
      .query(true)
      .reply(200, [{ ...aRow('ours'), processDefinitionKey: 'formvault-persist' }]);
    await expect(someCases().readInstancesOfCase('detail/1', signal)).resolves.toEqual([]);
  });

  test('F8: are read by their ids in batches; what is gone is left out', async () => {
    const sizes: number[] = [];
    nock(STUBBED_ENGINE)
      .post('/history/process-instance')
      .query({ firstResult: '0', maxResults: '200' })
      .times(3)
      .reply(200, async (request: Request) => {
        const { processInstanceIds } = (await request.json()) as { processInstanceIds: string[] };
        sizes.push(processInstanceIds.length);
        return processInstanceIds.filter((id) => id !== 'i-7' && processInstanceIds.length < 200).map(aRow);
      });
    const ids = Array.from({ length: 450 }, (_, each) => `i-${each}`);

    const found = await someCases().readInstances(ids, signal);

    expect(sizes).toEqual([200, 200, 50]);
    expect(found.size).toBe(50);
    expect(found.get('i-449')).toMatchObject({ id: 'i-449', name: 'Visit of a site' });
    await expect(someCases().readInstances([], signal)).resolves.toEqual(new Map());
  });

  test('are not believed when something else than the engine answers', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/process-instance')
      .query(true)
      .reply(200, [{ status: 'ok' }]);
    await expect(someCases().readInstancesOfCase('CASE-1', signal)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
  });
});

describe('the user tasks of a case', () => {
  test('that are open are read for the business key at once, and for single instances, oldest first', async () => {
    const open = (scope: object) =>
      nock(STUBBED_ENGINE)
        .post('/history/task', { ...scope, unfinished: true, sorting: [{ sortBy: 'taskId', sortOrder: 'asc' }] })
        .query({ firstResult: '0', maxResults: '200' });
    open({ processInstanceBusinessKey: 'CASE-1' }).reply(200, [aTaskRow('later')]);
    open({ processInstanceId: 'i-1' }).reply(200, [aTaskRow('earlier', '2026-11-20T08:00:01.000+0100')]);

    const scopes = [{ processInstanceBusinessKey: 'CASE-1' }, { processInstanceId: 'i-1' }];
    const found = await someCases().readOpenTasks(scopes, signal);

    expect(found.map(({ id }) => id)).toEqual(['earlier', 'later']);
    expect(found[0]).toEqual({
      id: 'earlier',
      processInstanceId: 'i-1',
      name: 'Describe the site',
      definitionKey: 'describeSite',
      assignee: 'anna',
      created: '2026-11-20T07:00:01.000Z',
      due: '2026-12-01T00:00:00.000Z',
    });
  });

  test('that have ended are counted', async () => {
    const counts = { a: 3, b: 4 };
    for (const [processInstanceId, count] of Object.entries(counts)) {
      nock(STUBBED_ENGINE)
        .get('/history/task/count')
        .query({ processInstanceId, finished: 'true' })
        .reply(200, { count });
    }
    const scopes = Object.keys(counts).map((processInstanceId) => ({ processInstanceId }));
    await expect(someCases().countEndedTasks(scopes, signal)).resolves.toBe(7);
    await expect(someCases().countEndedTasks([], signal)).resolves.toBe(0);
  });

  test('are not counted by an answer without a count', async () => {
    nock(STUBBED_ENGINE).get('/history/task/count').query(true).reply(200, {});
    const counting = someCases().countEndedTasks([{ processInstanceId: 'a' }], signal);
    await expect(counting).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('F8: of many instances are asked for some at a time', async () => {
    let underWay = 0;
    let most = 0;
    nock(STUBBED_ENGINE)
      .get('/history/task/count')
      .query(true)
      .times(20)
      .reply(200, async () => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
        return { count: 1 };
      });
    const scopes = Array.from({ length: 20 }, (_, each) => ({ processInstanceId: `i-${each}` }));
    await expect(someCases().countEndedTasks(scopes, signal)).resolves.toBe(20);
    expect(most).toBeLessThanOrEqual(6);
  });
});
