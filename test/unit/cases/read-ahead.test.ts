import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { readAhead } from '../../../src/cases/read-ahead.ts';

/** A source that counts how far it was read, and can fail or notice that nobody wants more. */
function aSource(count: number, fault: Error | null = null) {
  const state = { given: 0, isLeft: false };
  async function* items(): AsyncGenerator<number> {
    try {
      while (state.given < count) {
        await Promise.resolve();
        yield state.given++;
      }
      if (fault !== null) throw fault;
    } finally {
      state.isLeft = true;
    }
  }
  return { state, items: items() };
}

async function take(items: AsyncIterable<number>, count = Number.POSITIVE_INFINITY): Promise<number[]> {
  const taken: number[] = [];
  for await (const item of items) if (taken.push(item) >= count) break;
  return taken;
}

const settle = async () => {
  for (let each = 0; each < 10; each++) await setImmediate();
};

describe('reading ahead', () => {
  test('gives everything, and tells it in its order', async () => {
    const seen: number[] = [];
    const { items } = aSource(20);
    await expect(take(readAhead(items, 3, (item) => seen.push(item)))).resolves.toHaveLength(20);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, each) => each));
    await expect(take(readAhead(aSource(0).items, 3, () => undefined))).resolves.toEqual([]);
  });

  test('goes so far ahead and no further', async () => {
    const { items, state } = aSource(100);
    const ahead = readAhead(items, 5, () => undefined);
    await expect(ahead.next()).resolves.toMatchObject({ value: 0 });
    await settle();
    expect(state.given).toBe(6);
    await ahead.next();
    await settle();
    expect(state.given).toBe(7);
    await ahead.return(undefined);
  });

  test('throws what the source throws, after what came before', async () => {
    const taken: number[] = [];
    const reading = (async () => {
      for await (const item of readAhead(aSource(4, new Error('away')).items, 2, () => undefined)) taken.push(item);
    })();
    await expect(reading).rejects.toThrow('away');
    expect(taken.sort()).toEqual([0, 1, 2, 3]);
  });

  test('leaves the source when nobody wants more', async () => {
    const { items, state } = aSource(100);
    await expect(
      take(
        readAhead(items, 5, () => undefined),
        2,
      ),
    ).resolves.toEqual([0, 1]);
    expect(state.isLeft).toBe(true);
    expect(state.given).toBeLessThan(12);
  });
});
