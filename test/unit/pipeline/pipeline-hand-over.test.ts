import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aNamedChange, aPipelineWorld, type PipelineWorld } from '../../support/builders-pipeline.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createPipeline } = await import('../../../src/pipeline/pipeline.ts');

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

describe('a hand-over', () => {
  test.each([
    ['away', engineAway],
    ['refusing', engineRefuses],
    ['failing for no known reason', new Error('x')],
  ])('to an engine that is %s is tried again, and nothing is finished before it was accepted', async (_, fault) => {
    const { submit, finished, engine } = aWorld();
    engine.faults.onStart = fault;
    await submit(aNamedChange('1', [INVALID]));
    await passSeconds(600);
    expect(finished).toEqual([]);
    engine.faults.onStart = null;
    await passSeconds(40);
    expect([finished, engine.starts()]).toEqual([['detail/1'], 1]);
  });

  test('whose answer got lost is not made twice', async () => {
    const { submit, finished, engine } = aWorld();
    engine.faults.onAnswer = engineAway;
    await submit(aNamedChange('1', [INVALID]));
    await passSeconds(60);
    expect([finished, engine.starts()]).toEqual([['detail/1'], 1]);
  });

  test('that an end interrupts leaves the change to the next start', async () => {
    const { submit, finished, engine, stopRetrying, pipeline } = aWorld();
    engine.faults.onStart = engineAway;
    await submit(aNamedChange('1', [INVALID]));
    await passSeconds(10);
    stopRetrying.abort();
    await passSeconds(60);
    expect([finished, pipeline.inFlight()]).toEqual([[], 0]);
  });

  test('of a suspect says so, and its change is not run', async () => {
    const { pipeline, finish, term, finished, asked, engine } = aWorld();
    pipeline.handOverSuspect(aNamedChange('1'), finish, term);
    await passSeconds(1);
    expect([finished, asked]).toEqual([['detail/1'], []]);
    expect(engine.started.get('detail/1')?.source).toMatchObject({ suspect: true });
  });
});

describe('a change that the engine answers every question about with an exception', () => {
  const exception = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read', {
    context: { status: 500, type: 'ProcessEngineException' },
  });

  test('is handed over, and holds up neither those of its batch nor those behind it', async () => {
    const { submit, finished, handedOver, written, unprepared, log } = aWorld();
    unprepared.set('detail/2', exception);
    const submitted = submit(aNamedChange('1'), aNamedChange('2'), aNamedChange('3'));
    await passSeconds(30);
    await submitted;
    void submit(aNamedChange('4'));
    await passSeconds(30);
    expect([written.sort(), handedOver()]).toEqual([['1', '3', '4'], ['detail/2']]);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2', 'detail/3', 'detail/4']);
    const last = log.lines.find(({ sentence }) => sentence === 'change handed over to the engine');
    expect(last?.fields).toMatchObject({ source: 'detail/2', code: 'ENGINE_REJECTED', err: { cause: exception } });
  });

  test('waits where the engine answers nothing at all', async () => {
    const { submit, finished, handedOver, unprepared, engine } = aWorld();
    unprepared.set('detail/2', exception);
    engine.faults.onLook = exception;
    void submit(aNamedChange('1'), aNamedChange('2'));
    await passSeconds(3_600);
    expect([finished, handedOver()]).toEqual([[], []]);
    unprepared.clear();
    engine.faults.onLook = null;
    await passSeconds(40);
    expect([finished.sort(), handedOver()]).toEqual([['detail/1', 'detail/2'], []]);
  });

  test('is handed over also where only writing it needs that answer', async () => {
    const { submit, finished, handedOver, failures } = aWorld();
    failures.set('1', exception);
    void submit(aNamedChange('1'), aNamedChange('2'));
    await passSeconds(60);
    expect([finished.sort(), handedOver()]).toEqual([['detail/1', 'detail/2'], ['detail/1']]);
  });
});

describe('a new leader', () => {
  const readAgainUntilMs = NOON_MS;

  test('finishes what an earlier one handed over without running it', async () => {
    const world = aWorld({ readAgainUntilMs });
    world.engine.started.set('detail/1', { key: 'formvault-persist', source: {} });
    await world.submit(aNamedChange('1'), aNamedChange('2'));
    await passSeconds(1);
    expect([world.finished.sort(), world.asked, world.engine.starts()]).toEqual([['detail/1', 'detail/2'], ['2'], 0]);
  });

  test('does not ask for what happened since', async () => {
    const world = aWorld({ readAgainUntilMs });
    world.engine.faults.onLook = engineAway;
    await world.submit(aNamedChange('1', ['a'], { timeMs: NOON_MS + 1 }));
    await passSeconds(1);
    expect(world.finished).toEqual(['detail/1']);
  });

  test('waits for the engine rather than running what may have been handed over', async () => {
    const world = aWorld({ readAgainUntilMs });
    world.engine.faults.onLook = engineAway;
    void world.submit(aNamedChange('1'));
    await passSeconds(100);
    expect([world.finished, world.asked]).toEqual([[], []]);
    world.engine.faults.onLook = null;
    await passSeconds(40);
    expect(world.finished).toEqual(['detail/1']);
  });
});

describe('DISPATCH=queue', () => {
  test('hands over every change that holds something, and finishes what holds nothing', async () => {
    const { submit, finished, asked, handedOver } = aWorld({ dispatch: 'queue' });
    await submit(aNamedChange('1'), aNamedChange('2', [], { text: '{}' }), aNamedChange('3', [INVALID]));
    await passSeconds(1);
    expect([handedOver(), asked]).toEqual([['detail/1', 'detail/3'], []]);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2', 'detail/3']);
  });

  test('finishes nothing while the engine is away', async () => {
    const { submit, finished, engine } = aWorld({ dispatch: 'queue' });
    engine.faults.onLook = engineAway;
    await submit(aNamedChange('1'));
    await passSeconds(300);
    expect(finished).toEqual([]);
    engine.faults.onLook = null;
    await passSeconds(40);
    expect(finished).toEqual(['detail/1']);
  });
});
