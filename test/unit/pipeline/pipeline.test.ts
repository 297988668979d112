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

describe('a change', () => {
  test('is finished when each of its submissions is kept', async () => {
    const { submit, finished, written, holdUp } = aWorld();
    const open = holdUp('b');
    await submit(aNamedChange('1', ['a', 'b']));
    await passSeconds(1);
    expect([written, finished]).toEqual([['a'], []]);
    open();
    await passSeconds(1);
    expect([written, finished]).toEqual([['a', 'b'], ['detail/1']]);
  });

  test('that holds nothing for the vault is finished at once', async () => {
    const { submit, finished } = aWorld();
    await submit(aNamedChange('1', [], { text: '{}' }));
    expect(finished).toEqual(['detail/1']);
  });

  test('that was kept before is unchanged, and finished', async () => {
    const { submit, finished, outcomes } = aWorld();
    await submit(aNamedChange('1', ['a']));
    await passSeconds(1);
    await submit(aNamedChange('1', ['a']));
    await passSeconds(1);
    expect(outcomes()).toEqual(['persisted', 'unchanged']);
    expect(finished).toEqual(['detail/1', 'detail/1']);
  });
});

describe('a passing fault', () => {
  test('is tried again with growing pauses until the submission is kept', async () => {
    const { submit, finished, failures, outcomes } = aWorld();
    failures.set('a', away);
    await submit(aNamedChange('1', ['a']));
    await passSeconds(300);
    expect(finished).toEqual([]);
    expect(outcomes().length).toBeGreaterThan(8);
    expect(outcomes().length).toBeLessThan(25);
    expect(new Set(outcomes())).toEqual(new Set(['retry']));
    failures.clear();
    await passSeconds(40);
    expect(finished).toEqual(['detail/1']);
  });
});

describe('a failure that needs a person', () => {
  test('waits without a slot and is tried again now and then, while the others go on', async () => {
    const { submit, finished, failures, pipeline } = aWorld({ concurrency: 1 });
    failures.set('bad', denied);
    await submit(aNamedChange('bad'), aNamedChange('good'));
    await passSeconds(1);
    expect(finished).toEqual(['detail/good']);
    expect(pipeline.waiting()).toBe(1);
    failures.clear();
    await passSeconds(300);
    expect(finished).toEqual(['detail/good', 'detail/bad']);
    expect(pipeline.waiting()).toBe(0);
  });

  test('holds up its own change only: good submissions beside an invalid one are kept, once', async () => {
    const { submit, finished, written } = aWorld();
    await submit(aNamedChange('1', ['a', { typed: 'Mrs Smith' }, 'b']), aNamedChange('2', ['c']));
    await passSeconds(2_000);
    expect(written.sort()).toEqual(['a', 'b', 'c']);
    expect(finished).toEqual(['detail/2']);
  });

  test('is logged with its code and never with what a person typed', async () => {
    const { submit, log } = aWorld();
    await submit(aNamedChange('1', [{ typed: 'Mrs Smith' }]));
    await passSeconds(1);
    expect(log.lines).toMatchObject([{ level: 'error', fields: { code: 'SUBMISSION_INVALID', outcome: 'waiting' } }]);
    expect(JSON.stringify(log.lines)).not.toContain('Smith');
  });
});

describe('an end', () => {
  test('aborts runs without finishing their changes', async () => {
    const { submit, finished, holdUp, abort, stopRetrying, pipeline } = aWorld();
    const open = holdUp('a');
    await submit(aNamedChange('1', ['a']));
    stopRetrying.abort();
    abort.abort();
    open();
    await passSeconds(1);
    expect(finished).toEqual([]);
    expect(pipeline.inFlight()).toBe(0);
  });

  test.each(['abort', 'stopRetrying'] as const)(
    'by %s alone finishes no change that is not kept as a whole',
    async (name) => {
      const world = aWorld({ concurrency: 1 });
      const open = world.holdUp('a');
      world.failures.set('b', away);
      await world.submit(aNamedChange('1', ['a', 'b', 'c']));
      world[name].abort();
      open();
      await passSeconds(5);
      expect(world.finished).toEqual([]);
    },
  );

  test('finishes no change of which it came to keep only the first submissions', async () => {
    const { submit, finished, written, abort, log } = aWorld({ concurrency: 1 });
    log.info = () => abort.abort();
    await submit(aNamedChange('1', ['a', 'b']));
    await passSeconds(5);
    expect([written, finished]).toEqual([['a'], []]);
  });

  test('tries what failed once more at the most, and lets what runs reach its outcome', async () => {
    const { submit, finished, failures, stopRetrying, outcomes, pipeline } = aWorld();
    failures.set('a', away);
    await submit(aNamedChange('1', ['a']), aNamedChange('2', ['b']), aNamedChange('3', [{}]));
    await passSeconds(1);
    const before = outcomes().length;
    stopRetrying.abort();
    await passSeconds(60);
    expect(outcomes()).toHaveLength(before);
    expect(finished).toEqual(['detail/2']);
    expect(pipeline.inFlight()).toBe(0);
  });

  test('waits for what is in flight, and no longer than until the deadline', async () => {
    const { submit, holdUp, pipeline } = aWorld();
    const open = holdUp('a');
    await submit(aNamedChange('1', ['a']));
    const deadline = new AbortController();
    let drained = 0;
    void pipeline.drain(deadline.signal).then(() => drained++);
    void pipeline.drain(new AbortController().signal).then(() => drained++);
    await passSeconds(100);
    expect(drained).toBe(0);
    deadline.abort();
    await passSeconds(0);
    expect(drained).toBe(1);
    open();
    await passSeconds(0);
    expect(drained).toBe(2);
    expect(time.sleeping()).toBe(0);
  });
});

describe('a batch', () => {
  test('that cannot be read now is read again', async () => {
    const { submit, finished, unprepared } = aWorld();
    unprepared.set('detail/1', new FormvaultError('ENGINE_UNAVAILABLE', 'could not read'));
    void submit(aNamedChange('1'), aNamedChange('2'));
    await passSeconds(100);
    expect(finished).toEqual([]);
    unprepared.clear();
    await passSeconds(40);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2']);
  });

  test('of which the engine refuses one change is kept but for that one, which is tried again', async () => {
    const { submit, finished, unprepared } = aWorld();
    unprepared.set('detail/2', new FormvaultError('ENGINE_REJECTED', 'could not read'));
    await submit(aNamedChange('1'), aNamedChange('2'), aNamedChange('3'));
    await passSeconds(2);
    expect(finished.sort()).toEqual(['detail/1', 'detail/3']);
    unprepared.clear();
    await passSeconds(400);
    expect(finished).toContain('detail/2');
  });

  test('that is read while it ends is left to the next start', async () => {
    const { submit, finished, unprepared, stopRetrying } = aWorld();
    unprepared.set('detail/1', new FormvaultError('ENGINE_UNAVAILABLE', 'could not read'));
    const taken = submit(aNamedChange('1'));
    await passSeconds(1);
    stopRetrying.abort();
    await expect(taken).resolves.toBeUndefined();
    expect(finished).toEqual([]);
  });
});
