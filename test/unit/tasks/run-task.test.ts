import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { TaskReport } from '../../../src/tasks/topic-worker.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aLockedTask } from '../../support/builders-external-tasks.ts';
import { aRunnerWorld, failing, pausesOf, type RunnerWorld, runToItsEnd } from '../../support/builders-runner.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createTaskRunner } = await import('../../../src/tasks/run-task.ts');

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
});

const aWorld = (given?: RunnerWorld) => aRunnerWorld(createTaskRunner, given);

describe('a task that was in hand when a worker ended', () => {
  const inHand = /^UNEXPECTED: could not keep what Formvault had in hand when it ended/;

  test('is not run at once, but comes back at a time of its own', async () => {
    const { run, kept, leftBehind } = aWorld();
    leftBehind.add(aLockedTask().id);
    const report = await run({ retries: null });
    expect(report).toMatchObject({ kind: 'fail', retries: 2, errorMessage: expect.stringMatching(inHand) });
    expect(report.kind === 'fail' && report.retryTimeoutMs).toBeLessThanOrEqual(20_000);
    expect(kept).toEqual([]);
    await expect(run({ retries: 1 })).resolves.toEqual({ kind: 'complete' });
  });

  test('is an incident the second time, also where one cause has enough of them', async () => {
    const { run, kept, leftBehind } = aWorld({ limit: 0 });
    leftBehind.add(aLockedTask().id);
    const first = await run({ retries: null });
    leftBehind.add(aLockedTask().id);
    const errorMessage = first.kind === 'fail' ? first.errorMessage : null;
    await expect(run({ retries: 1, errorMessage })).resolves.toMatchObject({ kind: 'fail', retries: 0 });
    expect(kept).toEqual([]);
  });

  test('is run when no other one of them is, and only then is no longer one that waits', async () => {
    const { run, said, results } = aWorld();
    const first = Promise.withResolvers<null>();
    results.push(first.promise, null);
    const errorMessage = 'UNEXPECTED: could not keep what Formvault had in hand when it ended (form –, case –). Look.';
    const both = ['a', 'b'].map((id) => run({ id, retries: 2, errorMessage }));
    await time.runUntil(NOON_MS + 60_000);
    expect(said).toEqual(['retries of a to 1']);

    first.resolve(null);
    await expect(Promise.all(both)).resolves.toEqual([{ kind: 'complete' }, { kind: 'complete' }]);
    expect(said).toEqual(['retries of a to 1', 'retries of b to 1']);
  });

  test('is no incident for the failures that it had before', async () => {
    const { run, leftBehind } = aWorld();
    leftBehind.add(aLockedTask().id);
    const errorMessage = 'VAULT_UNAVAILABLE: could not write an object (form –, case –). Wait.';
    await expect(run({ retries: 1, errorMessage })).resolves.toMatchObject({ kind: 'fail', retries: 2 });
  });
});

describe('a task', () => {
  test('whose change is kept is completed', async () => {
    const { run, kept } = aWorld();
    await expect(run()).resolves.toEqual({ kind: 'complete' });
    expect(kept).toEqual(['change']);
  });

  test('of a modeller’s own process stands for all of its instance', async () => {
    const { run, kept } = aWorld();
    await expect(run({ processDefinitionKey: 'visit', source: null })).resolves.toEqual({ kind: 'complete' });
    expect(kept).toEqual(['instance']);
  });

  test('that is kept is no open incident any more', async () => {
    const { run, results, openIncidents } = aWorld();
    results.push(failing('BUCKET_MISSING'), null);
    await run();
    expect(openIncidents.count()).toBe(1);
    await run({ retries: 1 });
    expect(openIncidents.count()).toBe(0);
  });
});

describe('a passing fault', () => {
  test.each([
    [
      3,
      [5, 30],
      [
        [2, 5_000],
        [1, 30_000],
        [0, 0],
      ],
    ],
    [
      5,
      [5, 30],
      [
        [4, 5_000],
        [3, 30_000],
        [2, 30_000],
        [1, 30_000],
        [0, 0],
      ],
    ],
    [
      3,
      [1, 2, 3, 4],
      [
        [2, 1_000],
        [1, 2_000],
        [0, 0],
      ],
    ],
    [1, [5], [[0, 0]]],
  ])(
    'is tried MAX_ATTEMPTS=%d times with RETRY_SECONDS=%j between, then stands as an incident',
    async (maxAttempts, retrySeconds, expected) => {
      const world = aWorld({ maxAttempts, retrySeconds });
      world.results.push(failing('VAULT_UNAVAILABLE'));
      expect(pausesOf(await runToItsEnd(world))).toEqual(expected);
      expect(world.kept).toHaveLength(maxAttempts);
      expect(world.metrics.ended).toEqual([...Array(maxAttempts - 1).fill('retry'), 'incident']);
      expect(world.metrics.raised).toEqual(['VAULT_UNAVAILABLE']);
    },
  );

  test('is left alone for as long as the other side asks, where that is longer', async () => {
    const world = aWorld();
    world.results.push(failing('VAULT_UNAVAILABLE', { retryAfterMs: 12_000 }));
    expect(pausesOf(await runToItsEnd(world))).toEqual([
      [2, 12_000],
      [1, 30_000],
      [0, 0],
    ]);
  });

  test('that passes is completed', async () => {
    const world = aWorld();
    world.results.push(failing('VAULT_UNAVAILABLE'), null);
    expect(pausesOf(await runToItsEnd(world))).toEqual([[2, 5_000], 'complete']);
  });

  test('after a person’s retry has one attempt', async () => {
    const world = aWorld();
    world.results.push(failing('VAULT_UNAVAILABLE'));
    expect(pausesOf(await runToItsEnd(world, { retries: 1 }))).toEqual([[0, 0]]);
  });

  test('after a retry with more attempts than MAX_ATTEMPTS begins with the first pause', async () => {
    const { run, results } = aWorld();
    results.push(failing('VAULT_UNAVAILABLE'));
    await expect(run({ retries: 10 })).resolves.toMatchObject({ retries: 9, retryTimeoutMs: 5_000 });
  });

  test('that nobody foresaw is tried again like any other', async () => {
    const world = aWorld();
    world.faults.thrown = new TypeError('x');
    expect(pausesOf(await runToItsEnd(world))).toEqual([
      [2, 5_000],
      [1, 30_000],
      [0, 0],
    ]);
    expect(world.metrics.raised).toEqual(['UNEXPECTED']);
  });
});

