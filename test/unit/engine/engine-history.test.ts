import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineHistory } from '../../../src/engine/engine-history.ts';
import { readHistoryLevel } from '../../../src/engine/history-level.ts';
import { createEngineClock } from '../../../src/time/engine-clock.ts';
import { aVariableChange } from '../../support/builders.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();
/** Two writings of one millisecond come in the order in which they happened. */
const byOccurrence = (sortOrder: string) => [
  { sortBy: 'time', sortOrder },
  { sortBy: 'occurrence', sortOrder },
];
const window = { fromMs: Date.UTC(2024, 1, 29, 8), toMs: Date.UTC(2024, 1, 29, 9) };
const between = { occurredAfter: '2024-02-29T08:00:00.000+0000', occurredBefore: '2024-02-29T09:00:00.000+0000' };

const aClient = () => engineHttp();
const aHistory = (clock = createEngineClock()) => createEngineHistory(aClient(), clock);

const aDetail = (given: object = {}) => ({
  id: 'd-1',
  time: '2024-02-29T08:30:00.000+0000',
  variableName: 'v',
  variableInstanceId: 'v-1',
  variableType: 'Json',
  value: '{}',
  processDefinitionKey: 'visit',
  ...given,
});
const aTask = (given: object = {}) => ({
  id: 't-1',
  taskDefinitionKey: 'fillIn',
  startTime: '2024-02-29T08:00:00.000+0000',
  endTime: '2024-02-29T08:30:00.000+0000',
  deleteReason: 'completed',
  processDefinitionKey: 'visit',
  ...given,
});

guardNock();

