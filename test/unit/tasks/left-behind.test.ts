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
    { id: 'a', workerId: 'ended', retries: null },
    { id: 'b', workerId: 'ended', retries: 2 },
  ]);
  await expect(leftBehind.find(signal)).resolves.toBe(2);

  expect(leftBehind.take({ id: 'a', retries: null })).toBe(true);
  expect(leftBehind.take({ id: 'a', retries: null })).toBe(false);
  expect(leftBehind.take({ id: 'b', retries: 1 })).toBe(false);
  expect(leftBehind.take({ id: 'new', retries: null })).toBe(false);
});

test('what others hold that still run is not meant', async () => {
  const leftBehind = aWorld([{ id: 'a', workerId: 'running', retries: null }]);
  await expect(leftBehind.find(signal)).resolves.toBe(0);
  expect(leftBehind.take({ id: 'a', retries: null })).toBe(false);
});
