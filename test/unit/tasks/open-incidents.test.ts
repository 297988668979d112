import { describe, expect, test } from '@jest/globals';
import type { FailedTask } from '../../../src/engine/engine-external-tasks.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { type Cause, incidentMessage } from '../../../src/incidents/incident-message.ts';
import { createOpenIncidents } from '../../../src/tasks/open-incidents.ts';
import { aFailedTask } from '../../support/builders-external-tasks.ts';

const { signal } = new AbortController();
const away: Cause = { code: 'VAULT_UNAVAILABLE', target: 'b' };
const denied: Cause = { code: 'VAULT_REJECTED', target: 'b' };

const failedFor = (id: string, { code, target }: Cause): FailedTask => {
  const error = new FormvaultError(code, 'could not write an object', { context: { bucket: target } });
  return aFailedTask({ id, errorMessage: incidentMessage(error, { form: 'a', caseId: 'b' }) });
};

function aWorld(inEngine: FailedTask[] = [], limit = 2) {
  let nowMs = 0;
  let reads = 0;
  const faults: { onRead: Error | null } = { onRead: null };
  const openIncidents = createOpenIncidents({
    limit,
    nowMs: () => nowMs,
    async read() {
      reads++;
      if (faults.onRead !== null) throw faults.onRead;
      return inEngine;
    },
  });
  return {
    ...openIncidents,
    inEngine,
    faults,
    reads: () => reads,
    passMs: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('open incidents', () => {
  test('are as many for one cause as the limit says, however many ask at once', async () => {
    const { claim, count } = aWorld();
    const claims = Array.from({ length: 10 }, (_, each) => claim(`t${each}`, away, signal));
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(2);
    expect(count()).toBe(2);
  });

  test('of other instances and earlier starts count', async () => {
    const { claim } = aWorld([failedFor('x', away), failedFor('y', away)]);
    await expect(claim('t', away, signal)).resolves.toBe(false);
    await expect(claim('t', denied, signal)).resolves.toBe(true);
  });

  test('for a cause that is none, and of somebody else, do not count', async () => {
    const { claim } = aWorld([
      aFailedTask({ id: 'x', errorMessage: 'x' }),
      aFailedTask({ id: 'y', errorMessage: 'y' }),
    ]);
    await expect(claim('t', away, signal)).resolves.toBe(true);
  });

  test('count a task once, however often it fails', async () => {
    const { claim } = aWorld([failedFor('x', away)]);
    for (let each = 0; each < 5; each++) await expect(claim('t', away, signal)).resolves.toBe(true);
    await expect(claim('x', away, signal)).resolves.toBe(true);
    await expect(claim('u', away, signal)).resolves.toBe(false);
  });

  test('make room when one is over', async () => {
    const { claim, release } = aWorld();
    for (const id of ['a', 'b', 'a']) await claim(id, away, signal);
    await expect(claim('c', away, signal)).resolves.toBe(false);
    release('a');
    await expect(claim('c', away, signal)).resolves.toBe(true);
  });

  test('are asked for again after a while, not each time', async () => {
    const { claim, inEngine, passMs, reads } = aWorld();
    for (const id of ['a', 'b', 'c', 'd']) await claim(id, away, signal);
    expect(reads()).toBe(1);
    inEngine.push(failedFor('a', away));
    passMs(30_001);
    await expect(claim('c', away, signal)).resolves.toBe(true);
    expect(reads()).toBe(2);
  });

  test('count those that were allowed and have not reached the engine yet', async () => {
    const { claim, inEngine, passMs, reads, count } = aWorld();
    for (const id of ['a', 'b']) await claim(id, away, signal);
    inEngine.push(failedFor('a', away));
    passMs(5_000);
    await expect(claim('c', away, signal)).resolves.toBe(false);
    expect([reads(), count()]).toEqual([2, 2]);
  });

  test('that cannot be read let nobody in, and the next one asks again', async () => {
    const { claim, faults } = aWorld();
    faults.onRead = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read');
    await expect(claim('a', away, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    faults.onRead = null;
    await expect(claim('a', away, signal)).resolves.toBe(true);
  });

  test('that the watchdog saw need not be read', async () => {
    const { claim, observe, reads, count } = aWorld();
    observe([failedFor('x', away), failedFor('y', away)]);
    await expect(claim('t', away, signal)).resolves.toBe(false);
    expect([reads(), count()]).toEqual([0, 2]);
  });
});
