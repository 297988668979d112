import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { NOON_MS } from '../../support/builders.ts';
import {
  aNamedChange,
  aPipelineWorld,
  BUCKET,
  OTHER_BUCKET,
  OTHER_PROCESS,
  type PipelineWorld,
} from '../../support/builders-pipeline.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createPipeline } = await import('../../../src/pipeline/pipeline.ts');

const LIMIT = 3;
const failing = (code: 'VAULT_UNAVAILABLE' | 'VAULT_REJECTED', bucket = BUCKET) =>
  new FormvaultError(code, 'could not write an object', { context: { bucket } });
const running: AbortController[] = [];

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
  jest.spyOn(performance, 'now').mockImplementation(() => time.nowMs());
  const later = (run: () => void, ms?: number) => time.setTimeout(run, ms);
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(later as unknown as typeof setTimeout);
});

afterEach(async () => {
  for (const each of running.splice(0)) each.abort();
  await time.runUntil(time.nowMs());
  jest.restoreAllMocks();
});

function aWorld(options: PipelineWorld = {}) {
  const world = aPipelineWorld(createPipeline, { outageLimit: LIMIT, concurrency: 8, ...options });
  running.push(world.abort, world.stopRetrying);
  return world;
}

const changes = (count: number, first = 0) =>
  Array.from({ length: count }, (_, each) => aNamedChange(`${first + each}`));
const ofOther = (ref: string) => aNamedChange(ref, [ref], { processDefinitionKey: OTHER_PROCESS });
const passSeconds = (seconds: number) => time.runUntil(time.nowMs() + seconds * 1000);

describe.each(['VAULT_UNAVAILABLE', 'VAULT_REJECTED'] as const)('an outage with %s', (code) => {
  test('has OUTAGE_LIMIT changes handed over and the others held; the feed stands still, which is told once', async () => {
    const { submit, failures, handedOver, finished, outages, feed } = aWorld();
    failures.set(BUCKET, failing(code));
    await submit(...changes(20));
    await passSeconds(600);
    expect(handedOver()).toHaveLength(LIMIT);
    expect(finished.sort()).toEqual(handedOver().sort());
    expect(outages.stand()?.cause).toEqual({ code, target: BUCKET });
    expect(feed).toEqual([`stands still: ${code} ${BUCKET}`]);
  });

  test('hands over no more than that, however recently something was kept before', async () => {
    const { submit, failures, handedOver } = aWorld();
    await submit(aNamedChange('good'));
    await passSeconds(0);
    failures.set(BUCKET, failing(code));
    for (let second = 0; second < 30; second++) {
      await submit(...changes(5, second * 5));
      await passSeconds(1);
    }
    expect(handedOver()).toHaveLength(LIMIT);
  });

  test('ends by itself when the target answers: all that was held is kept, and the feed goes on', async () => {
    const { submit, failures, handedOver, written, finished, outages, feed, recovered } = aWorld();
    failures.set(BUCKET, failing(code));
    await submit(...changes(20));
    await passSeconds(120);
    failures.clear();
    await passSeconds(15);
    expect(handedOver()).toHaveLength(LIMIT);
    expect(written).toHaveLength(20 - LIMIT);
    expect(finished).toHaveLength(20);
    expect([outages.held(), outages.stand()]).toEqual([0, null]);
    expect(feed).toEqual([`stands still: ${code} ${BUCKET}`, `goes on: ${BUCKET}`]);
    expect(recovered).toEqual([BUCKET]);
  });

  test('asks the target now and then, with pauses that grow to some seconds', async () => {
    const { submit, failures, asked } = aWorld();
    failures.set(BUCKET, failing(code));
    await submit(...changes(20));
    await passSeconds(60);
    const before = asked.length;
    await passSeconds(60);
    expect(asked.length - before).toBeGreaterThanOrEqual(5);
    expect(asked.length - before).toBeLessThanOrEqual(30);
  });

  test('that comes again has as many handed over again', async () => {
    const { submit, failures, handedOver } = aWorld();
    for (const round of [0, 1]) {
      failures.set(BUCKET, failing(code));
      await submit(...changes(10, round * 10));
      await passSeconds(60);
      expect(handedOver()).toHaveLength(LIMIT * (round + 1));
      failures.clear();
      await passSeconds(15);
    }
  });

  test('leaves what is held to the next start when Formvault stops', async () => {
    const { submit, failures, handedOver, finished, stopRetrying, pipeline } = aWorld();
    failures.set(BUCKET, failing(code));
    await submit(...changes(20));
    await passSeconds(60);
    stopRetrying.abort();
    await passSeconds(0);
    expect(pipeline.inFlight()).toBe(0);
    expect(finished).toHaveLength(LIMIT);
    expect(handedOver()).toHaveLength(LIMIT);
  });

  test('of one bucket only does not hold up what goes into another: what was held is handed over', async () => {
    const { submit, failures, handedOver, finished, written, feed } = aWorld();
    failures.set(OTHER_BUCKET, failing(code, OTHER_BUCKET));
    await submit(...Array.from({ length: 10 }, (_, each) => ofOther(`o${each}`)));
    await passSeconds(60);
    expect(handedOver()).toHaveLength(LIMIT);
    await submit(aNamedChange('good'));
    await passSeconds(1);
    expect(written).toEqual(['good']);
    expect(handedOver()).toHaveLength(10);
    expect(finished).toHaveLength(11);
    expect(feed).toEqual([`stands still: ${code} ${OTHER_BUCKET}`, `goes on: ${OTHER_BUCKET}`]);
  });

  test('of one bucket never brings the feed to a stand while others are kept', async () => {
    const { submit, failures, handedOver, outages, feed } = aWorld();
    failures.set(OTHER_BUCKET, failing(code, OTHER_BUCKET));
    for (let each = 0; each < 60; each++) {
      await submit(ofOther(`o${each}`), aNamedChange(`${each}`));
      await passSeconds(1);
    }
    await passSeconds(10);
    expect([handedOver().length, outages.held(), feed]).toEqual([60, 0, []]);
  });
});

describe('what is no outage', () => {
  test('does not count: invalid submissions are handed over, however many', async () => {
    const { submit, handedOver, feed } = aWorld();
    await submit(...Array.from({ length: 40 }, (_, each) => aNamedChange(`${each}`, [{}])));
    await passSeconds(10);
    expect([handedOver().length, feed]).toEqual([40, []]);
  });

  test('does not add up: a failure without a name, now and then, is handed over each time', async () => {
    const { submit, failures, handedOver, feed } = aWorld();
    failures.set('odd', new TypeError('x'));
    for (let each = 0; each < 20; each++) {
      await submit(aNamedChange(`good${each}`));
      await passSeconds(3_600);
      await submit(aNamedChange(`odd${each}`, ['odd']));
      await passSeconds(60);
    }
    expect([handedOver().length, feed]).toEqual([20, []]);
  });
});

test('of two outages at once, what the longer one holds is handed over as soon as the other is over', async () => {
  const { submit, failures, handedOver, written, outages } = aWorld({ outageLimit: 1 });
  failures.set(BUCKET, failing('VAULT_REJECTED'));
  failures.set(OTHER_BUCKET, failing('VAULT_REJECTED', OTHER_BUCKET));
  await submit(...changes(10), ...Array.from({ length: 10 }, (_, each) => ofOther(`o${each}`)));
  await passSeconds(60);
  expect(handedOver()).toHaveLength(2);
  failures.delete(BUCKET);
  await passSeconds(20);
  expect(written).toHaveLength(9);
  expect(handedOver()).toHaveLength(11);
  expect(outages.held()).toBe(0);
});
