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
const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object', { context });
const denied = new FormvaultError('VAULT_REJECTED', 'could not write an object', { context });
const engineAway = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read');
const engineRefuses = new FormvaultError('ENGINE_REJECTED', 'could not read');
const INVALID = { typed: 'Mrs Smith' };
const running: AbortController[] = [];

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
  jest.spyOn(performance, 'now').mockImplementation(() => time.nowMs());
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
  test('is tried again in place with growing pauses until the submission is kept', async () => {
    const { submit, finished, failures, asked, handedOver } = aWorld();
    failures.set('a', away);
    await submit(aNamedChange('1', ['a']));
    await passSeconds(5);
    expect(asked.length).toBeGreaterThanOrEqual(4);
    failures.clear();
    await passSeconds(3);
    expect([finished, handedOver()]).toEqual([['detail/1'], []]);
  });

  test('that does not pass for about 8 s has its change handed over, once', async () => {
    const { submit, finished, failures, handedOver, engine, asked, metrics } = aWorld();
    failures.set('a', away);
    await submit(aNamedChange('1', ['a']));
    await passSeconds(5);
    expect(handedOver()).toEqual([]);
    await passSeconds(4);
    expect([handedOver(), finished]).toEqual([['detail/1'], ['detail/1']]);
    const attempts = asked.length;
    await passSeconds(300);
    expect([engine.starts(), asked.length]).toEqual([1, attempts]);
    expect(metrics.ended.filter((each) => each !== 'retry')).toEqual(['handed_over']);
  });

  test('with a Retry-After beyond those 8 s has its change handed over at once', async () => {
    const { submit, failures, handedOver } = aWorld();
    failures.set('a', new FormvaultError('VAULT_UNAVAILABLE', 'could not write', { context, retryAfterMs: 60_000 }));
    await submit(aNamedChange('1', ['a']));
    await passSeconds(1);
    expect(handedOver()).toEqual(['detail/1']);
  });

  test('of the engine is tried again for as long as it lasts: nothing is finished and nothing skipped', async () => {
    const { submit, finished, failures, handedOver } = aWorld();
    failures.set('a', engineAway);
    await submit(aNamedChange('1', ['a']));
    await passSeconds(3_600);
    expect([finished, handedOver()]).toEqual([[], []]);
    failures.clear();
    await passSeconds(40);
    expect(finished).toEqual(['detail/1']);
  });
});

describe('data that can never be kept', () => {
  test('is handed over at once, with what a person needs to find it', async () => {
    const { submit, finished, engine } = aWorld();
    await submit(aNamedChange('1', [INVALID]));
    await passSeconds(0);
    expect(finished).toEqual(['detail/1']);
    expect(engine.started.get('detail/1')).toEqual({
      key: 'formvault-persist',
      source: {
        topic: 'convention-variable',
        processInstanceId: 'p-1',
        processDefinitionKey: 'visit',
        activityId: null,
        taskId: null,
        form: null,
        case: 'KEY',
      },
    });
  });

  test('does not keep the good submissions beside it from being kept', async () => {
    const { submit, finished, written, handedOver } = aWorld();
    await submit(aNamedChange('1', ['a', INVALID, 'b']), aNamedChange('2', ['c']));
    await passSeconds(1);
    expect(written.sort()).toEqual(['a', 'b', 'c']);
    expect(handedOver()).toEqual(['detail/1']);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2']);
  });

  test('decides for its change also where others of it fail for what may pass', async () => {
    const { submit, failures, handedOver, log } = aWorld({ outageLimit: 1 });
    failures.set('a', denied);
    await submit(
      aNamedChange('1', ['a', INVALID]),
      aNamedChange('2', ['a', INVALID]),
      aNamedChange('3', ['a', INVALID]),
    );
    await passSeconds(1);
    expect(handedOver()).toHaveLength(3);
    const codes = log.lines.filter(({ fields }) => fields.outcome === 'handed_over').map(({ fields }) => fields.code);
    expect(codes).toEqual(['SUBMISSION_INVALID', 'SUBMISSION_INVALID', 'SUBMISSION_INVALID']);
  });

  test('is logged with its code and never with what a person typed', async () => {
    const { submit, log, engine } = aWorld();
    await submit(aNamedChange('1', [INVALID]));
    await passSeconds(1);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { code: 'SUBMISSION_INVALID', outcome: 'handed_over', source: 'detail/1' } },
    ]);
    expect(JSON.stringify([log.lines, [...engine.started]])).not.toContain('Smith');
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
      await passSeconds(60);
      expect([world.finished, world.handedOver()]).toEqual([[], []]);
    },
  );

  test('finishes no change of which it came to keep only the first submissions', async () => {
    const { submit, finished, written, abort, log } = aWorld({ concurrency: 1 });
    log.info = () => abort.abort();
    await submit(aNamedChange('1', ['a', 'b']));
    await passSeconds(5);
    expect([written, finished]).toEqual([['a'], []]);
  });

  test('lets what runs reach its outcome, and leaves what failed to the next start', async () => {
    const { submit, finished, failures, stopRetrying, asked, pipeline } = aWorld();
    failures.set('a', away);
    await submit(aNamedChange('1', ['a']), aNamedChange('2', ['b']));
    await passSeconds(1);
    const before = asked.length;
    stopRetrying.abort();
    await passSeconds(60);
    expect(asked.length - before).toBeLessThanOrEqual(1);
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
    unprepared.set('detail/1', engineAway);
    void submit(aNamedChange('1'), aNamedChange('2'));
    await passSeconds(100);
    expect(finished).toEqual([]);
    unprepared.clear();
    await passSeconds(40);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2']);
  });

  test.each([
    ['that the engine refuses to tell about', engineRefuses],
    ['that is read with a failure of its own', new TypeError('x')],
  ])('with one change %s is kept but for that one, which is handed over', async (_, fault) => {
    const { submit, finished, unprepared, written, handedOver } = aWorld();
    unprepared.set('detail/2', fault);
    void submit(aNamedChange('1'), aNamedChange('2'), aNamedChange('3'));
    await passSeconds(10);
    expect(written.sort()).toEqual(['1', '3']);
    expect(handedOver()).toEqual(['detail/2']);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2', 'detail/3']);
  });

  test('whose changes are read one by one waits for an engine that goes away meanwhile', async () => {
    const { submit, finished, unprepared, written } = aWorld();
    unprepared.set('detail/1', engineRefuses);
    unprepared.set('detail/2', engineAway);
    await submit(aNamedChange('1'), aNamedChange('2'));
    await passSeconds(100);
    expect(finished).toEqual(['detail/1']);
    unprepared.clear();
    await passSeconds(40);
    expect([finished, written]).toEqual([['detail/1', 'detail/2'], ['2']]);
  });

  test('that is read while it ends is left to the next start', async () => {
    const { submit, finished, unprepared, stopRetrying } = aWorld();
    unprepared.set('detail/1', engineAway);
    const taken = submit(aNamedChange('1'));
    await passSeconds(1);
    stopRetrying.abort();
    await expect(taken).resolves.toBeUndefined();
    expect(finished).toEqual([]);
  });
});
