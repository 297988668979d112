import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createOutages, IN_PLACE_MS, isOutage } from '../../../src/pipeline/outages.ts';

const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object', { context: { bucket: 'b' } });
const { signal } = new AbortController();

function aWorld({ limit = 2 } = {}) {
  let nowMs = 0;
  const recovered: string[] = [];
  const outages = createOutages({
    limit,
    onRecovered: (target) => recovered.push(target),
    onStandStill: () => undefined,
    onGoesOn: () => undefined,
    nowMs: () => nowMs,
  });
  let asked = 0;
  /** What the target says to an attempt; the test answers it. */
  const ask = (target = 'b') => {
    let answer: { succeed(): void; fail(error: unknown): void } = { succeed() {}, fail() {} };
    const result = outages.attempt(target, () => {
      asked++;
      return new Promise<void>((resolve, reject) => {
        answer = { succeed: resolve, fail: reject };
      });
    });
    result.catch(() => undefined);
    return { result, succeed: () => answer.succeed(), fail: (error: unknown = away) => answer.fail(error) };
  };
  const failOnce = async (target?: string, error: unknown = away) => {
    const { result, fail } = ask(target);
    fail(error);
    await expect(result).rejects.toBe(error);
  };
  return {
    outages,
    recovered,
    ask,
    failOnce,
    asked: () => asked,
    passMs: (ms: number) => {
      nowMs += ms;
    },
  };
}

async function aWorldThatIsOut() {
  const world = aWorld();
  await world.failOnce();
  world.passMs(IN_PLACE_MS);
  return world;
}

describe('a target', () => {
  test('is out when it has failed for as long as is tried in place, and not before', async () => {
    const { outages, failOnce, passMs } = aWorld();
    await failOnce();
    passMs(IN_PLACE_MS - 1);
    expect([outages.isOut('b'), outages.out()]).toEqual([false, []]);
    passMs(1);
    expect([outages.isOut('b'), outages.out(), outages.isOut('other')]).toEqual([true, ['b'], false]);
  });

  test('that answers once meanwhile is not out', async () => {
    const { outages, failOnce, passMs, ask } = aWorld();
    await failOnce();
    passMs(IN_PLACE_MS - 1);
    const { result, succeed } = ask();
    succeed();
    await result;
    passMs(1_000);
    await failOnce();
    expect(outages.isOut('b')).toBe(false);
  });

  test('is not out by failures that are not its own', async () => {
    const { outages, failOnce, passMs } = aWorld();
    for (const code of ['SHUTTING_DOWN', 'SUBMISSION_INVALID', 'ENGINE_UNAVAILABLE', 'UNEXPECTED'] as const) {
      await failOnce('b', new FormvaultError(code, 'x'));
    }
    passMs(IN_PLACE_MS);
    expect(outages.isOut('b')).toBe(false);
  });
});

describe('a target that is out', () => {
  test('is asked by one at a time, however long it lets that one wait; the others get its last failure at once', async () => {
    const { ask, asked, passMs } = await aWorldThatIsOut();
    const before = asked();
    ask();
    for (let each = 0; each < 10; each++) {
      passMs(10_000);
      await expect(ask().result).rejects.toBe(away);
    }
    expect(asked() - before).toBe(1);
  });

  test('is asked again after pauses that grow to some seconds', async () => {
    const { ask, asked, passMs } = await aWorldThatIsOut();
    const times: number[] = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
      const before = asked();
      const { result, fail } = ask();
      fail();
      await expect(result).rejects.toBe(away);
      if (asked() > before) times.push(nowMs);
      passMs(100);
    }
    const pauses = times.slice(1).map((atMs, each) => atMs - (times[each] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(600);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_100);
    expect(Math.min(...pauses.slice(-5))).toBeGreaterThanOrEqual(3_700);
  });

  test('is not given up when the one that asks is interrupted: another asks', async () => {
    const { ask, failOnce, asked, passMs } = await aWorldThatIsOut();
    await failOnce('b', new FormvaultError('SHUTTING_DOWN', 'x'));
    passMs(600);
    const before = asked();
    ask();
    expect(asked()).toBe(before + 1);
  });

  test('is in again with the first answer, which is told', async () => {
    const { outages, ask, recovered, asked } = await aWorldThatIsOut();
    const { result, succeed } = ask();
    succeed();
    await result;
    expect([outages.out(), recovered]).toEqual([[], ['b']]);
    const before = asked();
    ask();
    ask();
    expect(asked() - before).toBe(2);
  });

  test('that refuses is asked by everybody: it answers, and others may be let in', async () => {
    const { ask, failOnce, asked, passMs } = aWorld();
    const denied = new FormvaultError('VAULT_REJECTED', 'could not write an object');
    await failOnce('b', denied);
    passMs(IN_PLACE_MS);
    const before = asked();
    ask();
    ask();
    expect(asked() - before).toBe(2);
  });
});

describe('what external tasks failed for', () => {
  test('is remembered by its target until that answers', async () => {
    const { outages, ask, recovered } = aWorld();
    outages.noteTrouble({ code: 'VAULT_REJECTED', target: 'b' });
    outages.noteTrouble({ code: 'FORM_UNKNOWN', target: 'form visit' });
    expect(outages.troubled()).toEqual(['b', 'form visit']);
    const { result, succeed } = ask();
    succeed();
    await result;
    outages.succeeded('form visit');
    expect([outages.troubled(), recovered]).toEqual([[], ['b', 'form visit']]);
  });

  test('a target without trouble answers without being told of', async () => {
    const { ask, recovered } = aWorld();
    const { result, succeed } = ask();
    succeed();
    await result;
    expect(recovered).toEqual([]);
  });
});

describe('the limit', () => {
  const of = (target: string) => ({ code: 'FORM_UNKNOWN', target }) as const;

  test('counts each cause by itself', async () => {
    const { outages } = aWorld({ limit: 1 });
    for (const target of ['form a', 'form b', 'form c']) {
      await expect(outages.decide(of(target), signal)).resolves.toBe('hand-over');
    }
    void outages.decide(of('form a'), signal);
    expect(outages.held()).toBe(1);
  });

  test('is not counted anew when a target whose name another one ends in answers', async () => {
    const { outages } = aWorld({ limit: 1 });
    await outages.decide(of('form a form b'), signal);
    outages.noteTrouble(of('form b'));
    outages.succeeded('form b');
    void outages.decide(of('form a form b'), signal);
    expect(outages.held()).toBe(1);
  });

  test('holds nobody when the signal has aborted', async () => {
    const { outages } = aWorld({ limit: 0 });
    await expect(outages.decide(of('form a'), AbortSignal.abort())).resolves.toBe('stopped');
    expect([outages.held(), outages.stand()]).toEqual([0, null]);
  });
});

test.each([
  ['VAULT_UNAVAILABLE', true],
  ['VAULT_REJECTED', true],
  ['FORM_API_UNAVAILABLE', true],
  ['FORM_API_REJECTED', true],
  ['ENGINE_REJECTED', true],
  ['BUCKET_MISSING', false],
  ['FORM_UNKNOWN', false],
  ['UNEXPECTED', false],
  ['SUBMISSION_INVALID', false],
] as const)('%s is an outage: %p', (code, expected) => {
  expect(isOutage(code)).toBe(expected);
});
