import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { TaskPoller } from '../../../src/tasks/task-poller.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createWorkerWorld } from '../../support/builders-tasks.ts';
import { eventually } from '../../support/eventually.ts';
import { aLockedRow, answer, type Respond, startStubEngine } from '../../support/stub-external-tasks.ts';

const { aWorker, end } = createWorkerWorld();
afterEach(end);

const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);
beforeEach(() => {
  rejections.length = 0;
  process.on('unhandledRejection', onRejection);
});
afterEach(() => {
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

const MARKER = 'marker-of-a-secret';

const html: Respond = (_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html' });
  response.end(`<html><body>${MARKER}</body></html>`);
};
const halfABody: Respond = (_, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' });
  response.write(`[{"id":"${MARKER}",`, () => response.destroy());
};
const brokenJson: Respond = (_, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(`[{"id":"${MARKER}","variables":${MARKER}`);
};

const FAULTS: [string, Respond][] = [
  ['status 500', (_, response) => answer(response, 500, { type: 'ProcessEngineException', message: MARKER })],
  ['status 503 with a page', (_, response) => response.writeHead(503).end(`<html>${MARKER}`)],
  ['status 403', (_, response) => answer(response, 403, { type: 'AuthorizationException', message: MARKER })],
  ['a redirection', (_, response) => response.writeHead(302, { Location: '/login' }).end()],
  ['an error that is null', (_, response) => answer(response, 500, null)],
  ['status 204', (_, response) => response.writeHead(204).end()],
  ['HTML with status 200', html],
  ['an object', (_, response) => answer(response, 200, {})],
  ['null for a task', (_, response) => answer(response, 200, [null, aLockedRow(MARKER)])],
  ['a task of another topic', (_, response) => answer(response, 200, [aLockedRow(MARKER, { topicName: 'theirs' })])],
  ['half a body', halfABody],
  ['broken JSON', brokenJson],
  ['a broken connection', (request) => request.socket.destroy()],
  ['silence', () => undefined],
];

describe('a poll', () => {
  test('asks for both topics in one long poll, with the one variable that is wanted', async () => {
    const { worker, engine } = await aWorker({ concurrency: 7, longPollMs: 250, lockMs: 12_000 });
    worker.start();
    await eventually(() => expect(engine.polls).toHaveLength(1));
    const topic = { lockDuration: 12_000, variables: ['source'] };
    expect(engine.polls[0]).toEqual({
      workerId: worker.workerId,
      maxTasks: 7,
      usePriority: false,
      asyncResponseTimeout: 250,
      topics: [
        { topicName: 'user-task-completed', ...topic },
        { topicName: 'convention-variable', ...topic },
      ],
    });
  });

  test('takes JSON with a charset for JSON', async () => {
    const { worker, engine } = await aWorker();
    engine.pollFaults.push((_, response) =>
      answer(response, 200, [aLockedRow('t-1'), aLockedRow('t-2')], {
        'Content-Type': 'application/json;charset=UTF-8',
      }),
    );
    worker.start();
    await eventually(() => expect(engine.said('complete')).toHaveLength(2));
  });

  test.each(FAULTS)(
    'that is answered with %s fails, is logged without secrets, and is not the last',
    async (_name, fault) => {
      const authorization = async () => `Bearer ${MARKER}`;
      const { worker, engine, log } = await aWorker({ longPollMs: 50, graceMs: 100, authorization });
      engine.pollFaults.push(fault);
      worker.start();
      await eventually(() => expect(worker.state()).toMatchObject({ failures: 1, lastPollMs: null, active: 0 }));
      engine.add(aLockedRow('t-1'));
      await eventually(() => expect(engine.said('complete')).toHaveLength(1));
      expect(worker.state()).toMatchObject({ failures: 0, lastPollMs: expect.any(Number) });
      expect(log.lines.map(({ level, fields }) => [level, fields.failures])).toEqual([
        ['warn', 1],
        ['info', 1],
      ]);
      expect(log.lines[0]?.fields.err).toBeInstanceOf(FormvaultError);
      expect(inspect(log.lines, { depth: null, showHidden: true })).not.toContain(MARKER);
    },
  );

  test('that finds nobody is tried again, less and less often, and told once with the count at its end', async () => {
    const { worker, engine, log } = await aWorker();
    for (let count = 0; count < 3; count++) engine.pollFaults.push((request) => request.socket.destroy());
    worker.start();
    await eventually(() => expect(log.lines).toHaveLength(2), { withinMs: 10_000 });
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { failures: 1, code: 'ENGINE_UNAVAILABLE' } },
      { level: 'info', fields: { failures: 3 } },
    ]);
    expect(engine.polls.length).toBeLessThan(6);
  });

  test('waits as long as a Retry-After asks for, up to a minute', async () => {
    const { worker, engine, log } = await aWorker();
    engine.pollFaults.push((_, response) => answer(response, 429, {}, { 'Retry-After': '600' }));
    worker.start();
    await eventually(() => expect(log.lines).toMatchObject([{ fields: { pauseMs: 60_000 } }]));
  });

  test('is signed in; a value that is refused is given up for a new one at once', async () => {
    const refused: string[] = [];
    const { worker, engine } = await aWorker({
      authorization: async () => (refused.length === 0 ? 'Bearer old' : 'Bearer new'),
      onUnauthorized: (value) => {
        refused.push(value);
      },
    });
    engine.pollFaults.push((_, response) => response.writeHead(401).end());
    worker.start();
    await eventually(() => expect(engine.authorizations.slice(0, 2)).toEqual(['Bearer old', 'Bearer new']));
    expect(refused).toEqual(['Bearer old']);
    await eventually(() => expect(worker.state()).toMatchObject({ failures: 0, lastPollMs: expect.any(Number) }));
  });

  test('that nobody can sign in is a failure like others', async () => {
    let calls = 0;
    const { worker, log } = await aWorker({
      authorization: async () => {
        if (calls++ === 0) throw new FormvaultError('ENGINE_UNAVAILABLE', 'could not sign in');
        return null;
      },
    });
    worker.start();
    await eventually(() => expect(log.lines).toHaveLength(2));
    expect(log.lines).toMatchObject([{ fields: { code: 'ENGINE_UNAVAILABLE' } }, { level: 'info' }]);
  });

  test('goes on where a listener of the client throws', async () => {
    const engine = await startStubEngine();
    const log = createRememberingLog();
    const tasks: string[] = [];
    const poller = new TaskPoller({
      url: engine.url,
      workerId: 'w',
      topics: ['user-task-completed'],
      concurrency: 2,
      longPollMs: 50,
      graceMs: 1_000,
      lockMs: 1_000,
      authorization: async () => null,
      onUnauthorized: () => undefined,
      onTask: async ({ id }) => {
        tasks.push(id);
      },
      log,
    });
    for (const event of ['poll:start', 'poll:success', 'poll:error', 'poll:stop']) {
      (poller as unknown as EventEmitter).on(event, () => {
        throw new Error('listener');
      });
    }
    engine.add(aLockedRow('t-1'), aLockedRow('t-2'), aLockedRow('t-3'));
    poller.start();
    await eventually(() => expect(tasks).toEqual(['t-1', 't-2', 't-3']));
    poller.stop();
    await poller.settled(AbortSignal.abort());
    await engine.stop();
    expect(log.lines.length).toBeGreaterThan(0);
  });
});
