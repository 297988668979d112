import { expect, test } from '@jest/globals';
import { failureCodeOf } from '../../../src/errors.ts';
import { keepLock } from '../../../src/tasks/lock-keeper.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

const LOCK_MS = 30_000;

function aLock(answer: (nth: number, signal: AbortSignal) => Promise<'done' | 'lost'>) {
  const time = createVirtualTime(0);
  const askedMs: number[] = [];
  const lock = keepLock({
    lockMs: LOCK_MS,
    extend: (signal) => {
      askedMs.push(time.nowMs());
      return answer(askedMs.length, signal);
    },
    time,
  });
  return { lock, time, askedMs };
}

const away = () => Promise.reject(new Error('away'));
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

test('a lock is extended at a third of its life, a little earlier or at it', async () => {
  const { lock, time, askedMs } = aLock(async () => 'done');
  await time.runUntil(60_000);
  expect(lock.signal.aborted).toBe(false);
  const gaps = askedMs.map((ms, at) => ms - (askedMs[at - 1] ?? 0));
  expect(gaps.length).toBeGreaterThanOrEqual(6);
  for (const gap of gaps) expect([gap >= LOCK_MS / 4, gap <= LOCK_MS / 3]).toEqual([true, true]);
  lock.end();
});

test('a lock that the engine calls lost is lost', async () => {
  const { lock, time, askedMs } = aLock(async (nth) => (nth === 2 ? 'lost' : 'done'));
  await time.runUntil(60_000);
  expect(failureCodeOf(lock.signal.reason)).toBe('LOCK_LOST');
  expect(askedMs).toHaveLength(2);
  expect(time.sleeping()).toBe(0);
});

test('an extension that fails is tried again', async () => {
  const { lock, time, askedMs } = aLock((nth) => (nth < 4 ? away() : Promise.resolve('done')));
  await time.runUntil(40_000);
  expect(lock.signal.aborted).toBe(false);
  expect(askedMs.length).toBeGreaterThanOrEqual(5);
  lock.end();
});

test.each([
  ['fails all the time', away],
  ['has no answer', (_nth: number, signal: AbortSignal) => untilAborted(signal)],
])('a lock whose extension %s is lost at the end of its life, not before', async (_name, answer) => {
  const { lock, time } = aLock(answer);
  await time.runUntil(LOCK_MS - 1);
  expect(lock.signal.aborted).toBe(false);
  await time.runUntil(LOCK_MS);
  expect(failureCodeOf(lock.signal.reason)).toBe('LOCK_LOST');
  expect(time.sleeping()).toBe(0);
});

test('the life of a lock counts from when the extension was asked for', async () => {
  const { lock, time, askedMs } = aLock(async () => 'done');
  await time.runUntil(12_000);
  expect(lock.leftMs()).toBe((askedMs.at(-1) ?? 0) + LOCK_MS - 12_000);
  lock.end();
});

test('an ended lock is not extended any more, and is not lost', async () => {
  const { lock, time, askedMs } = aLock((_nth, signal) => untilAborted(signal));
  await time.runUntil(11_000);
  expect(askedMs).toHaveLength(1);
  lock.end();
  await time.runUntil(60_000);
  expect(lock.signal.aborted).toBe(false);
  expect(askedMs).toHaveLength(1);
  expect(time.sleeping()).toBe(0);
});
