import { afterEach, describe, expect, test } from '@jest/globals';
import { failureCodeOf } from '../../../src/errors.ts';
import type { LockedTask, TaskReport } from '../../../src/tasks/topic-worker.ts';
import { createWorkerWorld } from '../../support/builders-tasks.ts';
import { eventually } from '../../support/eventually.ts';
import { aLockedRow, answer, LOCKED_BY_ANOTHER } from '../../support/stub-external-tasks.ts';

const { aWorker, end } = createWorkerWorld();
afterEach(end);

const FAILS_BEHIND = { type: 'ProcessEngineException', message: 'Unknown property used in expression', code: 0 };

describe('a task', () => {
  test('is handled with what its row says and completed once', async () => {
    const handled: LockedTask[] = [];
    const reported: TaskReport[] = [];
    const { worker, engine } = await aWorker({
      handle: async (task) => {
        handled.push(task);
        return { kind: 'complete' };
      },
      onReported: (_task, report) => {
        reported.push(report);
      },
    });
    engine.add(aLockedRow('t-1', { retries: 2, errorMessage: 'earlier' }));
    worker.start();
    await eventually(() => expect(reported).toEqual([{ kind: 'complete' }]));
    expect(handled).toEqual([
      {
        id: 't-1',
        topic: 'user-task-completed',
        executionId: 'execution of t-1',
        processInstanceId: 'instance of t-1',
        processDefinitionKey: 'formvault-persist',
        businessKey: 'task/t-1',
        tenantId: null,
        retries: 2,
        errorMessage: 'earlier',
        source: '{"form":"site-visit"}',
      },
    ]);
    expect(engine.words).toEqual([{ taskId: 't-1', verb: 'complete', body: { workerId: worker.workerId } }]);
  });

  test('whose handler reports a failure fails with all that the engine wants to know', async () => {
    const { worker, engine } = await aWorker({
      handle: async () => ({ kind: 'fail', errorMessage: 'm', errorDetails: 'd', retries: 0, retryTimeoutMs: 0 }),
    });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(engine.words).toHaveLength(1));
    const body = { workerId: worker.workerId, errorMessage: 'm', errorDetails: 'd', retries: 0, retryTimeout: 0 };
    expect(engine.words).toEqual([{ taskId: 't-1', verb: 'failure', body }]);
  });

  test('whose handler releases it is unlocked', async () => {
    const { worker, engine } = await aWorker({ handle: async () => ({ kind: 'release' }) });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(engine.words).toMatchObject([{ taskId: 't-1', verb: 'unlock' }]));
  });

  test.each([
    ['throws', () => Promise.reject(new Error('boom'))],
    [
      'throws before it waits for anything',
      () => {
        throw new Error('boom');
      },
    ],
  ])('whose handler %s ends in a report', async (_name, handle) => {
    const { worker, engine } = await aWorker({ handle });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() =>
      expect(engine.words).toMatchObject([{ verb: 'failure', body: { errorMessage: 'boom', retries: 2 } }]),
    );
  });

  test('ends in an incident where even the report of the failure fails', async () => {
    const { worker, engine } = await aWorker({
      handle: () => Promise.reject(new Error('boom')),
      reportThrown: () => {
        throw new Error('no words');
      },
    });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(engine.said('failure')).toMatchObject([{ body: { retries: 0, retryTimeout: 0 } }]));
    expect(engine.said('failure')[0]?.body.errorMessage).toMatch(/^UNEXPECTED: /);
  });

  test('that cannot be completed for a step behind it fails instead', async () => {
    const { worker, engine } = await aWorker();
    for (let tries = 0; tries < 4; tries++) {
      engine.wordFaults.push({ verb: 'complete', respond: (_, response) => answer(response, 500, FAILS_BEHIND) });
    }
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() =>
      expect(engine.said('failure')).toMatchObject([{ body: { errorMessage: 'could not complete an external task' } }]),
    );
    expect(engine.said('complete')).toHaveLength(4);
  });

  test('is reported while its lock lives, however often the engine is away', async () => {
    const reported: TaskReport[] = [];
    const { worker, engine } = await aWorker({
      onReported: (_task, report) => {
        reported.push(report);
      },
    });
    for (let tries = 0; tries < 6; tries++) {
      engine.wordFaults.push({ verb: 'complete', respond: (_, response) => answer(response, 503) });
    }
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(reported).toEqual([{ kind: 'complete' }]), { withinMs: 10_000 });
  });

  test('that cannot be reported before its lock is over is left to come back, with one line in the log', async () => {
    const { worker, engine, log, lost } = await aWorker({ lockMs: 300 });
    for (let tries = 0; tries < 40; tries++) {
      engine.wordFaults.push({ verb: 'complete', respond: (_, response) => answer(response, 503) });
    }
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(log.lines).toHaveLength(1));
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { externalTaskId: 't-1' } }]);
    await eventually(() => expect(worker.state().active).toBe(0));
    expect(lost).toEqual([]);
  });
});

