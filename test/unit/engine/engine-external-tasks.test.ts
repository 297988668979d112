import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineExternalTasks, type FailedTask } from '../../../src/engine/engine-external-tasks.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();
const GONE = { type: 'RestException', message: 'External task with id t-1 does not exist', code: 0 };
const CONCURRENT = { type: 'OptimisticLockingException', message: 'ENGINE-03005 …', code: 1 };

const externalTasks = createEngineExternalTasks(engineHttp());
const FAILURE = { errorMessage: 'm', errorDetails: 'd', retries: 1, retryTimeoutMs: 5_000 };

const WORDS = [
  ['complete', { workerId: 'w' }, () => externalTasks.complete('t-1', 'w', signal)],
  [
    'failure',
    { workerId: 'w', errorMessage: 'm', errorDetails: 'd', retries: 1, retryTimeout: 5_000 },
    () => externalTasks.fail('t-1', 'w', FAILURE, signal),
  ],
  ['extendLock', { workerId: 'w', newDuration: 30 }, () => externalTasks.extendLock('t-1', 'w', 30, signal)],
  ['lock', { workerId: 'w', lockDuration: 30 }, () => externalTasks.lock('t-1', 'w', 30, signal)],
  ['unlock', {}, () => externalTasks.unlock('t-1', signal)],
] as const;

guardNock();

