/** A pipeline over a store in memory, whose writes and preparations a test can hold up and let fail. */
import { FormvaultError } from '../../src/errors.ts';
import { createMemoryObjectStore } from '../../src/object-store/memory-object-store.ts';
import type { createPipeline } from '../../src/pipeline/pipeline.ts';
import type { PreparedChange } from '../../src/pipeline/prepare-changes.ts';
import type { Processing } from '../../src/pipeline/process-submission.ts';
import type { Change, VariableChange } from '../../src/submission/change.ts';
import { type Found, splitConvention } from '../../src/submission/split-convention.ts';
import { aVariableChange } from './builders.ts';
import { createRememberingLog } from './builders-log.ts';

const BUCKET = 'dev-cop-case';

/** A change with a complete submission for each name. */
export function aNamedChange(ref: string, forms: unknown[] = [ref], given: { text?: string } = {}): VariableChange {
  const json = forms.map((name) => ({ form: { name, submittedBy: 'anna', submissionDate: '2024-02-29' } }));
  return aVariableChange({ ref: `detail/${ref}`, json, ...given });
}

export function aPipelineWorld(create: typeof createPipeline, { concurrency = 4 } = {}) {
  const memory = createMemoryObjectStore(BUCKET);
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
  let writing = 0;
  let mostWriting = 0;
  const processing: Processing = {
    store: {
      ...memory,
      async putIfAbsent(object, signal) {
        const form = object.key.split('/')[1] ?? '';
        mostWriting = Math.max(mostWriting, ++writing);
        try {
          await gates.get(form);
          if (signal.aborted) throw new FormvaultError('SHUTTING_DOWN', 'could not write an object');
          if (failures.has(form)) throw failures.get(form);
          written.push(form);
          return await memory.putIfAbsent(object, signal);
        } finally {
          writing--;
        }
      },
    },
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
    log,
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
                  model: { product: null, keepNothing: false, userTasks: new Map() },
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
  const submit = (...changes: Change[]) =>
    pipeline.submit(changes, ({ ref }) => finished.push(ref), {
      abort: abort.signal,
      stopRetrying: stopRetrying.signal,
    });
  const outcomes = () => log.lines.flatMap(({ fields }) => fields.outcome ?? []);
  return {
    pipeline,
    submit,
    finished,
    written,
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
