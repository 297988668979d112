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
  return createLeftBehind({ externalTasks, topics, workerId: 'here-2', machine: 'here' });
}

test('what a worker of this machine held is known once, as long as nobody reported it', async () => {
  const leftBehind = aWorld([
    { id: 'a', workerId: 'here-1', retries: null },
    { id: 'b', workerId: 'here-1', retries: 2 },
  ]);
  await expect(leftBehind.find(signal)).resolves.toBe(2);

  expect(leftBehind.take({ id: 'a', retries: null })).toBe(true);
  expect(leftBehind.take({ id: 'a', retries: null })).toBe(false);
  expect(leftBehind.take({ id: 'b', retries: 1 })).toBe(false);
  expect(leftBehind.take({ id: 'new', retries: null })).toBe(false);
});

test('what other machines and we ourselves hold is not meant', async () => {
  const leftBehind = aWorld([
    { id: 'a', workerId: 'there-1', retries: null },
    { id: 'b', workerId: 'here-2', retries: null },
    { id: 'c', workerId: 'hereabouts-1', retries: null },
  ]);
  await expect(leftBehind.find(signal)).resolves.toBe(0);
  expect(['a', 'b', 'c'].filter((id) => leftBehind.take({ id, retries: null }))).toEqual([]);
});
