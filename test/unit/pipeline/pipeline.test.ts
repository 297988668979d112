import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { PreparedChange } from '../../../src/pipeline/prepare-changes.ts';
import type { Processing } from '../../../src/pipeline/process-submission.ts';
import type { Change } from '../../../src/submission/change.ts';
import { splitConvention } from '../../../src/submission/split-convention.ts';
import { aVariableChange, NOON_MS } from '../../support/builders.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { createVirtualTime } from '../../support/builders-time.ts';

let time = createVirtualTime(NOON_MS);
jest.unstable_mockModule('../../../src/time/pause.ts', () => ({
  pause: (ms: number, signal: AbortSignal) => time.pause(ms, signal),
}));
const { createPipeline } = await import('../../../src/pipeline/pipeline.ts');

const BUCKET = 'dev-cop-case';
const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object');
const denied = new FormvaultError('VAULT_REJECTED', 'could not write an object');
const running: AbortController[] = [];

beforeEach(() => {
  time = createVirtualTime(NOON_MS);
});

afterEach(async () => {
  for (const each of running.splice(0)) each.abort();
  await time.runUntil(time.nowMs());
});

/** A change with a complete submission for each name. */
function aChange(ref: string, forms: unknown[] = [ref], given: { text?: string } = {}) {
  const json = forms.map((name) => ({ form: { name, submittedBy: 'anna', submissionDate: '2024-02-29' } }));
  return aVariableChange({ ref: `detail/${ref}`, json, ...given });
}

