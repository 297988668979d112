import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aNamedChange, aPipelineWorld } from '../../support/builders-pipeline.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createPipeline } = await import('../../../src/pipeline/pipeline.ts');

const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object');
const denied = new FormvaultError('VAULT_REJECTED', 'could not write an object');
const running: AbortController[] = [];

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
});

afterEach(async () => {
  for (const each of running.splice(0)) each.abort();
  await time.runUntil(time.nowMs());
});

function aWorld(options: { concurrency?: number } = {}) {
  const world = aPipelineWorld(createPipeline, options);
  running.push(world.abort, world.stopRetrying);
  return world;
}

const passSeconds = (seconds: number) => time.runUntil(time.nowMs() + seconds * 1000);

describe('a feed that brings more than can be kept', () => {
  test('is brought to a stand behind an outage: what is tried again keeps its slot', async () => {
    const { submit, failures } = aWorld({ concurrency: 2 });
    const changes = Array.from({ length: 400 }, (_, each) => aNamedChange(`${each}`));
    for (const { ref } of changes) failures.set(ref.slice('detail/'.length), away);
    let isTaken = false;
    void submit(...changes).then(() => {
      isTaken = true;
    });
    await passSeconds(60);
    expect(isTaken).toBe(false);
    failures.clear();
    await passSeconds(60);
    expect(isTaken).toBe(true);
  });

  test('is brought to a stand when a thousand changes wait for a person', async () => {
    const { submit, failures, pipeline } = aWorld();
    failures.set('bad', denied);
    let isTaken = false;
    void submit(...Array.from({ length: 1_100 }, (_, each) => aNamedChange(`${each}`, ['bad']))).then(() => {
      isTaken = true;
    });
    await passSeconds(2);
    expect(pipeline.waiting()).toBeGreaterThan(1_000);
    expect(isTaken).toBe(false);
  });
});

describe('the number of submissions in flight', () => {
  test('is limited, also within one variable', async () => {
    const { submit, mostWriting, finished } = aWorld({ concurrency: 3 });
    await submit(
      aNamedChange(
        '1',
        Array.from({ length: 40 }, (_, each) => `f${each}`),
      ),
      aNamedChange('2'),
      aNamedChange('3'),
    );
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
