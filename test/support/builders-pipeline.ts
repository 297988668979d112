/** A pipeline over a store and an engine in memory, whose writes, preparations and hand-overs a test can hold up and let fail. */
import type { EngineProcesses } from '../../src/engine/engine-processes.ts';
import { FormvaultError } from '../../src/errors.ts';
import { createMemoryObjectStore } from '../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../src/object-store/object-store.ts';
import { watchObjectStore } from '../../src/object-store/watched-object-store.ts';
import type { Metrics } from '../../src/observability/metrics.ts';
import { createEngineFaults } from '../../src/pipeline/engine-faults.ts';
import { createHandOver } from '../../src/pipeline/hand-over.ts';
import { createOutages } from '../../src/pipeline/outages.ts';
import type { createPipeline } from '../../src/pipeline/pipeline.ts';
import type { PreparedChange } from '../../src/pipeline/prepare-changes.ts';
import type { Processing } from '../../src/pipeline/process-submission.ts';
import type { Change, VariableChange } from '../../src/submission/change.ts';
import { type Found, splitConvention } from '../../src/submission/split-convention.ts';
import { aVariableChange } from './builders.ts';
import { createRememberingLog } from './builders-log.ts';

export const BUCKET = 'dev-cop-case';
/** Of the product `other`, which is that of every change in a process with this definition key. */
export const OTHER_BUCKET = 'dev-other';
export const OTHER_PROCESS = 'other';

/** What a test may say about a world; all of it has a default. */
export type PipelineWorld = {
  concurrency?: number;
  dispatch?: 'direct' | 'queue';
  outageLimit?: number;
  /** Where earlier leaders stood. */
  readAgainUntilMs?: number;
};

/** A change with a complete submission for each name. */
export function aNamedChange(
  ref: string,
  forms: unknown[] = [ref],
  given: Partial<VariableChange> = {},
): VariableChange {
  const json = forms.map((name) => ({ form: { name, submittedBy: 'anna', submissionDate: '2024-02-29' } }));
  return aVariableChange({ ref: `detail/${ref}`, json, ...given });
}

/** The engine's own processes: what was started, and requests that fail. */
export function createStartedProcesses() {
  const started = new Map<string, { key: string; source: unknown }>();
  const faults: { onLook: unknown; onStart: unknown; onAnswer: unknown } = {
    onLook: null,
    onStart: null,
    onAnswer: null,
  };
  let starts = 0;
  let gate = Promise.resolve();
  return {
    started,
    faults,
    /** Lets starts wait until the answer is called. */
    holdUp(): () => void {
      let open = (): void => undefined;
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return () => open();
    },
    /** How many instances were started, for one change or another. */
    starts: () => starts,
    processes: {
      async findStarted(_key: string, businessKeys: readonly string[]) {
        await Promise.resolve();
        if (faults.onLook !== null) throw faults.onLook;
        return new Set(businessKeys.filter((each) => started.has(each)));
      },
      async start({ key, businessKey, variables }: Parameters<EngineProcesses['start']>[0]) {
        await gate;
        if (faults.onStart !== null) throw faults.onStart;
        starts++;
        started.set(businessKey, { key, source: JSON.parse(String(variables.source?.value)) });
        if (faults.onAnswer !== null) throw faults.onAnswer;
        return `instance of ${businessKey}`;
      },
    },
  };
}

/** Metrics that remember how changes ended and which incidents were raised. */
export function createRememberingMetrics(): Metrics & { ended: string[]; raised: string[] } {
  const ended: string[] = [];
  const raised: string[] = [];
  const nothing = (): void => undefined;
  return {
    ended,
    raised,
    changeEnded: (_topic, outcome) => void ended.push(outcome),
    incidentRaised: (code) => void raised.push(code),
    rowsRead: nothing,
    lookedUp: nothing,
    vaultWritten: nothing,
    vaultBytes: nothing,
    lockLost: nothing,
    watch: nothing,
    render: async () => '',
    contentType: 'text/plain',
  };
}

