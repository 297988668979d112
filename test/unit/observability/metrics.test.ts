import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FAILURES } from '../../../src/errors.ts';
import { createMetrics, type Gauges } from '../../../src/observability/metrics.ts';

const calm: Gauges = {
  feedLagSeconds: () => 0.5,
  openIncidents: () => 3,
  isLeader: () => true,
  consecutiveFailures: () => ({ feed: 0, worker: 2, watchdog: 0, lease: 0, index: 0, audit: 0 }),
};

/** The samples of one metric, as `labels value`. */
async function samplesOf(metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  const lines = (await metrics.render()).split('\n');
  return lines.filter((line) => new RegExp(`^${name}[{ ]`).test(line)).map((line) => line.slice(name.length).trim());
}

describe('counters', () => {
  test('count what they are told', async () => {
    const metrics = createMetrics();
    metrics.rowsRead('variable_updates', 'new', 7);
    metrics.vaultBytes('attachment', 1024);
    metrics.incidentRaised('FORM_UNKNOWN');
    metrics.lockLost('convention-variable');
    metrics.changeEnded('user-task-completed', 'retry', null);

    const text = await metrics.render();

    expect(text).toContain('formvault_feed_rows_total{feed="variable_updates",result="new"} 7\n');
    expect(text).toContain('formvault_vault_bytes_total{kind="attachment"} 1024\n');
    expect(text).toContain('formvault_incidents_total{code="FORM_UNKNOWN"} 1\n');
    expect(text).toContain('formvault_locks_lost_total{topic="convention-variable"} 1\n');
    expect(text).toContain('formvault_changes_total{topic="user-task-completed",outcome="retry"} 1\n');
  });

  test('stand at 0 from the start, for each value of their labels', async () => {
    const metrics = createMetrics();

    await expect(samplesOf(metrics, 'formvault_changes_total')).resolves.toHaveLength(2 * 8);
    await expect(samplesOf(metrics, 'formvault_vault_write_duration_seconds_count')).resolves.toEqual([
      '{result="persisted"} 0',
      '{result="unchanged"} 0',
      '{result="failed"} 0',
    ]);
    await expect(samplesOf(metrics, 'formvault_incidents_total')).resolves.toEqual(
      Object.keys(FAILURES).map((code) => `{code="${code}"} 0`),
    );
  });
});

describe('durations', () => {
  test('are counted in buckets', async () => {
    const metrics = createMetrics();
    metrics.changeEnded('user-task-completed', 'persisted', 0.3);
    metrics.lookedUp('form_api', 'failed', 12);
    metrics.vaultWritten('unchanged', 0.004);

    const text = await metrics.render();

    expect(text).toContain('formvault_change_duration_seconds_bucket{le="0.25",outcome="persisted"} 0\n');
    expect(text).toContain('formvault_change_duration_seconds_bucket{le="0.5",outcome="persisted"} 1\n');
    expect(text).toContain('formvault_lookup_duration_seconds_sum{lookup="form_api",result="failed"} 12\n');
    expect(text).toContain('formvault_vault_write_duration_seconds_bucket{le="0.005",result="unchanged"} 1\n');
  });

  test('that are not known leave only the count of the outcome', async () => {
    const metrics = createMetrics();
    metrics.changeEnded('convention-variable', 'handed_over', null);

    const text = await metrics.render();

    expect(text).toContain('formvault_changes_total{topic="convention-variable",outcome="handed_over"} 1\n');
    expect(text).toContain('formvault_change_duration_seconds_count{outcome="handed_over"} 0\n');
  });

  test('that are no measure are left out, and never thrown at the one who measures', async () => {
    const notMeasures = fc.oneof(fc.constantFrom(Number.NaN, Infinity, -Infinity), fc.double({ max: -1e-300 }));
    await fc.assert(
      fc.asyncProperty(notMeasures, async (value) => {
        const metrics = createMetrics();
        metrics.rowsRead('finished_tasks', 'seen', value);
        metrics.lookedUp('engine', 'ok', value);
        metrics.vaultWritten('persisted', value);
        metrics.vaultBytes('submission', value);
        metrics.changeEnded('convention-variable', 'persisted', value);

        const text = await metrics.render();

        expect(text).toContain('formvault_feed_rows_total{feed="finished_tasks",result="seen"} 0\n');
        expect(text).toContain('formvault_lookup_duration_seconds_count{lookup="engine",result="ok"} 0\n');
        expect(text).toContain('formvault_vault_bytes_total{kind="submission"} 0\n');
      }),
      { numRuns: 10 },
    );
  });
});

describe('gauges', () => {
  test('are read anew each time the metrics are', async () => {
    const metrics = createMetrics();
    let lag = 1;
    metrics.watch({ ...calm, feedLagSeconds: () => lag });

    await expect(samplesOf(metrics, 'formvault_feed_lag_seconds')).resolves.toEqual(['1']);
    lag = 2;

    await expect(samplesOf(metrics, 'formvault_feed_lag_seconds')).resolves.toEqual(['2']);
    await expect(samplesOf(metrics, 'formvault_open_incidents')).resolves.toEqual(['3']);
    await expect(samplesOf(metrics, 'formvault_is_leader')).resolves.toEqual(['1']);
    await expect(samplesOf(metrics, 'formvault_consecutive_failures')).resolves.toEqual([
      '{loop="feed"} 0',
      '{loop="worker"} 2',
      '{loop="watchdog"} 0',
      '{loop="lease"} 0',
      '{loop="index"} 0',
      '{loop="audit"} 0',
    ]);
  });

  test('that are not known have no sample, also when they were known before', async () => {
    const metrics = createMetrics();
    let open: number | null = 3;
    metrics.watch({ ...calm, openIncidents: () => open });
    await metrics.render();

    open = null;

    await expect(samplesOf(metrics, 'formvault_open_incidents')).resolves.toEqual([]);
  });

  test('have no sample before anybody is watched', async () => {
    const metrics = createMetrics();

    for (const name of ['feed_lag_seconds', 'open_incidents', 'is_leader', 'consecutive_failures']) {
      await expect(samplesOf(metrics, `formvault_${name}`)).resolves.toEqual([]);
    }
  });

  test('that throw have no sample, and the others have', async () => {
    const metrics = createMetrics();
    const fail = () => {
      throw new Error('not now');
    };
    metrics.watch({ ...calm, feedLagSeconds: fail, consecutiveFailures: fail });

    await expect(samplesOf(metrics, 'formvault_feed_lag_seconds')).resolves.toEqual([]);
    await expect(samplesOf(metrics, 'formvault_consecutive_failures')).resolves.toEqual([]);
    await expect(samplesOf(metrics, 'formvault_open_incidents')).resolves.toEqual(['3']);
  });
});

test('the metrics of the process are among them', async () => {
  const text = await createMetrics().render();

  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
});

test('two sets of metrics know nothing of each other', async () => {
  const [first, second] = [createMetrics(), createMetrics()];
  first.lockLost('user-task-completed');

  await expect(samplesOf(second, 'formvault_locks_lost_total')).resolves.toContain('{topic="user-task-completed"} 0');
});

test('every metric has a help text, a unit or a count in its name, and `_total` on counters only', async () => {
  const text = await createMetrics().render();
  const metrics = [...text.matchAll(/^# HELP (formvault_\w+) (.+)\n# TYPE \1 (\w+)$/gm)];

  expect(metrics).toHaveLength(12);
  for (const [, name = '', help, type] of metrics) {
    expect(help).toMatch(/\w{3}/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name.endsWith('_duration_seconds')).toBe(type === 'histogram');
  }
});
