import { describe, expect, test } from '@jest/globals';
import { hasEndedHere, newWorkerId } from '../../../src/tasks/worker-id.ts';

const here = { machine: 'form-1', pid: 7 };
const ours = newWorkerId(here);
const hasEnded = (workerId: string, running: number[] = []) =>
  hasEndedHere(workerId, ours, here, (pid) => running.includes(pid));

describe('a worker of this machine', () => {
  test('has ended when its process is no more', () => {
    expect(hasEnded(newWorkerId({ machine: 'form-1', pid: 8 }))).toBe(true);
  });

  test('has not ended while its process is there, also a frozen one', () => {
    expect(hasEnded(newWorkerId({ machine: 'form-1', pid: 8 }), [8])).toBe(false);
  });

  test('has ended when its process had our number, as in a container that was started again', () => {
    expect(hasEnded(newWorkerId(here), [7])).toBe(true);
  });

  test('has not ended when it is ours', () => {
    expect(hasEnded(ours)).toBe(false);
  });
});

test.each(['form-2', 'form-1-1', 'form', ''])('of a worker of the machine %j nothing is known', (machine) => {
  expect(hasEnded(newWorkerId({ machine, pid: 8 }))).toBe(false);
});

test('of a worker whose id is not one of ours nothing is known', () => {
  expect(['form-1', 'form-1-8', 'form-1-8-x', ''].map((id) => hasEnded(id))).toEqual([false, false, false, false]);
});

test('by default it is this machine and its processes', () => {
  const [mine, ended] = [newWorkerId(), newWorkerId()];
  expect(hasEndedHere(mine, mine)).toBe(false);
  expect(hasEndedHere(ended, mine)).toBe(true); // under our number
  const parent = newWorkerId({ machine: mine.slice(0, mine.indexOf(`-${process.pid}-`)), pid: process.ppid });
  expect(hasEndedHere(parent, mine)).toBe(false);
});