export function aPipelineWorld(
  create: typeof createPipeline,
  { concurrency = 4, dispatch = 'direct', outageLimit = 50, readAgainUntilMs = 0 }: PipelineWorld = {},
) {
  const memory = createMemoryObjectStore(BUCKET, OTHER_BUCKET);
  const engine = createStartedProcesses();
  const metrics = createRememberingMetrics();
  const feed: string[] = [];
  const recovered: string[] = [];
  const outages = createOutages({
    limit: outageLimit,
    onRecovered: (target) => recovered.push(target),
    onStandStill: ({ code, target }) => feed.push(`stands still: ${code} ${target}`),
    onGoesOn: ({ cause: { target } }) => feed.push(`goes on: ${target}`),
  });
  /** By form, or by bucket. */
  const failures = new Map<string, unknown>();
  const gates = new Map<string, Promise<void>>();
  /** Holds the writes of a form up until the answer is called. */
  const holdUp = (form: string): (() => void) => {
    let open = (): void => undefined;
    gates.set(
      form,
      new Promise((resolve) => {
        open = resolve;
      }),
    );
    return () => open();
  };
  const written: string[] = [];
  const asked: string[] = [];
  let writing = 0;
  let mostWriting = 0;
  const store: ObjectStore = {
    ...memory,
    async putIfAbsent(object, signal) {
      const form = object.key.split('/')[1] ?? '';
      asked.push(form);
      mostWriting = Math.max(mostWriting, ++writing);
      try {
        await gates.get(form);
        if (signal.aborted) throw new FormvaultError('SHUTTING_DOWN', 'could not write an object');
        const failure = failures.get(form) ?? failures.get(object.bucket);
        if (failure !== undefined) throw failure;
        written.push(form);
        return await memory.putIfAbsent(object, signal);
      } finally {
        writing--;
      }
    },
  };
  const processing: Processing = {
    store: watchObjectStore(store, outages.attempt, metrics),
    createBuckets: false,
    origins: { note() {}, find: async () => null },
    userTasks: { remember() {}, readAll: async () => new Map() },
    enrichment: {
      environment: 'dev',
      defaultProduct: 'cop-case',
      formLookup: 'optional',
      forms: null,
      users: { findWriter: async () => null },
      definitions: { findRunningInstance: async () => null, findRunningInstanceByBusinessKey: async () => null },
      models: { readLatest: async () => ({ product: null, keepNothing: false, userTasks: new Map() }) },
    },
  };
  let foundSoFar = 0;
  function* countFound(change: VariableChange): Generator<Found> {
    for (const found of splitConvention(change)) {
      foundSoFar++;
      yield found;
    }
  }
  const unprepared = new Map<string, unknown>();
  const prepared: string[][] = [];
  const log = createRememberingLog();
  const pipeline = create({
    concurrency,
    dispatch,
    log,
    metrics,
    outages,
    engineFaults: createEngineFaults(async () => {
      if (engine.faults.onLook !== null) throw engine.faults.onLook;
    }),
    handOver: createHandOver(engine.processes),
    processing,
    preparation: {
      async prepare(changes) {
        prepared.push(changes.map(({ ref }) => ref));
        for (const { ref } of changes) if (unprepared.has(ref)) throw unprepared.get(ref);
        const isIgnored = (change: Change) => change.kind === 'variable' && change.text === '{}';
        return {
          ignored: changes.filter(isIgnored),
          changes: changes
            .filter((change) => !isIgnored(change))
            .map(
              (change): PreparedChange => ({
                change,
                topic: 'convention-variable',
                found: change.kind === 'variable' ? countFound(change) : [],
                circumstances: {
                  change,
                  userTask: null,
                  model: {
                    product: change.processDefinitionKey === OTHER_PROCESS ? 'other' : null,
                    keepNothing: false,
                    userTasks: new Map(),
                  },
                  case: { businessKey: 'KEY', caseId: 'KEY', processDefinitionId: null },
                },
              }),
            ),
        };
      },
    },
  });
  const abort = new AbortController();
  const stopRetrying = new AbortController();
  const finished: string[] = [];
  const term = { abort: abort.signal, stopRetrying: stopRetrying.signal, readAgainUntilMs };
  const finish = ({ ref }: Change) => void finished.push(ref);
  const submit = (...changes: Change[]) => pipeline.submit(changes, finish, term);
  const outcomes = () => log.lines.flatMap(({ fields }) => fields.outcome ?? []);
  return {
    pipeline,
    submit,
    term,
    finish,
    finished,
    /** Business keys of what was handed over, in order. */
    handedOver: () => [...engine.started.keys()],
    engine,
    outages,
    /** What was said of the feed. */
    feed,
    recovered,
    metrics,
    written,
    /** Forms of the writes that came to the store. */
    asked,
    failures,
    holdUp,
    unprepared,
    prepared,
    log,
    outcomes,
    abort,
    stopRetrying,
    mostWriting: () => mostWriting,
    /** How many submissions were taken out of their variables. */
    foundSoFar: () => foundSoFar,
  };
}