function aWorld({ concurrency = 4 } = {}) {
  const memory = createMemoryObjectStore(BUCKET);
  const failures = new Map<string, unknown>();
  const gates = new Map<string, Promise<void>>();
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
  const unprepared = new Map<string, unknown>();
  const prepared: string[][] = [];
  const log = createRememberingLog();
  const pipeline = createPipeline({
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
                found: change.kind === 'variable' ? splitConvention(change) : [],
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
  running.push(abort, stopRetrying);
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
    gates,
    unprepared,
    prepared,
    log,
    outcomes,
    abort,
    stopRetrying,
    mostWriting: () => mostWriting,
  };
}

const passSeconds = (seconds: number) => time.runUntil(time.nowMs() + seconds * 1000);

describe('a change', () => {
  test('is finished when each of its submissions is kept', async () => {
    const { submit, finished, written, gates } = aWorld();
    let open = (): void => undefined;
    gates.set(
      'b',
      new Promise((resolve) => {
        open = () => resolve();
      }),
    );
    await submit(aChange('1', ['a', 'b']));
    await passSeconds(1);
    expect([written, finished]).toEqual([['a'], []]);
    open();
    await passSeconds(1);
    expect([written, finished]).toEqual([['a', 'b'], ['detail/1']]);
  });

  test('that holds nothing for the vault is finished at once', async () => {
    const { submit, finished } = aWorld();
    await submit(aChange('1', [], { text: '{}' }));
    expect(finished).toEqual(['detail/1']);
  });

  test('that was kept before is unchanged, and finished', async () => {
    const { submit, finished, outcomes } = aWorld();
    await submit(aChange('1', ['a']));
    await passSeconds(1);
    await submit(aChange('1', ['a']));
    await passSeconds(1);
    expect(outcomes()).toEqual(['persisted', 'unchanged']);
    expect(finished).toEqual(['detail/1', 'detail/1']);
  });
});

describe('a passing fault', () => {
  test('is tried again with growing pauses until the submission is kept', async () => {
    const { submit, finished, failures, outcomes } = aWorld();
    failures.set('a', away);
    await submit(aChange('1', ['a']));
    await passSeconds(300);
    expect(finished).toEqual([]);
    expect(outcomes().length).toBeGreaterThan(8);
    expect(outcomes().length).toBeLessThan(25);
    expect(new Set(outcomes())).toEqual(new Set(['retry']));
    failures.clear();
    await passSeconds(40);
    expect(finished).toEqual(['detail/1']);
  });

  test('keeps its slot, so that the feed comes to a stand behind an outage', async () => {
    const { submit, failures } = aWorld({ concurrency: 2 });
    const changes = Array.from({ length: 400 }, (_, each) => aChange(`${each}`));
    for (const { ref } of changes) failures.set(ref.slice('detail/'.length), away);
    let isTaken = false;
    void submit(...changes).then(() => {
      isTaken = true;
    });
    await passSeconds(60);
    expect(isTaken).toBe(false);
    failures.clear();
    await passSeconds(60);
    expect(isTaken).toBe(true);
  });
});

describe('a failure that needs a person', () => {
  test('waits without a slot and is tried again now and then, while the others go on', async () => {
    const { submit, finished, failures, pipeline } = aWorld({ concurrency: 1 });
    failures.set('bad', denied);
    await submit(aChange('bad'), aChange('good'));
    await passSeconds(1);
    expect(finished).toEqual(['detail/good']);
    expect(pipeline.waiting()).toBe(1);
    failures.clear();
    await passSeconds(300);
    expect(finished).toEqual(['detail/good', 'detail/bad']);
    expect(pipeline.waiting()).toBe(0);
  });

  test('holds up its own change only: good submissions beside an invalid one are kept, once', async () => {
    const { submit, finished, written } = aWorld();
    await submit(aChange('1', ['a', { typed: 'Mrs Smith' }, 'b']), aChange('2', ['c']));
    await passSeconds(2_000);
    expect(written.sort()).toEqual(['a', 'b', 'c']);
    expect(finished).toEqual(['detail/2']);
  });

  test('is logged with its code and never with what a person typed', async () => {
    const { submit, log } = aWorld();
    await submit(aChange('1', [{ typed: 'Mrs Smith' }]));
    await passSeconds(1);
    expect(log.lines).toMatchObject([{ level: 'error', fields: { code: 'SUBMISSION_INVALID', outcome: 'waiting' } }]);
    expect(JSON.stringify(log.lines)).not.toContain('Smith');
  });

  test('brings the feed to a stand when a thousand changes wait', async () => {
    const { submit, failures } = aWorld();
    const changes = Array.from({ length: 1_100 }, (_, each) => aChange(`${each}`, ['bad']));
    failures.set('bad', denied);
    let isTaken = false;
    for (const change of changes) await Promise.race([submit(change), passSeconds(0.05)]);
    void submit(aChange('last')).then(() => {
      isTaken = true;
    });
    await passSeconds(2);
    expect(isTaken).toBe(false);
  });
});

describe('an end', () => {
  test('aborts runs without finishing their changes', async () => {
    const { submit, finished, gates, abort, stopRetrying, pipeline } = aWorld();
    let open = (): void => undefined;
    gates.set(
      'a',
      new Promise((resolve) => {
        open = () => resolve();
      }),
    );
    await submit(aChange('1', ['a']));
    stopRetrying.abort();
    abort.abort();
    open();
    await passSeconds(1);
    expect(finished).toEqual([]);
    expect(pipeline.inFlight()).toBe(0);
  });

  test.each(['abort', 'stopRetrying'] as const)(
    'by %s alone finishes no change that is not kept as a whole',
    async (name) => {
      const world = aWorld({ concurrency: 1 });
      let open = (): void => undefined;
      world.gates.set(
        'a',
        new Promise((resolve) => {
          open = () => resolve();
        }),
      );
      world.failures.set('b', away);
      await world.submit(aChange('1', ['a', 'b', 'c']));
      world[name].abort();
      open();
      await passSeconds(5);
      expect(world.finished).toEqual([]);
    },
  );

  test('tries nothing a second time, and lets what runs reach its outcome', async () => {
    const { submit, finished, failures, stopRetrying, outcomes, pipeline } = aWorld();
    failures.set('a', away);
    await submit(aChange('1', ['a']), aChange('2', ['b']), aChange('3', [{}]));
    await passSeconds(1);
    const before = outcomes().length;
    stopRetrying.abort();
    await passSeconds(60);
    expect(outcomes()).toHaveLength(before + 1); // the attempt that its pause was cut short for
    expect(finished).toEqual(['detail/2']);
    expect(pipeline.inFlight()).toBe(0);
  });

  test('waits for what is in flight, and no longer than until the deadline', async () => {
    const { submit, gates, pipeline } = aWorld();
    let open = (): void => undefined;
    gates.set(
      'a',
      new Promise((resolve) => {
        open = () => resolve();
      }),
    );
    await submit(aChange('1', ['a']));
    const deadline = new AbortController();
    let drained = 0;
    void pipeline.drain(deadline.signal).then(() => drained++);
    void pipeline.drain(new AbortController().signal).then(() => drained++);
    await passSeconds(100);
    expect(drained).toBe(0);
    deadline.abort();
    await passSeconds(0);
    expect(drained).toBe(1);
    open();
    await passSeconds(0);
    expect(drained).toBe(2);
    expect(time.sleeping()).toBe(0);
  });
});

describe('the number of submissions in flight', () => {
  test('is limited, also within one variable', async () => {
    const { submit, mostWriting, finished } = aWorld({ concurrency: 3 });
    await submit(
      aChange(
        '1',
        Array.from({ length: 40 }, (_, each) => `f${each}`),
      ),
      aChange('2'),
      aChange('3'),
    );
    await passSeconds(1);
    expect(mostWriting()).toBe(3);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2', 'detail/3']);
  });

  test('counts what it holds in memory: no more than 64 MB of variables', async () => {
    const { submit, gates } = aWorld();
    gates.set('a', new Promise(() => undefined));
    const large = aChange('1', ['a']);
    const changes = Array.from({ length: 8 }, (_, each) => ({
      ...large,
      ref: `detail/${each}` as const,
      text: large.text + ' '.repeat(20_000_000),
    }));
    let taken = 0;
    void (async () => {
      for (const change of changes) {
        await submit(change);
        taken++;
      }
    })();
    await passSeconds(10);
    expect(taken).toBeLessThanOrEqual(4);
  });
});

describe('a batch', () => {
  test('that cannot be read now is read again', async () => {
    const { submit, finished, unprepared } = aWorld();
    unprepared.set('detail/1', new FormvaultError('ENGINE_UNAVAILABLE', 'could not read'));
    void submit(aChange('1'), aChange('2'));
    await passSeconds(100);
    expect(finished).toEqual([]);
    unprepared.clear();
    await passSeconds(40);
    expect(finished.sort()).toEqual(['detail/1', 'detail/2']);
  });

  test('of which the engine refuses one change is kept but for that one, which is tried again', async () => {
    const { submit, finished, unprepared } = aWorld();
    unprepared.set('detail/2', new FormvaultError('ENGINE_REJECTED', 'could not read'));
    await submit(aChange('1'), aChange('2'), aChange('3'));
    await passSeconds(2);
    expect(finished.sort()).toEqual(['detail/1', 'detail/3']);
    unprepared.clear();
    await passSeconds(400);
    expect(finished).toContain('detail/2');
  });

  test('that is read while it ends is left to the next start', async () => {
    const { submit, finished, unprepared, stopRetrying } = aWorld();
    unprepared.set('detail/1', new FormvaultError('ENGINE_UNAVAILABLE', 'could not read'));
    const taken = submit(aChange('1'));
    await passSeconds(1);
    stopRetrying.abort();
    await expect(taken).resolves.toBeUndefined();
    expect(finished).toEqual([]);
  });
});
