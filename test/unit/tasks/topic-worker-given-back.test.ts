import { afterEach, expect, test } from '@jest/globals';
import { createWorkerWorld } from '../../support/builders-tasks.ts';
import { eventually } from '../../support/eventually.ts';
import { aLockedRow, answer } from '../../support/stub-external-tasks.ts';

const { aWorker, end } = createWorkerWorld();
afterEach(end);

test('a task that is given back at the deadline, and that the open poll brings again, is given back again', async () => {
  const { worker, engine } = await aWorker({ handle: () => new Promise(() => undefined), longPollMs: 5_000 });
  engine.add(aLockedRow('t-1'));
  worker.start();
  await eventually(() => expect([worker.state().active, engine.parked()]).toEqual([1, 1]));
  engine.wordFaults.push({
    verb: 'unlock',
    respond(_, response) {
      answer(response, 204);
      engine.add(aLockedRow('t-1'));
    },
  });

  await worker.stop(AbortSignal.abort());

  expect(engine.words.map(({ taskId, verb }) => `${taskId} ${verb}`)).toEqual(['t-1 unlock', 't-1 unlock']);
  expect(engine.parked()).toBe(0);
});

test('a process that was frozen past a lock reports nothing, whatever its handler made of it', async () => {
  const lockMs = 60;
  const { worker, engine, lost } = await aWorker({
    lockMs,
    async handle() {
      const frozenMs = performance.now();
      while (performance.now() - frozenMs <= lockMs);
      return { kind: 'complete' };
    },
  });
  engine.add(aLockedRow('t-1'));
  worker.start();

  await eventually(() => expect(lost).toEqual(['user-task-completed']));
  await worker.stop(AbortSignal.abort());
  expect(engine.words).toEqual([]);
});