describe('an engine that is away', () => {
  test.each(['while it is asked for details', 'and says so by throwing'])('%s uses up no attempt', async (how) => {
    const { run, results, faults, kept, metrics } = aWorld();
    if (how.startsWith('while')) results.push(failing('ENGINE_UNAVAILABLE'));
    else faults.thrown = failing('ENGINE_UNAVAILABLE');
    let report: TaskReport | null = null;
    void run({ retries: 1 }).then((ended) => {
      report = ended;
    });
    await time.runUntil(NOON_MS + 60_000);
    expect(report).toBeNull();
    expect(kept.length).toBeGreaterThan(3);
    expect(kept.length).toBeLessThan(20);
    faults.thrown = null;
    results.splice(0);
    await time.runUntil(NOON_MS + 120_000);
    expect(report).toEqual({ kind: 'complete' });
    expect(metrics.ended).toEqual([]);
  });

  test('when incidents are to be counted raises none unseen: the task is tried again', async () => {
    const { run, results, faults } = aWorld({ limit: 0 });
    results.push(failing('VAULT_REJECTED'));
    faults.onRead = failing('ENGINE_UNAVAILABLE');
    const running = run();
    await time.runUntil(NOON_MS + 10_000);
    faults.onRead = null;
    await time.runUntil(NOON_MS + 60_000);
    await expect(running).resolves.toMatchObject({ retries: 1 });
  });
});

describe('an engine that answers a question about a task with an exception, again and again', () => {
  const fault = failing('ENGINE_UNAVAILABLE', { context: { status: 500, type: 'ProcessEngineException' } });

  test('is an incident at once, however many attempts are left', async () => {
    const { run, faults, kept, metrics } = aWorld();
    faults.thrown = fault;
    const running = run({ retries: null });
    await time.runUntil(NOON_MS + 30_000);
    await expect(running).resolves.toMatchObject({
      retries: 0,
      errorMessage: expect.stringMatching(/^ENGINE_REJECTED: could not do it .* look for the exception in its log/),
      errorDetails: expect.stringContaining('ENGINE_UNAVAILABLE'),
    });
    expect([kept.length, metrics.raised]).toEqual([6, ['ENGINE_REJECTED']]);
  });

  test('is waited for where it answers nothing else', async () => {
    const { run, faults } = aWorld();
    faults.thrown = fault;
    faults.onOtherRequests = fault;
    const running = run();
    await time.runUntil(NOON_MS + 3_600_000);
    faults.thrown = null;
    await time.runUntil(NOON_MS + 3_700_000);
    await expect(running).resolves.toEqual({ kind: 'complete' });
  });
});

describe('a task that is interrupted', () => {
  test('is given back', async () => {
    const { run, results, metrics } = aWorld();
    results.push(failing('SHUTTING_DOWN'));
    await expect(run()).resolves.toEqual({ kind: 'release' });
    expect(metrics.ended).toEqual([]);
  });

  test('before it began, or in a pause, is given back', async () => {
    const { run, results, abort } = aWorld();
    results.push(failing('ENGINE_UNAVAILABLE'));
    const running = run();
    await time.runUntil(NOON_MS);
    abort.abort();
    await expect(running).resolves.toEqual({ kind: 'release' });
    await expect(run()).resolves.toEqual({ kind: 'release' });
    expect(time.sleeping()).toBe(0);
  });

  test('because its lock is lost is reported by nobody', async () => {
    const { run, faults } = aWorld();
    faults.thrown = failing('LOCK_LOST');
    await expect(run()).resolves.toEqual({ kind: 'drop' });
  });
});

describe('what the runner did not foresee', () => {
  test.each([
    [null, [2, 5_000]],
    [2, [1, 30_000]],
    [1, [0, 0]],
    [0, [0, 0]],
  ])('is reported as a failed attempt, also at retries %p', (retries, expected) => {
    const report = aWorld().runner.reportThrown(new TypeError('x'), aLockedTask({ retries }));
    expect(pausesOf([report])).toEqual([expected]);
    expect(report).toMatchObject({ errorMessage: expect.stringContaining('(form site-visit, case BF-1)') });
  });
});
