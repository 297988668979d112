import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aNamedChange, aPipelineWorld, BUCKET, type PipelineWorld } from '../../support/builders-pipeline.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createPipeline } = await import('../../../src/pipeline/pipeline.ts');

const context = { bucket: BUCKET };
const denied = new FormvaultError('VAULT_REJECTED', 'could not write an object', { context });
const engineAway = new FormvaultError('ENGINE_UNAVAILABLE', 'could not start a process');
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
  const world = aPipelineWorld(createPipeline, options);
  running.push(world.abort, world.stopRetrying);
  return world;
}

const passSeconds = (seconds: number) => time.runUntil(time.nowMs() + seconds * 1000);

describe('a feed that brings more than can be kept', () => {
  test('is brought to a stand behind an engine that is away: what is tried again keeps its slot', async () => {
    const { submit, failures } = aWorld({ concurrency: 2 });
    failures.set(BUCKET, engineAway);
    let isTaken = false;
    void submit(...Array.from({ length: 400 }, (_, each) => aNamedChange(`${each}`))).then(() => {
      isTaken = true;
    });
    await passSeconds(60);
    expect(isTaken).toBe(false);
    failures.clear();
    await passSeconds(60);
    expect(isTaken).toBe(true);
  });

  test('is brought to a stand when a thousand changes are held in an outage', async () => {
    const { submit, failures, outages } = aWorld({ outageLimit: 1 });
    failures.set('bad', denied);
    let isTaken = false;
    const changes = Array.from({ length: 1_500 }, (_, each) => aNamedChange(`${each}`, ['bad']));
    void submit(...changes).then(() => {
      isTaken = true;
    });
    await passSeconds(5);
    expect(outages.held()).toBeGreaterThan(990);
    expect(isTaken).toBe(false);
  });

  test('is brought to a stand when thousands wait to be handed over', async () => {
    const { submit, engine, pipeline, finished } = aWorld({ dispatch: 'queue' });
    const open = engine.holdUp();
    let isTaken = false;
    const changes = Array.from({ length: 2_500 }, (_, each) => aNamedChange(`${each}`));
    void submit(...changes).then(() => {
      isTaken = true;
    });
    await passSeconds(1);
    expect([isTaken, finished]).toEqual([false, []]);
    expect(pipeline.inFlight()).toBeLessThan(2_100);
    open();
    await passSeconds(10);
    expect(finished).toHaveLength(2_500);
  });
});

describe('the number of submissions in flight', () => {
  test('is limited, also within one variable', async () => {
    const { submit, mostWriting, finished } = aWorld({ concurrency: 3 });
    const forms = Array.from({ length: 40 }, (_, each) => `f${each}`);
    await submit(aNamedChange('1', forms), aNamedChange('2'), aNamedChange('3'));
    await passSeconds(1);
    expect(mostWriting()).toBe(3);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2', 'detail/3']);
  });

  test('says how many are taken out of one variable: it may hold a million', async () => {
    const { submit, holdUp, foundSoFar } = aWorld({ concurrency: 3 });
    holdUp('a');
    await submit(aNamedChange('1', Array(1_000).fill('a')));
    await passSeconds(1);
    expect(foundSoFar()).toBeLessThanOrEqual(4);
  });

  test('counts what it holds in memory: no more than 64 MB of variables', async () => {
    const { submit, holdUp } = aWorld();
    holdUp('a');
    const large = aNamedChange('1', ['a']);
    const changes = Array.from({ length: 8 }, (_, each) => ({
      ...large,
      ref: `detail/${each}` as const,
      text: large.text + ' '.repeat(20_000_000),
    }));
    let taken = 0;
    void (async () => {
      for (const change of changes) {
        await submit(change);
        taken++;
      }
    })();
    await passSeconds(10);
    expect(taken).toBeLessThanOrEqual(4);
  });
});
