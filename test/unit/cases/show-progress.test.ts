import { describe, expect, test } from '@jest/globals';
import { showProgress } from '../../../src/commands/show-progress.ts';

/** A stream whose text can be read, and a clock to move. */
function aStream(isTTY: boolean) {
  const clock = { nowMs: 0 };
  let text = '';
  const stream = {
    isTTY,
    columns: 200,
    write(some: string | Uint8Array): boolean {
      text += some;
      return true;
    },
  };
  return { clock, text: () => text, shown: showProgress(stream, () => clock.nowMs) };
}

const at = (done: number, more: { total?: number; isTotalKnown?: boolean; doneBefore?: number } = {}) => ({
  total: 20_000,
  isTotalKnown: true,
  doneBefore: 0,
  ...more,
  done,
});

describe('progress without a terminal', () => {
  test('is a line every five seconds, with rate and rest, and one at the end', () => {
    const { clock, text, shown } = aStream(false);
    for (const seconds of [1, 2, 3, 4, 5, 6, 10]) {
      clock.nowMs = seconds * 1000;
      shown.show(at(seconds * 1_000, { isTotalKnown: seconds > 5 }));
    }
    clock.nowMs = 12_000;
    shown.show(at(20_000));
    shown.end();
    expect(text().trimEnd().split('\n')).toEqual([
      '5000 of 20000, 1000 a second, still counting',
      '10000 of 20000, 1000 a second, 10 s left',
      '20000 of 20000, 1667 a second, done',
    ]);
  });

  test('counts into its rate only what was done since the start', () => {
    const { clock, text, shown } = aStream(false);
    clock.nowMs = 10_000;
    shown.show(at(15_000, { doneBefore: 10_000, total: 3_000_000 }));
    expect(text()).toBe('15000 of 3000000, 500 a second, 1.7 h left\n');
  });

  test('that is over at once says so without a rate', () => {
    const { text, shown } = aStream(false);
    shown.show(at(0, { total: 0 }));
    shown.end();
    shown.end();
    expect(text()).toBe('0 of 0, done\n');
  });
});

describe('progress on a terminal', () => {
  test('is a bar', () => {
    const { clock, text, shown } = aStream(true);
    clock.nowMs = 2_000;
    shown.show(at(5_000));
    shown.end();
    expect(text()).toContain('25 % | 5000 of 20000 | 2500 a second | 6 s left');
  });
});