describe('a lock', () => {
  test('is extended while the handler works', async () => {
    const done = new AbortController();
    const { worker, engine } = await aWorker({
      lockMs: 150,
      handle: async () => {
        await new Promise((resolve) => done.signal.addEventListener('abort', resolve));
        return { kind: 'complete' };
      },
    });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(engine.said('extendLock').length).toBeGreaterThan(4));
    done.abort();
    await eventually(() => expect(engine.said('complete')).toHaveLength(1));
    expect(engine.said('extendLock')[0]?.body).toEqual({ workerId: worker.workerId, newDuration: 150 });
  });

  test('that is lost aborts the handler, and nothing is reported', async () => {
    const reasons: string[] = [];
    const { worker, engine, lost } = await aWorker({
      lockMs: 150,
      handle: (_task, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(failureCodeOf(signal.reason));
            reject(signal.reason);
          });
        }),
    });
    engine.wordFaults.push({ verb: 'extendLock', respond: (_, response) => answer(response, 400, LOCKED_BY_ANOTHER) });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(worker.state()).toMatchObject({ active: 0, lastPollMs: expect.any(Number) }));
    expect({ reasons, lost }).toEqual({ reasons: ['LOCK_LOST'], lost: ['user-task-completed'] });
    expect(engine.words.map(({ verb }) => verb)).toEqual(['extendLock']);
  });

  test.each([
    ['somebody else has the task', 400, LOCKED_BY_ANOTHER],
    ['the task is gone', 404, { type: 'RestException', message: 'External task with id t-1 does not exist' }],
  ])('is found lost by the report when %s; nothing else is said', async (_name, status, body) => {
    const reported: TaskReport[] = [];
    const { worker, engine, lost } = await aWorker({
      onReported: (_task, report) => {
        reported.push(report);
      },
    });
    engine.wordFaults.push({ verb: 'complete', respond: (_, response) => answer(response, status, body) });
    engine.add(aLockedRow('t-1', { topicName: 'convention-variable' }));
    worker.start();
    await eventually(() => expect(lost).toEqual(['convention-variable']));
    expect(engine.words).toHaveLength(1);
    expect(reported).toEqual([]);
  });
});

describe('the worker', () => {
  test('has an id of its own', async () => {
    const [one, another] = [await aWorker(), await aWorker()];
    expect(one.worker.workerId).not.toBe(another.worker.workerId);
    expect(one.worker.workerId).toMatch(/-[0-9a-f-]{36}$/);
  });

  test('works on no more tasks than it has places, and asks for no more than are free', async () => {
    const open = new AbortController();
    let most = 0;
    let now = 0;
    const { worker, engine } = await aWorker({
      concurrency: 3,
      handle: async () => {
        most = Math.max(most, ++now);
        if (!open.signal.aborted) await new Promise((resolve) => open.signal.addEventListener('abort', resolve));
        now--;
        return { kind: 'complete' };
      },
    });
    engine.add(aLockedRow('t-1'));
    worker.start();
    await eventually(() => expect(worker.state().active).toBe(1));
    engine.add(...['t-2', 't-3', 't-4', 't-5', 't-6', 't-7'].map((id) => aLockedRow(id)));
    await eventually(() => expect(worker.state().active).toBe(3));
    const pollsWhenFull = engine.polls.length;
    expect(engine.polls.map(({ maxTasks }) => maxTasks)).toEqual(expect.arrayContaining([3, 2]));
    open.abort();
    await eventually(() => expect(engine.said('complete')).toHaveLength(7));
    expect(most).toBe(3);
    expect(engine.polls.length).toBeGreaterThan(pollsWhenFull);
  });

  test('goes on when those who listen to it throw', async () => {
    const { worker, engine, log } = await aWorker({
      onReported: () => {
        throw new Error('listener');
      },
      onLockLost: () => {
        throw new Error('listener');
      },
    });
    engine.wordFaults.push({ verb: 'complete', respond: (_, response) => answer(response, 400, LOCKED_BY_ANOTHER) });
    engine.add(aLockedRow('t-1'), aLockedRow('t-2'));
    worker.start();
    await eventually(() => expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(2));
    engine.add(aLockedRow('t-3'));
    await eventually(() => expect(engine.said('complete')).toHaveLength(3));
  });
});
