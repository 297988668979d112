import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type FailureCode, type FailureDetails, FormvaultError } from '../../../src/errors.ts';
import { causeOf } from '../../../src/incidents/incident-message.ts';
import { createOutages } from '../../../src/pipeline/outages.ts';
import type { LockedTask, TaskReport } from '../../../src/tasks/topic-worker.ts';
import { NOON_MS } from '../../support/builders.ts';
import { aLockedTask } from '../../support/builders-external-tasks.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createRememberingMetrics } from '../../support/builders-pipeline.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createTaskRunner } = await import('../../../src/tasks/run-task.ts');
const { createOpenIncidents } = await import('../../../src/tasks/open-incidents.ts');
const { failureOf, NOTHING_KNOWN } = await import('../../../src/pipeline/run-in-place.ts');

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
});

afterEach(() => {
  jest.restoreAllMocks();
});

const ABOUT = { form: 'site-visit', caseId: 'BF-1' };
const failing = (code: FailureCode, details: FailureDetails = {}) =>
  new FormvaultError(code, 'could not do it', { context: { bucket: 'b' }, ...details });

type World = { maxAttempts?: number; retrySeconds?: number[]; limit?: number };

function aWorld({ maxAttempts = 3, retrySeconds = [5, 30], limit = 50 }: World = {}) {
  const abort = new AbortController();
  /** What keeping comes to, one after another; the last is repeated. `null`: it is kept. */
  const results: unknown[] = [];
  const kept: string[] = [];
  const said: string[] = [];
  const faults: { onRead: unknown; thrown: unknown } = { onRead: null, thrown: null };
  async function keep(kind: string, task: LockedTask) {
    kept.push(kind);
    if (faults.thrown !== null) throw faults.thrown;
    const error = results.length > 1 ? results.shift() : results[0];
    if (error === null || error === undefined) return null;
    return failureOf(error, task.businessKey === 'of nothing' ? NOTHING_KNOWN : ABOUT);
  }
  const outages = createOutages({ limit, onRecovered() {}, onStandStill() {}, onGoesOn() {} });
  const openIncidents = createOpenIncidents({
    limit,
    async read() {
      if (faults.onRead !== null) throw faults.onRead;
      return [];
    },
  });
  const log = createRememberingLog();
  const metrics = createRememberingMetrics();
  const runner = createTaskRunner({
    keep: { keepChange: (task) => keep('change', task), keepInstance: (task) => keep('instance', task) },
    externalTasks: {
      async setRetries(ids, retries) {
        said.push(`retries of ${ids.join()} to ${retries}`);
      },
    },
    outages,
    openIncidents,
    maxAttempts,
    retrySeconds,
    log,
    metrics,
  });
  const run = (given: Partial<LockedTask> = {}) => runner.run(aLockedTask(given), abort.signal);
  return { run, runner, abort, results, kept, said, faults, outages, openIncidents, log, metrics };
}

/** As the engine would hand a task out again after each report, until there is an incident or an end. */
async function runToItsEnd(world: ReturnType<typeof aWorld>, given: Partial<LockedTask> = {}): Promise<TaskReport[]> {
  const reports: TaskReport[] = [];
  let { retries } = aLockedTask(given);
  for (;;) {
    const report = await world.run({ ...given, retries });
    reports.push(report);
    if (report.kind !== 'fail' || report.retries === 0) return reports;
    retries = report.retries;
  }
}

const pausesOf = (reports: TaskReport[]) =>
  reports.map((report) => (report.kind === 'fail' ? [report.retries, report.retryTimeoutMs] : report.kind));

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

