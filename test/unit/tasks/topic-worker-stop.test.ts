import { afterEach, expect, test } from '@jest/globals';
import { failureCodeOf } from '../../../src/errors.ts';
import type { TaskReport } from '../../../src/tasks/topic-worker.ts';
import { createWorkerWorld } from '../../support/builders-tasks.ts';
import { eventually } from '../../support/eventually.ts';
import { aLockedRow } from '../../support/stub-external-tasks.ts';

const { aWorker, end } = createWorkerWorld();
afterEach(end);

const never = () => new AbortController().signal;

function aHandler() {
  const open = new AbortController();
  const reasons: string[] = [];
  return {
    reasons,
    open: () => open.abort(),
    handle: (_task: unknown, signal: AbortSignal): Promise<TaskReport> =>
      new Promise((resolve, reject) => {
        open.signal.addEventListener('abort', () => resolve({ kind: 'complete' }));
        signal.addEventListener('abort', () => {
          reasons.push(failureCodeOf(signal.reason));
          reject(signal.reason);
        });
      }),
  };
}

test('a stop before the start is harmless, and nothing starts behind it', async () => {
  const { worker, engine } = await aWorker();
  await worker.stop(never());
  worker.start();
  await worker.stop(never());
  expect(engine.polls).toEqual([]);
});

test('two starts make one loop', async () => {
  const { worker, engine } = await aWorker({ longPollMs: 5_000 });
  worker.start();
  worker.start();
  await eventually(() => expect(engine.parked()).toBe(1));
  engine.add(aLockedRow('t-1'));
  await eventually(() => expect(engine.said('complete')).toHaveLength(1));
  await eventually(() => expect(engine.parked()).toBe(1));
  expect(engine.polls).toHaveLength(2);
});

test('a stop waits for the tasks in work, and polls no more', async () => {
  const { open, handle } = aHandler();
  const { worker, engine } = await aWorker({ handle, longPollMs: 100 });
  engine.add(aLockedRow('t-1'), aLockedRow('t-2'));
  worker.start();
  await eventually(() => expect(worker.state().active).toBe(2));
  const stopped = worker.stop(never()).then(() => 'stopped');
  await eventually(() => expect(engine.parked()).toBe(0));
  const polls = engine.polls.length;
  open();
  await expect(stopped).resolves.toBe('stopped');
  expect(engine.said('complete')).toHaveLength(2);
  expect(engine.polls).toHaveLength(polls);
});

test('what an open poll still brings is given back without work on it', async () => {
  const handled: string[] = [];
  const { worker, engine } = await aWorker({
    longPollMs: 5_000,
    handle: async ({ id }) => {
      handled.push(id);
      return { kind: 'complete' };
    },
  });
  worker.start();
  await eventually(() => expect(engine.parked()).toBe(1));
  const stopped = worker.stop(never());
  engine.add(aLockedRow('t-1'), aLockedRow('t-2'));
  await stopped;
  expect(engine.words.map(({ taskId, verb }) => `${taskId} ${verb}`).sort()).toEqual(['t-1 unlock', 't-2 unlock']);
  expect(handled).toEqual([]);
});

test.each([
  ['ends when it is aborted', false],
  ['does not listen', true],
])('at the deadline tasks are given back, also where the handler %s', async (_name, isDeaf) => {
  const { handle, reasons } = aHandler();
  const { worker, engine } = await aWorker({ handle: isDeaf ? () => new Promise(() => undefined) : handle });
  engine.add(aLockedRow('t-1'), aLockedRow('t-2'));
  worker.start();
  await eventually(() => expect(worker.state().active).toBe(2));
  const deadline = new AbortController();
  const stopped = worker.stop(deadline.signal);
  deadline.abort();
  await stopped;
  expect(engine.words.map(({ taskId, verb }) => `${taskId} ${verb}`).sort()).toEqual(['t-1 unlock', 't-2 unlock']);
  expect(reasons).toEqual(isDeaf ? [] : ['SHUTTING_DOWN', 'SHUTTING_DOWN']);
});

test('an engine that is silent holds a stop no longer than the long poll and a moment', async () => {
  const { worker, engine } = await aWorker({ longPollMs: 50, graceMs: 600_000 });
  engine.pollFaults.push(() => undefined);
  worker.start();
  await eventually(() => expect(engine.polls).toHaveLength(1));
  await worker.stop(never());
  expect(engine.polls).toHaveLength(1);
});

test('an engine that is silent does not hold a stop behind its deadline, where tasks cannot be given back either', async () => {
  const { handle } = aHandler();
  const { worker, engine, log } = await aWorker({ handle, longPollMs: 600_000 });
  engine.add(aLockedRow('t-1'));
  worker.start();
  await eventually(() => expect(worker.state().active).toBe(1));
  engine.wordFaults.push({ verb: 'unlock', respond: () => undefined });
  await worker.stop(AbortSignal.abort());
  await eventually(() => expect(log.lines).toMatchObject([{ level: 'warn', fields: { externalTaskId: 't-1' } }]));
});

test('a stop while the engine is away does not wait for the next try', async () => {
  const { worker, engine, log } = await aWorker();
  engine.pollFaults.push((_, response) => response.writeHead(503, { 'Retry-After': '3600' }).end());
  worker.start();
  await eventually(() => expect(log.lines).toHaveLength(1));
  await worker.stop(never());
  expect(engine.polls).toHaveLength(1);
});

test('a stop while all places are taken ends with the tasks in them', async () => {
  const { handle, open } = aHandler();
  const { worker, engine } = await aWorker({ concurrency: 1, handle });
  engine.add(aLockedRow('t-1'), aLockedRow('t-2'));
  worker.start();
  await eventually(() => expect(worker.state().active).toBe(1));
  const stopped = worker.stop(never());
  open();
  await stopped;
  expect(engine.words.map(({ taskId, verb }) => `${taskId} ${verb}`)).toEqual(['t-1 complete']);
});

test('a second stop may have the nearer deadline', async () => {
  const { handle } = aHandler();
  const { worker, engine } = await aWorker({ handle });
  engine.add(aLockedRow('t-1'));
  worker.start();
  await eventually(() => expect(worker.state().active).toBe(1));
  const stopped = worker.stop(never());
  await worker.stop(AbortSignal.abort());
  await stopped;
  expect(engine.words).toMatchObject([{ taskId: 't-1', verb: 'unlock' }]);
});
