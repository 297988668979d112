import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type FailureCode, FormvaultError } from '../../../src/errors.ts';
import { incidentMessage } from '../../../src/incidents/incident-message.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aRecoveryWorld, LOCK_MS } from '../../support/builders-recovery.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createRecovery } = await import('../../../src/tasks/recovery.ts');

const running: AbortController[] = [];

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
});

afterEach(async () => {
  for (const each of running.splice(0)) each.abort();
  await time.runUntil(time.nowMs());
});

const passSeconds = (seconds: number) => time.runUntil(time.nowMs() + seconds * 1000);
const engineAway = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read the failed external tasks');

function messageOf(code: FailureCode, bucket: string, form = 'visit'): string {
  return incidentMessage(new FormvaultError(code, 'could not do it', { context: { bucket } }), { form, caseId: 'c' });
}

const aWorld = () => aRecoveryWorld(createRecovery, time, running);

describe('when a target has answered again', () => {
  test.each<[FailureCode, boolean]>([
    ['VAULT_UNAVAILABLE', true],
    ['VAULT_REJECTED', true],
    ['BUCKET_MISSING', false],
    ['SUBMISSION_INVALID', false],
    ['PRODUCT_INVALID', false],
    ['SOURCE_GONE', false],
    ['UNEXPECTED', false],
  ])('an incident for %s at it is retried without a person: %p', async (code, expected) => {
    const { addIncident, noteRecovered, retried, start } = aWorld();
    addIncident('t', messageOf(code, 'b'));
    start();
    noteRecovered('b');
    await passSeconds(1);
    expect(retried).toEqual(expected ? ['t'] : []);
  });

  test('incidents for another target, and those of somebody else, wait for a person', async () => {
    const { addIncident, noteRecovered, retried, start } = aWorld();
    addIncident('other', messageOf('VAULT_UNAVAILABLE', 'other'));
    addIncident('theirs', 'java.lang.NullPointerException');
    start();
    noteRecovered('b');
    await passSeconds(60);
    expect(retried).toEqual([]);
  });

  test('both topics are looked through', async () => {
    const { addIncident, noteRecovered, retried, start } = aWorld();
    addIncident('a', messageOf('VAULT_UNAVAILABLE', 'b'), { topic: 'user-task-completed' });
    addIncident('b', messageOf('VAULT_UNAVAILABLE', 'b'), { topic: 'convention-variable' });
    start();
    noteRecovered('b');
    await passSeconds(1);
    expect(retried.sort()).toEqual(['a', 'b']);
  });

  test('what waits without an incident is unlocked; what is being run is not', async () => {
    const { addWaiting, noteRecovered, unlocked, start } = aWorld();
    addWaiting('waiting', messageOf('VAULT_REJECTED', 'b'), 250_000);
    addWaiting('running', messageOf('VAULT_REJECTED', 'b'), LOCK_MS);
    addWaiting('running by a clock ahead of ours', messageOf('VAULT_REJECTED', 'b'), LOCK_MS + 10_000);
    addWaiting('ready', messageOf('VAULT_REJECTED', 'b'), -1);
    addWaiting('other', messageOf('VAULT_REJECTED', 'other'), 250_000);
    start();
    noteRecovered('b');
    await passSeconds(1);
    expect(unlocked).toEqual(['waiting']);
  });

  test('incidents of a cause that others had to wait for are retried whatever the code', async () => {
    const { addIncident, addWaiting, noteRecovered, retried, unlocked, start } = aWorld();
    const [a, b] = ['form-a', 'form-b'].map((form) => messageOf('FORM_UNKNOWN', '', form));
    addIncident('a', a ?? '');
    addIncident('b', b ?? '');
    addWaiting('waiting', a ?? '', 250_000);
    start();
    noteRecovered('form form-a');
    noteRecovered('form form-b');
    await passSeconds(1);
    expect([retried, unlocked]).toEqual([['a'], ['waiting']]);
  });

  test('retried incidents make room for others', async () => {
    const { addIncident, noteRecovered, start, openIncidents } = aWorld();
    addIncident('t', messageOf('VAULT_UNAVAILABLE', 'b'));
    await openIncidents.claim('t', { code: 'VAULT_UNAVAILABLE', target: 'b' }, new AbortController().signal);
    start();
    noteRecovered('b');
    await passSeconds(1);
    expect(openIncidents.count()).toBe(0);
  });

  test('it is told, and told only where something is tried again', async () => {
    const { addIncident, noteRecovered, start, log } = aWorld();
    start();
    noteRecovered('b');
    await passSeconds(5);
    expect(log.lines).toEqual([]);
    addIncident('t', messageOf('VAULT_UNAVAILABLE', 'b'));
    noteRecovered('b');
    await passSeconds(5);
    expect(log.lines).toMatchObject([{ level: 'info', fields: { changes: 1 } }]);
  });
});

