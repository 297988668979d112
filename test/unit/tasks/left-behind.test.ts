import { expect, test } from '@jest/globals';
import type { HeldTask } from '../../../src/engine/engine-external-tasks.ts';
import { createLeftBehind } from '../../../src/tasks/left-behind.ts';

const { signal } = new AbortController();

function aWorld(held: HeldTask[]) {
  const externalTasks = {
    async *findLocked(topic: string) {
      if (topic === 'user-task-completed') yield* held;
    },
  };
  const topics = ['user-task-completed', 'convention-variable'];
  return createLeftBehind({ externalTasks, topics, hasEndedHere: (id) => id === 'ended' });
}

test('what a worker of this machine held is known once, as long as nobody reported it', async () => {
  const leftBehind = aWorld([
    { id: 'a', workerId: 'ended', retries: null, errorMessage: null },
    { id: 'b', workerId: 'ended', retries: 2, errorMessage: null },
  ]);
  await expect(leftBehind.find(signal)).resolves.toBe(2);

  expect(leftBehind.take({ id: 'a', retries: null })).toBe(true);
  expect(leftBehind.take({ id: 'a', retries: null })).toBe(false);
  expect(leftBehind.take({ id: 'b', retries: 1 })).toBe(false);
  expect(leftBehind.take({ id: 'new', retries: null })).toBe(false);
});

test('what others hold that still run is not meant', async () => {
  const leftBehind = aWorld([{ id: 'a', workerId: 'running', retries: null, errorMessage: null }]);
  await expect(leftBehind.find(signal)).resolves.toBe(0);
  expect(leftBehind.take({ id: 'a', retries: null })).toBe(false);
});

test('what only waits for its next attempt is not meant, though the engine says that it is locked', async () => {
  const errorMessage = 'UNEXPECTED: could not keep what Formvault had in hand when it ended (form –, case –). Look.';
  const leftBehind = aWorld([
    { id: 'waiting', workerId: 'ended', retries: 2, errorMessage },
    { id: 'running', workerId: 'ended', retries: 1, errorMessage },
  ]);
  await expect(leftBehind.find(signal)).resolves.toBe(1);
  expect(leftBehind.take({ id: 'waiting', retries: 2 })).toBe(false);
  expect(leftBehind.take({ id: 'running', retries: 1 })).toBe(true);
});
