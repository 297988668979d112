import { describe, expect, test } from '@jest/globals';
import { createAskEngine } from '../../../src/cases/ask-engine.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createStubEngineCases } from '../../support/stub-engine-cases.ts';

const { signal } = new AbortController();

/** As the client of the engine does while that is away: waits until its caller gives up. */
function untilAborted(limited: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    limited.addEventListener('abort', () => reject(new FormvaultError('SHUTTING_DOWN', 'stopped waiting')));
  });
}

function anAsker(options: { limitMs?: number; isEngineThere?: () => boolean } = {}) {
  const log = createRememberingLog();
  return { log, ask: createAskEngine({ engine: createStubEngineCases().engine, log, ...options }) };
}

describe('what the engine is asked for a page', () => {
  test.each(['ENGINE_UNAVAILABLE', 'ENGINE_REJECTED'] as const)('is null when it ends in %s', async (code) => {
    const { ask, log } = anAsker();
    const fail = async () => {
      throw new FormvaultError(code, 'could not read');
    };
    await expect(ask(fail, signal)).resolves.toBeNull();
    await expect(ask(fail, signal)).resolves.toBeNull();
    expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
  });

  test('is null when it takes too long', async () => {
    const { ask } = anAsker({ limitMs: 20 });
    await expect(ask((_, limited) => untilAborted(limited), signal)).resolves.toBeNull();
  });

  test('is waited for but a moment while the engine is known to be away', async () => {
    const { ask } = anAsker({ limitMs: 60_000, isEngineThere: () => false });
    await expect(ask((_, limited) => untilAborted(limited), signal)).resolves.toBeNull();
  });

  test('is still asked then, so that its return is noticed', async () => {
    const { ask } = anAsker({ isEngineThere: () => false });
    await expect(ask(async () => 'back', signal)).resolves.toBe('back');
  });

  test('ends with its caller', async () => {
    const caller = new AbortController();
    const asking = anAsker().ask((_, limited) => untilAborted(limited), caller.signal);
    caller.abort();
    await expect(asking).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