describe('a word about a task', () => {
  test.each(WORDS)('%s is done when the engine takes it', async (verb, body, say) => {
    nock(STUBBED_ENGINE).post(`/external-task/t-1/${verb}`, body).reply(204);
    await expect(say()).resolves.toBe('done');
  });

  test.each(WORDS)('%s finds the task lost where it is gone', async (verb, _body, say) => {
    nock(STUBBED_ENGINE).post(`/external-task/t-1/${verb}`).reply(404, GONE);
    await expect(say()).resolves.toBe('lost');
  });

  test.each([
    "External Task t-1 cannot be completed by worker 'w'. It is locked by worker 'x'.",
    "Failure of External Task t-1 cannot be reported by worker 'w'. It is locked by worker 'null'.",
    "The lock of the External Task t-1 cannot be extended by worker 'w''. It is locked by worker 'x'.",
    'Cannot extend a lock that expired: lockExpirationTime is not greater than or equal to 1795260226760',
    "ENGINE-03043 ExternalTask with id 't-1' is suspended.",
  ])('finds the task lost where the engine says "%s"', async (message) => {
    nock(STUBBED_ENGINE).post('/external-task/t-1/complete').reply(400, { type: 'RestException', message, code: 0 });
    await expect(externalTasks.complete('t-1', 'w', signal)).resolves.toBe('lost');
  });

  test('is rejected where the engine refuses it for another reason, which is not repeated', async () => {
    const message = 'No process engine available';
    nock(STUBBED_ENGINE).post('/external-task/t-1/complete').reply(400, { type: 'InvalidRequestException', message });
    const rejection = externalTasks.complete('t-1', 'w', signal);
    await expect(rejection).rejects.toMatchObject({ code: 'ENGINE_REJECTED', context: { externalTaskId: 't-1' } });
  });

  test.each(WORDS)(
    '%s is said again after a concurrent change, a broken connection and an error',
    async (verb, _body, say) => {
      const path = `/external-task/t-1/${verb}`;
      nock(STUBBED_ENGINE).post(path).reply(500, CONCURRENT);
      nock(STUBBED_ENGINE)
        .post(path)
        .replyWithError(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
      nock(STUBBED_ENGINE).post(path).reply(503, '<html>');
      nock(STUBBED_ENGINE).post(path).reply(204);
      await expect(say()).resolves.toBe('done');
    },
  );

  test('is said four times at the most', async () => {
    nock(STUBBED_ENGINE).post('/external-task/t-1/failure').times(4).reply(500, CONCURRENT);
    await expect(externalTasks.fail('t-1', 'w', FAILURE, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('is not said again at once to an engine that asks for a longer pause', async () => {
    nock(STUBBED_ENGINE).post('/external-task/t-1/unlock').reply(429, '', { 'Retry-After': '30' });
    await expect(externalTasks.unlock('t-1', signal)).rejects.toMatchObject({ retryAfterMs: 30_000 });
  });

  test('ends with SHUTTING_DOWN when it is not wanted any more', async () => {
    await expect(externalTasks.unlock('t-1', AbortSignal.abort())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('a completion', () => {
  test('whose first answer got lost is done', async () => {
    nock(STUBBED_ENGINE).post('/external-task/t-1/complete').reply(502);
    nock(STUBBED_ENGINE).post('/external-task/t-1/complete').reply(404, GONE);
    await expect(externalTasks.complete('t-1', 'w', signal)).resolves.toBe('done');
  });

  test('is rejected when a step behind the task fails', async () => {
    const body = { type: 'ProcessEngineException', message: 'Unknown property used in expression', code: 0 };
    nock(STUBBED_ENGINE).post('/external-task/t-1/complete').times(4).reply(500, body);
    await expect(externalTasks.complete('t-1', 'w', signal)).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      context: { externalTaskId: 't-1', type: 'ProcessEngineException' },
      hint: expect.stringContaining('a step behind the service task fails'),
    });
  });

  test('is not possible now where the trouble is the engine itself', async () => {
    const body = { type: 'ProcessEnginePersistenceException', message: '…', code: 0 };
    nock(STUBBED_ENGINE).post('/external-task/t-1/complete').times(4).reply(500, body);
    const completion = externalTasks.complete('t-1', 'w', signal);
    await expect(completion).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

describe('retries', () => {
  /** Refuses a batch with a task that is gone, as the engine does. */
  function answerBatches(gone: string, times: number): string[][] {
    const batches: string[][] = [];
    nock(STUBBED_ENGINE)
      .put('/external-task/retries')
      .times(times)
      .reply(async (request: Request) => {
        const { externalTaskIds, retries } = (await request.json()) as { externalTaskIds: string[]; retries: number };
        expect(retries).toBe(1);
        batches.push(externalTaskIds);
        return externalTaskIds.includes(gone) ? [404, { type: 'InvalidRequestException', message: '…' }] : [204];
      });
    return batches;
  }
  const ids = (count: number) => Array.from({ length: count }, (_, each) => `t-${each}`);

  test('are set for 200 tasks at once', async () => {
    const batches = answerBatches('none', 3);
    await externalTasks.setRetries(ids(450), 1, signal);
    expect(batches.map(({ length }) => length)).toEqual([200, 200, 50]);
  });

  test('are set for the others when one task is gone', async () => {
    const batches = answerBatches('t-2', 5);
    await externalTasks.setRetries(ids(6), 1, signal);
    const taken = batches.filter((batch) => !batch.includes('t-2')).flat();
    expect(taken.sort()).toEqual(['t-0', 't-1', 't-3', 't-4', 't-5']);
  });

  test('of nothing are no request', async () => {
    await externalTasks.setRetries([], 1, signal);
  });
});

describe('failed tasks', () => {
  const aRow = (id: string, given: object = {}) => ({
    id,
    topicName: 'convention-variable',
    executionId: 'e',
    processInstanceId: 'p',
    processDefinitionKey: 'formvault-persist',
    businessKey: 'detail/1',
    errorMessage: 'VAULT_REJECTED: …',
    retries: 0,
    lockExpirationTime: '2024-02-29T08:30:00.000+0000',
    tenantId: null,
    ...given,
  });
  const aTable = (count: number) => Array.from({ length: count }, (_, each) => aRow(String(each).padStart(5, '0')));

  /** Pages of a table that may change before each. */
  function answerPages(table: object[], times: number, before: (nth: number) => void = () => undefined): number[] {
    const firsts: number[] = [];
    nock(STUBBED_ENGINE)
      .post('/external-task', (body) => body.sorting[0].sortBy === 'id' && body.sorting[0].sortOrder === 'asc')
      .times(times)
      .query(true)
      .reply(200, (request: Request) => {
        before(firsts.length);
        const query = new URL(request.url).searchParams;
        const first = Number(query.get('firstResult'));
        firsts.push(first);
        return table.slice(first, first + Number(query.get('maxResults')));
      });
    return firsts;
  }

  async function collect(retriesLeft: boolean): Promise<FailedTask[]> {
    const found: FailedTask[] = [];
    for await (const task of externalTasks.findFailed({ topic: 'convention-variable', retriesLeft }, signal)) {
      found.push(task);
    }
    return found;
  }

  test('say what is needed to mend them', async () => {
    nock(STUBBED_ENGINE)
      .post('/external-task', {
        topicName: 'convention-variable',
        noRetriesLeft: true,
        sorting: [{ sortBy: 'id', sortOrder: 'asc' }],
      })
      .query({ firstResult: 0, maxResults: 500 })
      .reply(200, [aRow('t-1')]);
    await expect(collect(false)).resolves.toEqual([
      {
        id: 't-1',
        topic: 'convention-variable',
        executionId: 'e',
        processInstanceId: 'p',
        processDefinitionKey: 'formvault-persist',
        businessKey: 'detail/1',
        errorMessage: 'VAULT_REJECTED: …',
        retries: 0,
        lockExpirationMs: Date.UTC(2024, 1, 29, 8, 30),
        tenantId: null,
      },
    ]);
  });

  test('with retries are those that have failed before', async () => {
    nock(STUBBED_ENGINE)
      .post('/external-task', (body) => body.withRetriesLeft === true)
      .query(true)
      .reply(200, [aRow('t-1', { retries: 1 }), aRow('t-2', { retries: null, errorMessage: null })]);
    await expect(collect(true)).resolves.toMatchObject([{ id: 't-1', retries: 1 }]);
  });

  test('are read page by page', async () => {
    const firsts = answerPages(aTable(1_200), 3);
    expect(new Set((await collect(false)).map(({ id }) => id)).size).toBe(1_200);
    expect(firsts).toEqual([0, 499, 998]);
  });

  test('are all found once while others go between the pages', async () => {
    const table = aTable(1_600);
    const stays = table.filter((_, each) => each >= 700).map(({ id }) => id);
    nock.cleanAll();
    answerPages(table, 6, (nth) => {
      if (nth === 1) table.splice(0, 300);
      if (nth === 3) table.splice(0, 400);
    });
    const found = (await collect(false)).map(({ id }) => id);
    nock.cleanAll();
    expect(found).toEqual(expect.arrayContaining(stays));
    expect(new Set(found).size).toBe(found.length);
  });

  test('end where all of them go meanwhile', async () => {
    const table = aTable(600);
    const firsts = answerPages(table, 3, (nth) => {
      if (nth === 1) table.splice(0, 600);
    });
    await expect(collect(false)).resolves.toHaveLength(500);
    expect(firsts).toEqual([0, 499, 0]);
  });
});
