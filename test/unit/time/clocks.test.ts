import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { backOffMs } from '../../../src/time/back-off.ts';
import { createEngineClock } from '../../../src/time/engine-clock.ts';
import { pause } from '../../../src/time/pause.ts';

describe("the engine's clock", () => {
  test('F5: is the one that its answers carry, not ours', () => {
    const clock = createEngineClock(() => 1_000_000);
    clock.observe(9_000_000);
    expect(clock.nowMs()).toBe(9_000_000);
  });

  test('is ours until an answer carries one', () => {
    const clock = createEngineClock(() => 1_000);
    clock.observe(null);
    expect(clock.nowMs()).toBe(1_000);
  });

  test('is never ahead of the truth and within the spacing of its answers behind it', () => {
    const stepsMs = fc.array(fc.integer({ min: 1, max: 1_200 }), { minLength: 120, maxLength: 400 });
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), stepsMs, (aheadMs, steps) => {
        let localMs = 1_700_000_000_123;
        const clock = createEngineClock(() => localMs);
        for (const [index, stepMs] of steps.entries()) {
          localMs += stepMs;
          const trueMs = localMs + aheadMs;
          clock.observe(Math.floor(trueMs / 1000) * 1000);
          expect(clock.nowMs()).toBeLessThanOrEqual(trueMs);
          expect(clock.nowMs()).toBeGreaterThan(trueMs - (index > 60 ? 1_000 : 1_001));
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is right to some milliseconds after some answers', () => {
    let localMs = 50_000_500;
    const clock = createEngineClock(() => localMs);
    for (let each = 0; each < 100; each++) {
      localMs += 137;
      clock.observe(Math.floor((localMs + 7_000) / 1000) * 1000);
    }
    expect(localMs + 7_000 - clock.nowMs()).toBeLessThan(137);
  });

  test('is believed within two minutes when it is set back', () => {
    let localMs = 50_000_000;
    let aheadMs = 3_600_000;
    const clock = createEngineClock(() => localMs);
    for (let each = 0; each < 400; each++) {
      if (each === 100) aheadMs = 0;
      localMs += 500;
      clock.observe(Math.floor((localMs + aheadMs) / 1000) * 1000);
    }
    expect(Math.abs(clock.nowMs() - localMs)).toBeLessThan(1_000);
  });
});

describe('a growing pause', () => {
  test('doubles up to the longest, less a quarter at the most', () => {
    fc.assert(
      fc.property(fc.nat(2_000), (attempt) => {
        const fullMs = Math.min(30_000, 250 * 2 ** Math.min(attempt, 50));
        const pauseMs = backOffMs(attempt, 250, 30_000);
        expect(pauseMs).toBeLessThanOrEqual(fullMs);
        expect(pauseMs).toBeGreaterThanOrEqual(fullMs * 0.75 - 1);
      }),
    );
  });
});

describe('a pause', () => {
  test('ends when its signal aborts, without an error', async () => {
    const stop = new AbortController();
    const ended = pause(3_600_000, stop.signal);
    stop.abort();
    await expect(ended).resolves.toBeUndefined();
  });

  test('does not begin when its signal has aborted', async () => {
    await expect(pause(3_600_000, AbortSignal.abort())).resolves.toBeUndefined();
  });

  test('leaves nothing behind on its signal', async () => {
    const { signal } = new AbortController();
    const removed = jest.spyOn(signal, 'removeEventListener');
    const added = jest.spyOn(signal, 'addEventListener');
    await pause(0, signal);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });
});
