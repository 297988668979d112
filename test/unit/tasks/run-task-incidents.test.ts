import { describe, expect, test } from '@jest/globals';
import { causeOf } from '../../../src/incidents/incident-message.ts';
import { createTaskRunner } from '../../../src/tasks/run-task.ts';
import { aRunnerWorld, failing, type RunnerWorld } from '../../support/builders-runner.ts';

const aWorld = (given?: RunnerWorld) => aRunnerWorld(createTaskRunner, given);

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
        /^FormvaultError BUCKET_MISSING: could not do it\n.*bucket: b\n.* {4}at .*Caused by: Error: NoSuchBucket\n {4}at /s,
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