describe('what no waiting mends', () => {
  test.each([
    'SUBMISSION_INVALID',
    'PRODUCT_INVALID',
    'FORM_UNKNOWN',
    'BUCKET_MISSING',
    'VAULT_REJECTED',
    'SOURCE_GONE',
    'ENGINE_REJECTED',
  ] as const)('%s is an incident at once', async (code) => {
    const { run, results, metrics, log } = aWorld();
    results.push(failing(code));
    await expect(run()).resolves.toMatchObject({ kind: 'fail', retries: 0, retryTimeoutMs: 0 });
    expect([metrics.ended, metrics.raised]).toEqual([['incident'], [code]]);
    expect(log.lines).toMatchObject([{ level: 'error', fields: { code, outcome: 'incident' } }]);
  });

  test('says what it is about, and has the stack trace with its causes behind it', async () => {
    const { run, results } = aWorld();
    const cause = new Error('NoSuchBucket');
    results.push(failing('BUCKET_MISSING', { cause }));
    await expect(run()).resolves.toMatchObject({
      errorMessage:
        'BUCKET_MISSING: could not do it in bucket b (form site-visit, case BF-1). Create the bucket, or set S3_CREATE_BUCKETS=true; then retry.',
      errorDetails: expect.stringMatching(
        /^FormvaultError BUCKET_MISSING: could not do it\n.*bucket: b\n.*run-task\.test.*Caused by: Error: NoSuchBucket\n {4}at /s,
      ),
    });
  });

  test('says what the task itself says where nothing else is known', async () => {
    const { run, results } = aWorld();
    results.push(failing('SOURCE_GONE'));
    const source = JSON.stringify({ form: 'complaint', case: 'BF-7' });
    await expect(run({ businessKey: 'of nothing', source })).resolves.toMatchObject({
      errorMessage: expect.stringContaining('(form complaint, case BF-7)'),
    });
  });

  test.each([null, '', 'null', '[]', '{', '5', '{"form":{},"case":[1]}'])(
    'is said also where the variable of the task is %j',
    async (source) => {
      const { run, faults } = aWorld();
      faults.thrown = failing('SUBMISSION_INVALID');
      await expect(run({ source })).resolves.toMatchObject({
        errorMessage: expect.stringContaining('(form –, case detail/d-1)'),
      });
    },
  );

  test('never says what stands in a variable of that name in a modeller’s own process', async () => {
    const { run, faults } = aWorld();
    faults.thrown = failing('SUBMISSION_INVALID');
    const source = JSON.stringify({ form: 'Mrs Smith', case: 'High Street', suspect: true });
    const report = await run({ processDefinitionKey: 'visit', businessKey: 'BF-1', source });
    expect(report).toMatchObject({ errorMessage: expect.stringContaining('(form –, case BF-1)') });
    expect(JSON.stringify(report)).not.toMatch(/Smith|High Street/);
  });
});

describe('above OUTAGE_LIMIT incidents for one cause', () => {
  test('a task waits without an incident, for some minutes', async () => {
    const { run, results, metrics, outages } = aWorld({ limit: 1 });
    results.push(failing('VAULT_REJECTED'));
    await expect(run({ id: 'first' })).resolves.toMatchObject({ retries: 0 });
    const report = await run({ id: 'second' });
    expect(report).toMatchObject({ kind: 'fail', retries: 1 });
    if (report.kind !== 'fail') throw new Error('expected a failure');
    expect(report.retryTimeoutMs).toBeGreaterThan(200_000);
    expect(report.retryTimeoutMs).toBeLessThanOrEqual(300_000);
    expect(causeOf(report.errorMessage)).toEqual({ code: 'VAULT_REJECTED', target: 'b' });
    expect([metrics.ended, metrics.raised]).toEqual([['incident', 'waiting'], ['VAULT_REJECTED']]);
    expect(outages.troubled()).toEqual(['b']);
  });

  test('a submission that is invalid by itself is an incident all the same', async () => {
    const { run, results } = aWorld({ limit: 0 });
    results.push(failing('SUBMISSION_INVALID'));
    await expect(run()).resolves.toMatchObject({ retries: 0 });
  });

  test('a task is tried its number of times before', async () => {
    const world = aWorld({ limit: 0 });
    world.results.push(failing('VAULT_UNAVAILABLE'));
    await expect(world.run()).resolves.toMatchObject({ retries: 2, retryTimeoutMs: 5_000 });
    expect(world.metrics.ended).toEqual(['retry']);
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

describe('a suspect', () => {
  const suspect = { source: JSON.stringify({ form: 'site-visit', case: 'BF-1', suspect: true }) };

  test('is an incident without being run', async () => {
    const { run, kept } = aWorld();
    await expect(run(suspect)).resolves.toMatchObject({
      kind: 'fail',
      retries: 0,
      errorMessage: expect.stringMatching(/^UNEXPECTED: .*ended twice \(form site-visit, case BF-1\)\. Look for /),
    });
    expect(kept).toEqual([]);
  });

  test('is an incident however many others there are: after a wait it would be run without a person', async () => {
    const { run } = aWorld({ limit: 0 });
    await expect(run(suspect)).resolves.toMatchObject({ retries: 0 });
  });

  test('that a person retries is run while its incident stands, so that it ends no third process unseen', async () => {
    const { run, kept, said } = aWorld();
    await expect(run({ ...suspect, retries: 1 })).resolves.toEqual({ kind: 'complete' });
    expect([said, kept]).toEqual([['retries of task-1 to 0'], ['change']]);
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