describe('an incident that fails again', () => {
  test('is retried again with growing pauses, up to an hour', async () => {
    const { addIncident, failAgain, observeAll, retried, start } = aWorld();
    addIncident('t', messageOf('VAULT_REJECTED', 'b'));
    start();
    const times: number[] = [];
    for (let minute = 0; minute < 8 * 60; minute++) {
      observeAll();
      const before = retried.length;
      await passSeconds(60);
      if (retried.length > before) times.push(minute);
      failAgain('t');
    }
    const pauses = times.slice(1).map((atMinute, each) => atMinute - (times[each] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(3);
    for (const [each, minutes] of pauses.entries()) expect(minutes).toBeGreaterThanOrEqual(pauses[each - 1] ?? 0);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(60);
    expect(pauses.at(-1)).toBeLessThanOrEqual(63);
  });

  test('because the engine did not take the retry is retried as soon as it does', async () => {
    const { addIncident, noteRecovered, retried, faults, start, log } = aWorld();
    addIncident('t', messageOf('VAULT_UNAVAILABLE', 'b'));
    faults.onRetry = engineAway;
    start();
    noteRecovered('b');
    await passSeconds(25);
    expect(retried).toEqual([]);
    expect(log.lines.filter(({ level }) => level === 'warn').length).toBeGreaterThan(0);
    faults.onRetry = null;
    await passSeconds(15);
    expect(retried).toEqual(['t']);
  });
});

describe('after a restart', () => {
  test('the targets of open incidents are asked now and then, until they answer', async () => {
    const { addIncident, observeAll, probed, away, retried, start, outages } = aWorld();
    addIncident('t', messageOf('VAULT_UNAVAILABLE', 'b'));
    away.add('b');
    observeAll();
    start();
    await passSeconds(60);
    expect(probed.length).toBeGreaterThanOrEqual(5);
    expect(probed.length).toBeLessThanOrEqual(7);
    expect(retried).toEqual([]);
    away.clear();
    await passSeconds(25);
    expect(retried).toEqual(['t']);
    expect(outages.troubled()).toEqual([]);
  });

  test('nothing is asked for incidents that wait for a person', async () => {
    const { addIncident, observeAll, probed, start } = aWorld();
    addIncident('t', messageOf('BUCKET_MISSING', 'b'));
    addIncident('u', messageOf('SUBMISSION_INVALID', 'b'));
    addIncident('v', 'somebody else');
    observeAll();
    start();
    await passSeconds(60);
    expect(probed).toEqual([]);
  });
});

describe('the engine', () => {
  test('is asked nothing while nothing has failed', async () => {
    const { reads, start } = aWorld();
    start();
    await passSeconds(3_600);
    expect(reads()).toBe(0);
  });

  test('is asked a few times only where a target answers now and then', async () => {
    const { reads, noteRecovered, start } = aWorld();
    start();
    for (let each = 0; each < 600; each++) {
      noteRecovered('b');
      await time.runUntil(time.nowMs() + 100);
    }
    expect(reads()).toBeLessThan(60 * 3);
  });

  test('that is away is asked again later, and nothing is forgotten', async () => {
    const { addIncident, noteRecovered, retried, faults, reads, start } = aWorld();
    addIncident('t', messageOf('VAULT_UNAVAILABLE', 'b'));
    faults.onRead = engineAway;
    start();
    noteRecovered('b');
    await passSeconds(300);
    expect(reads()).toBeLessThan(40);
    faults.onRead = null;
    await passSeconds(15);
    expect(retried).toEqual(['t']);
  });
});

test('it ends when it is stopped, also in a pause', async () => {
  const { start, noteRecovered } = aWorld();
  const stop = start();
  noteRecovered('b');
  await passSeconds(30);
  stop.abort();
  await passSeconds(0);
  expect(time.sleeping()).toBe(0);
});
