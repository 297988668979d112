import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../src/config.ts';
import { firstPositionMs } from '../../src/start-up.ts';

const NOW_MS = Date.parse('2026-11-27T08:00:00Z');

function firstPosition(feedStart: string): number {
  const config = parseConfig({ ENVIRONMENT: 'dev', ENGINE_URL: 'http://engine/engine-rest', FEED_START: feedStart });
  return firstPositionMs(config, NOW_MS);
}

describe('the very first start begins', () => {
  test.each([
    ['now', NOW_MS],
    ['beginning', 0],
    ['2026-11-26T08:00:00Z', Date.parse('2026-11-26T08:00:00Z')],
    ['2026-11-27T10:30:00+03:00', Date.parse('2026-11-27T07:30:00Z')],
  ])('with FEED_START=%s at %d', (feedStart, expected) => {
    expect(firstPosition(feedStart)).toBe(expected);
  });

  test('now, where a clock that is a little ahead says otherwise', () => {
    expect(firstPosition('2026-11-27T08:00:59Z')).toBe(NOW_MS);
  });

  test.each(['2026-11-27T08:01:01Z', '2026-11-27T17:00:00', '2027-11-26'])(
    'not at %s, which is to come',
    (feedStart) => {
      expect(() => firstPosition(feedStart)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('FEED_START') }),
      );
    },
  );
});
