/**
 * All metrics. `docs/METRICS.md`, the dashboard and the alert rules hold the same names and values of labels; a test
 * compares them.
 *
 * Labels are small closed sets, and every counter stands at 0 from the start: Prometheus sees no increase in a sample that
 * begins at 1. Measuring never fails: what calls it here is in the middle of keeping a submission.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { FAILURES, type FailureCode } from '../errors.ts';

const FEEDS = ['variable_updates', 'finished_tasks'] as const;
const ROWS = ['new', 'seen', 'foreign'] as const;
const TOPICS = ['user-task-completed', 'convention-variable'] as const;
const OUTCOMES = [
  'persisted',
  'unchanged',
  'ignored',
  'handed_over',
  'retry',
  'incident',
  'waiting',
  'interrupted',
] as const;
const LOOKUPS = ['engine', 'form_api'] as const;
const ANSWERS = ['ok', 'failed'] as const;
const WRITES = ['persisted', 'unchanged', 'failed'] as const;
const KINDS = ['submission', 'attachment'] as const;
const LOOPS = ['feed', 'worker', 'watchdog', 'lease', 'index', 'audit'] as const;
const CODES = Object.keys(FAILURES) as FailureCode[];

/** A request waits 30 s at most; a change may be tried again for longer. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const CHANGE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

type OneOf<Values extends readonly string[]> = Values[number];

/** Read when the metrics are; `null` leaves the sample out, and so does what throws. */
export type Gauges = {
  feedLagSeconds(): number | null;
  openIncidents(): number | null;
  isLeader(): boolean;
  /** How often each loop failed in a row. */
  consecutiveFailures(): Record<OneOf<typeof LOOPS>, number>;
};

export type Metrics = {
  rowsRead(feed: OneOf<typeof FEEDS>, result: OneOf<typeof ROWS>, rows: number): void;
  changeEnded(topic: OneOf<typeof TOPICS>, outcome: OneOf<typeof OUTCOMES>, seconds: number | null): void;
  lookedUp(lookup: OneOf<typeof LOOKUPS>, result: OneOf<typeof ANSWERS>, seconds: number): void;
  vaultWritten(result: OneOf<typeof WRITES>, seconds: number): void;
  vaultBytes(kind: OneOf<typeof KINDS>, bytes: number): void;
  incidentRaised(code: FailureCode): void;
  lockLost(topic: OneOf<typeof TOPICS>): void;
  watch(gauges: Gauges): void;
  /** In the text format of Prometheus. */
  render(): Promise<string>;
  contentType: string;
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  let watched: Gauges | null = null;

  const feedRows = new Counter({
    name: 'formvault_feed_rows_total',
    help: "Rows read from the engine's history",
    labelNames: ['feed', 'result'],
    registers,
  });
  const changes = new Counter({
    name: 'formvault_changes_total',
    help: 'Runs of a change, by how they ended',
    labelNames: ['topic', 'outcome'],
    registers,
  });
  const changeDuration = new Histogram({
    name: 'formvault_change_duration_seconds',
    help: 'Time from taking a change on to the end of a run of it',
    labelNames: ['outcome'],
    buckets: CHANGE_BUCKETS,
    registers,
  });
  const lookupDuration = new Histogram({
    name: 'formvault_lookup_duration_seconds',
    help: 'Time that a request for details took',
    labelNames: ['lookup', 'result'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const writeDuration = new Histogram({
    name: 'formvault_vault_write_duration_seconds',
    help: 'Time that writing an object to S3 took',
    labelNames: ['result'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const vaultBytes = new Counter({
    name: 'formvault_vault_bytes_total',
    help: 'Bytes written to S3',
    labelNames: ['kind'],
    registers,
  });
  const incidents = new Counter({
    name: 'formvault_incidents_total',
    help: 'Incidents raised in the engine',
    labelNames: ['code'],
    registers,
  });
  const locksLost = new Counter({
    name: 'formvault_locks_lost_total',
    help: 'External tasks whose lock was lost while they were worked on',
    labelNames: ['topic'],
    registers,
  });

  for (const feed of FEEDS) for (const result of ROWS) feedRows.inc({ feed, result }, 0);
  for (const outcome of OUTCOMES) {
    for (const topic of TOPICS) changes.inc({ topic, outcome }, 0);
    changeDuration.zero({ outcome });
  }
  for (const lookup of LOOKUPS) for (const result of ANSWERS) lookupDuration.zero({ lookup, result });
  for (const result of WRITES) writeDuration.zero({ result });
  for (const kind of KINDS) vaultBytes.inc({ kind }, 0);
  for (const code of CODES) incidents.inc({ code }, 0);
  for (const topic of TOPICS) locksLost.inc({ topic }, 0);

  function gauge(name: string, help: string, read: (gauges: Gauges) => number | null): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.remove();
        const value = watched === null ? null : orNull(read, watched);
        if (isMeasure(value)) this.set(value);
      },
    });
  }
  gauge('formvault_feed_lag_seconds', 'Age of the oldest change without an outcome', (now) => now.feedLagSeconds());
  gauge('formvault_open_incidents', 'Incidents of Formvault that stand in the engine', (now) => now.openIncidents());
  gauge('formvault_is_leader', '1 while this process follows the feed, else 0', (now) => (now.isLeader() ? 1 : 0));
  new Gauge({
    name: 'formvault_consecutive_failures',
    help: 'How often a loop has failed in a row',
    labelNames: ['loop'],
    registers,
    collect() {
      this.reset();
      const failures = watched === null ? null : orNull((now) => now.consecutiveFailures(), watched);
      if (failures === null) return;
      for (const loop of LOOPS) if (isMeasure(failures[loop])) this.set({ loop }, failures[loop]);
    },
  });
  collectDefaultMetrics({ register: registry });

  return {
    rowsRead(feed, result, rows) {
      if (isMeasure(rows)) feedRows.inc({ feed, result }, rows);
    },
    changeEnded(topic, outcome, seconds) {
      changes.inc({ topic, outcome });
      if (isMeasure(seconds)) changeDuration.observe({ outcome }, seconds);
    },
    lookedUp(lookup, result, seconds) {
      if (isMeasure(seconds)) lookupDuration.observe({ lookup, result }, seconds);
    },
    vaultWritten(result, seconds) {
      if (isMeasure(seconds)) writeDuration.observe({ result }, seconds);
    },
    vaultBytes(kind, bytes) {
      if (isMeasure(bytes)) vaultBytes.inc({ kind }, bytes);
    },
    incidentRaised(code) {
      incidents.inc({ code });
    },
    lockLost(topic) {
      locksLost.inc({ topic });
    },
    watch(gauges) {
      watched = gauges;
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function orNull<T>(read: (gauges: Gauges) => T, gauges: Gauges): T | null {
  try {
    return read(gauges);
  } catch {
    return null;
  }
}

/** The library throws at a counter that goes down, and at what is no number. */
function isMeasure(value: number | null): value is number {
  return value !== null && Number.isFinite(value) && value >= 0;
}
