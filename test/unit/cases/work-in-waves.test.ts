import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createWorkInWaves } from '../../../src/cases/work-in-waves.ts';

const NEVER_MS = 60_000;

describe('work in waves', () => {
  test('is done once there is enough of it, in its order', async () => {
    const waves = createWorkInWaves({ size: 3, patienceMs: NEVER_MS });
    const done: number[] = [];
    const some = [1, 2].map((number) => waves.add(() => done.push(number)));
    await setImmediate();
    expect(done).toEqual([]);
    await Promise.all([...some, waves.add(() => done.push(3))]);
    expect(done).toEqual([1, 2, 3]);
  });

  test('is done when nothing more has come for a while', async () => {
    const waves = createWorkInWaves({ size: 3, patienceMs: 5 });
    await expect(waves.add(() => 'first')).resolves.toBe('first');
    await expect(waves.add(() => 'second')).resolves.toBe('second');
  });

  test('is done at once when nothing more is to come', async () => {
    const waves = createWorkInWaves({ size: 3, patienceMs: NEVER_MS });
    const only = waves.add(() => 'only');
    waves.flush();
    await expect(only).resolves.toBe('only');
    waves.flush();
  });

  test('that fails does not keep the others from being done', async () => {
    const waves = createWorkInWaves({ size: 3, patienceMs: NEVER_MS });
    const fail = (): string => {
      throw new RangeError('too deep');
    };
    const results = await Promise.allSettled([waves.add(() => 1), waves.add(fail), waves.add(() => 3)]);
    expect(results).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: new RangeError('too deep') },
      { status: 'fulfilled', value: 3 },
    ]);
  });

  test('lets others be answered in between, when it takes long', async () => {
    const waves = createWorkInWaves({ size: 3, patienceMs: NEVER_MS });
    const order: string[] = [];
    const work = (name: string) =>
      waves.add(() => {
        const untilMs = performance.now() + 25;
        while (performance.now() < untilMs);
        order.push(name);
      });
    const all = Promise.all([work('a'), work('b'), work('c')]);
    await setTimeout(1);
    order.push('another');
    await all;
    expect(order.at(-1)).not.toBe('another');
    expect(order).toHaveLength(4);
  });
});