describe('the history', () => {
  test('F3: gives the JSON writings of a closed window in the order of time, as many as asked for', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/detail', {
        variableUpdates: true,
        variableTypeIn: ['json', 'spin://application/json'],
        ...between,
        sorting: [{ sortBy: 'time', sortOrder: 'asc' }],
      })
      .query({ firstResult: '0', maxResults: '50', deserializeValues: 'false' })
      .reply(200, [aDetail()]);
    const page = await aHistory().readVariableChanges(window, 50, signal);
    expect(page.rows).toMatchObject([
      { id: 'detail/d-1', timeMs: Date.UTC(2024, 1, 29, 8, 30), change: { text: '{}' } },
    ]);
    expect(page.bytes).toBeGreaterThan(0);
  });

  test('F5: every answer says what time it is there', async () => {
    nock(STUBBED_ENGINE)
      .get('/history/task/count')
      .query(true)
      .reply(200, { count: 3 }, { Date: 'Thu, 29 Feb 2024 08:00:00 GMT' });
    const clock = createEngineClock(() => 5_000);
    await expect(aHistory(clock).countTaskChanges(window, signal)).resolves.toBe(3);
    expect(clock.nowMs()).toBe(Date.UTC(2024, 1, 29, 8));
  });

  test('F6: rows of our own process count as rows and are no change', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/detail')
      .query(true)
      .reply(200, [aDetail({ processDefinitionKey: 'formvault-persist' })]);
    nock(STUBBED_ENGINE)
      .post('/history/task')
      .query(true)
      .reply(200, [aTask({ processDefinitionKey: 'formvault-persist' })]);
    const history = aHistory();
    expect((await history.readVariableChanges(window, 50, signal)).rows).toMatchObject([
      { id: 'detail/d-1', change: null },
    ]);
    expect((await history.readTaskChanges(window, 50, signal)).rows).toMatchObject([{ id: 'task/t-1', change: null }]);
  });

  test('takes a task that ended in another way as a row and no change', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/task')
      .query(true)
      .reply(200, [aTask({ deleteReason: 'deleted' }), aTask({ id: 't-2' })]);
    const { rows } = await aHistory().readTaskChanges(window, 50, signal);
    expect(rows).toMatchObject([
      { id: 'task/t-1', change: null },
      { id: 'task/t-2', change: { ref: 'task/t-2' } },
    ]);
  });

  test('counts by the same conditions as it reads', async () => {
    nock(STUBBED_ENGINE)
      .get('/history/detail/count')
      .query({ variableUpdates: 'true', variableTypeIn: 'json,spin://application/json', ...between })
      .reply(200, { count: 7 });
    await expect(aHistory().countVariableChanges(window, signal)).resolves.toBe(7);
  });

  test('keeps the numbers of task data as they are', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/detail', (body) => body.processInstanceIdIn[0] === 'p-1' && body.variableTypeIn === undefined)
      .query(true)
      .reply(
        200,
        `[${JSON.stringify(aDetail({ variableType: 'Long', value: 0 })).replace('"value":0', '"value":9007199254740993')}]`,
      );
    const { rows } = await aHistory().readUpdatesOf(['p-1'], window, 50, signal);
    expect(rows[0]?.change?.value).toEqual({ numberText: '9007199254740993' });
  });

  test('tells the last of several writings of one instant', async () => {
    nock(STUBBED_ENGINE)
      .post('/history/detail', ({ sorting }) => isDeepStrictEqual(sorting, byOccurrence('asc')))
      .query({ firstResult: '0', maxResults: '50', deserializeValues: 'false' })
      .reply(200, [aDetail()]);
    nock(STUBBED_ENGINE)
      .post('/history/detail', ({ sorting }) => isDeepStrictEqual(sorting, byOccurrence('desc')))
      .query({ firstResult: '0', maxResults: '1', deserializeValues: 'false' })
      .reply(200, [aDetail({ id: 'd-2' })]);
    const history = aHistory();
    expect((await history.readUpdatesOf(['p-1'], window, 50, signal)).rows).toHaveLength(1);
    await expect(history.findLastValue(aVariableChange(), signal)).resolves.toMatchObject({ ref: 'detail/d-2' });
  });

  test('F8: looks many ids up in few requests', async () => {
    const sizes: number[] = [];
    nock(STUBBED_ENGINE)
      .post('/history/process-instance')
      .times(3)
      .query(true)
      .reply(200, async (request: Request) => {
        const { processInstanceIds } = (await request.json()) as { processInstanceIds: string[] };
        sizes.push(processInstanceIds.length);
        return processInstanceIds.map((id) => ({ id, businessKey: `key of ${id}` }));
      });
    const ids = Array.from({ length: 450 }, (_, each) => `p-${each}`);
    const found = await aHistory().readProcessInstances(ids, signal);
    expect(found.get('p-449')?.businessKey).toBe('key of p-449');
    expect(sizes).toEqual([200, 200, 50]);
  });

  test('reads the earlier values of one variable', async () => {
    nock(STUBBED_ENGINE)
      .post(
        '/history/detail',
        (body) => body.variableInstanceId === 'v-9' && body.occurredBefore === between.occurredBefore,
      )
      .query(true)
      .reply(200, [aDetail()]);
    const { rows } = await aHistory().readEarlierValues(
      aVariableChange({ variableInstanceId: 'v-9' }),
      window,
      50,
      signal,
    );
    expect(rows).toHaveLength(1);
  });

  test('tells a change that is gone from an engine that is not there', async () => {
    nock(STUBBED_ENGINE)
      .get('/history/detail/d-1')
      .query(true)
      .reply(404, { type: 'InvalidRequestException', message: 'gone' });
    nock(STUBBED_ENGINE).get('/history/detail/d-2').query(true).reply(404, '<html>starting</html>');
    const history = aHistory();
    await expect(history.findVariableChange('d-1', signal)).resolves.toBeNull();
    await expect(history.findVariableChange('d-2', signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('reads the bytes of a file, and none where there are none', async () => {
    nock(STUBBED_ENGINE)
      .get('/history/detail/d%2F1/data')
      .reply(200, Buffer.from([0, 255]));
    nock(STUBBED_ENGINE).get('/history/detail/d-2/data').reply(404, { type: 'InvalidRequestException' });
    const history = aHistory();
    await expect(history.readFile('d/1', signal).then((bytes) => [...(bytes ?? [])])).resolves.toEqual([0, 255]);
    await expect(history.readFile('d-2', signal)).resolves.toBeNull();
  });

  test('waits for a file as long as it comes in, however long that is', async () => {
    async function* slowly() {
      for (let part = 0; part < 8; part++) {
        await setTimeout(200);
        yield 'x';
      }
    }
    nock(STUBBED_ENGINE)
      .get('/history/detail/d-1/data')
      .reply(200, () => Readable.from(slowly()));
    const history = createEngineHistory(engineHttp({ timeoutMs: 1_000 }), createEngineClock());
    await expect(history.readFile('d-1', signal)).resolves.toHaveLength(8);
  });

  test('knows who completed a task, and who wrote in one request', async () => {
    nock(STUBBED_ENGINE)
      .get('/history/user-operation')
      .query({ taskId: 't-1', entityType: 'Task', operationType: 'Complete', maxResults: '1' })
      .reply(200, [{ userId: 'anna' }]);
    nock(STUBBED_ENGINE)
      .get('/history/user-operation')
      .query({ processInstanceId: 'p-1', operationId: 'o-1', maxResults: '1' })
      .reply(200, []);
    const history = aHistory();
    await expect(history.findUser({ taskId: 't-1' }, signal)).resolves.toBe('anna');
    await expect(history.findUser({ processInstanceId: 'p-1', operationId: 'o-1' }, signal)).resolves.toBeNull();
  });
});

describe('the history level', () => {
  test('F9: is FULL where there is a variable update', async () => {
    nock(STUBBED_ENGINE).get('/history/detail').query(true).reply(200, [aDetail()]);
    await expect(readHistoryLevel(aClient(), signal)).resolves.toBe('full');
  });

  test('F9: is FULL also where the first variable of all is written while we ask', async () => {
    nock(STUBBED_ENGINE).get('/history/detail').query(true).reply(200, []);
    nock(STUBBED_ENGINE)
      .get('/history/variable-instance')
      .query(true)
      .reply(200, [{ id: 'v-1' }]);
    nock(STUBBED_ENGINE).get('/history/detail').query(true).reply(200, [aDetail()]);
    await expect(readHistoryLevel(aClient(), signal)).resolves.toBe('full');
  });

  test('F9: below FULL stops the start and says how to turn it on', async () => {
    nock(STUBBED_ENGINE).get('/history/detail').query(true).times(2).reply(200, []);
    nock(STUBBED_ENGINE)
      .get('/history/variable-instance')
      .query(true)
      .reply(200, [{ id: 'v-1' }]);
    await expect(readHistoryLevel(aClient(), signal)).rejects.toMatchObject({
      code: 'HISTORY_LEVEL_TOO_LOW',
      hint: expect.stringContaining('FULL'),
    });
  });

  test.each([
    ['full', [aDetail()]],
    ['HISTORY_LEVEL_TOO_LOW', []],
  ])(
    'F9: of an engine without history is tried out on a task of our own, which is deleted again: %s',
    async (level, updates) => {
      nock(STUBBED_ENGINE)
        .get('/history/detail')
        .query((query) => query.taskId === undefined)
        .reply(200, []);
      nock(STUBBED_ENGINE).get('/history/variable-instance').query(true).reply(200, []);
      nock(STUBBED_ENGINE).post('/task/create').reply(204);
      nock(STUBBED_ENGINE)
        .put(/^\/engine-rest\/task\/formvault-probe-[^/]+\/localVariables\/probe$/)
        .reply(204);
      nock(STUBBED_ENGINE)
        .get('/history/detail')
        .query((query) => String(query.taskId).startsWith('formvault-probe-'))
        .reply(200, updates);
      nock(STUBBED_ENGINE)
        .delete(/^\/engine-rest\/task\/formvault-probe-/)
        .reply(204);
      await expect(readHistoryLevel(aClient(), signal).catch(({ code }: { code: string }) => code)).resolves.toBe(
        level,
      );
    },
  );

  test('is unknown where the engine has no history and does not let us try', async () => {
    nock(STUBBED_ENGINE).get('/history/detail').query(true).reply(200, []);
    nock(STUBBED_ENGINE).get('/history/variable-instance').query(true).reply(200, []);
    nock(STUBBED_ENGINE).post('/task/create').reply(403, { type: 'AuthorizationException' });
    await expect(readHistoryLevel(aClient(), signal)).resolves.toBe('unknown');
  });

  test('is not judged by an engine that does not answer', async () => {
    nock(STUBBED_ENGINE).get('/history/detail').query(true).reply(503);
    await expect(readHistoryLevel(aClient(), signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});
