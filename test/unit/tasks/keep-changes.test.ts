import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { createOutages } from '../../../src/pipeline/outages.ts';
import type { Asked, PreparedChange, Topic } from '../../../src/pipeline/prepare-changes.ts';
import type { Change, TaskChange, VariableChange } from '../../../src/submission/change.ts';
import { splitConvention } from '../../../src/submission/split-convention.ts';
import { createKeepChanges } from '../../../src/tasks/keep-changes.ts';
import { aTaskChange, NOON_MS } from '../../support/builders.ts';
import { aLockedTask } from '../../support/builders-external-tasks.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { aNamedChange, BUCKET, createRememberingMetrics } from '../../support/builders-pipeline.ts';

type World = {
  /** What the history of a process instance answers while it is away. */
  faults?: unknown[];
  variables?: VariableChange[];
  tasks?: TaskChange[];
  topicOf?: (change: Change) => Topic;
};

function aWorld({ faults = [], variables = [], tasks = [], topicOf = () => 'convention-variable' }: World = {}) {
  const memory = createMemoryObjectStore(BUCKET);
  const abort = new AbortController();
  const failures = new Map<string, unknown>();
  const written: string[] = [];
  const asked: Asked[] = [];
  const read: string[] = [];
  const rowsAskedFor: number[] = [];
  let writing = 0;
  let mostWriting = 0;
  const page = <T extends Change>(
    changes: T[],
    { fromMs, toMs }: { fromMs: number; toMs: number },
    maxRows: number,
  ) => {
    const inside = changes.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs).slice(0, maxRows);
    return { bytes: 0, rows: inside.map((change) => ({ id: change.ref, timeMs: change.timeMs, change })) };
  };
  const keep = createKeepChanges({
    history: {
      findVariableChange: async (id) => variables.find(({ ref }) => ref === `detail/${id}`) ?? null,
      findLastValue: async () => variables.at(-1) ?? null,
      findTaskChange: async (id) => tasks.find(({ ref }) => ref === `task/${id}`) ?? null,
      async readVariableChangesOf(id, window, maxRows) {
        read.push(`variables of ${id}`);
        rowsAskedFor.push(maxRows);
        if (faults.length > 0) throw faults.shift();
        return page(variables, window, maxRows);
      },
      async readTaskChangesOf(id, window, maxRows) {
        read.push(`tasks of ${id}`);
        return page(tasks, window, maxRows);
      },
    },
    preparation: {
      async prepare(changes, signal, how = 'implicitly') {
        if (signal.aborted) throw new FormvaultError('SHUTTING_DOWN', 'could not read');
        asked.push(how);
        return {
          ignored: [],
          changes: changes.map(
            (change): PreparedChange => ({
              change,
              topic: topicOf(change),
              found: splitConvention(change.kind === 'variable' ? change : aNamedChange(change.task.id)),
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
    processing: {
      store: {
        ...memory,
        async putIfAbsent(object, signal) {
          const form = object.key.split('/')[1] ?? '';
          mostWriting = Math.max(mostWriting, ++writing);
          try {
            if (failures.has(form)) throw failures.get(form);
            const answer = await memory.putIfAbsent(object, signal);
            written.push(form);
            return answer;
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
        models: { readLatest: async () => ({ product: null, keepNothing: false, userTasks: new Map() }) },
      },
    },
    outages: createOutages({ limit: 50, onRecovered() {}, onStandStill() {}, onGoesOn() {} }),
    log: createRememberingLog(),
    metrics: createRememberingMetrics(),
  });
  return {
    keepChange: (businessKey: string | null, retries: number | null = null) =>
      keep.keepChange(aLockedTask({ businessKey, retries }), abort.signal),
    keepInstance: (topic: Topic, retries: number | null = null) =>
      keep.keepInstance(
        aLockedTask({ topic, retries, processInstanceId: 'p-1', processDefinitionKey: 'visit' }),
        abort.signal,
      ),
    abort,
    failures,
    written,
    asked,
    read,
    rowsAskedFor,
    mostWriting: () => mostWriting,
  };
}

const away = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object', { context: { bucket: BUCKET } });

describe('the change of a task of our own process', () => {
  test('is read again by its reference, and kept', async () => {
    const { keepChange, written, asked } = aWorld({
      variables: [aNamedChange('1', ['a', 'b']), aNamedChange('2')],
      tasks: [aTaskChange()],
    });
    await expect(keepChange('detail/1')).resolves.toBeNull();
    await expect(keepChange('task/t-1')).resolves.toBeNull();
    expect([written, asked]).toEqual([
      ['a', 'b', 't-1'],
      ['implicitly', 'implicitly'],
    ]);
  });

  test('that is kept already is no failure', async () => {
    const { keepChange } = aWorld({ variables: [aNamedChange('1')] });
    await keepChange('detail/1');
    await expect(keepChange('detail/1')).resolves.toBeNull();
  });

  test('that the history no longer has is SOURCE_GONE, which no waiting mends', async () => {
    const { keepChange } = aWorld();
    for (const ref of ['detail/1', 'task/t-1']) {
      await expect(keepChange(ref)).resolves.toMatchObject({
        error: { code: 'SOURCE_GONE', context: { ref } },
        cause: null,
      });
    }
  });

  test.each([null, '', 'BF-1', 'detail', 'detail/', 'tasks/1', ' task/1', 'case/task/1'])(
    'cannot be told where the business key is %p, which is said to the person who started it',
    async (businessKey) => {
      const failure = await aWorld().keepChange(businessKey);
      const error = { code: 'SUBMISSION_INVALID', hint: expect.stringContaining('business key') };
      expect(failure).toMatchObject({ error, cause: null });
    },
  );

  test('keeps its good submissions where others of it fail', async () => {
    const { keepChange, failures, written } = aWorld({ variables: [aNamedChange('1', ['a', 'b', 'c'])] });
    failures.set('b', away);
    await expect(keepChange('detail/1')).resolves.toMatchObject({
      error: { code: 'VAULT_UNAVAILABLE' },
      about: { form: 'b', caseId: 'KEY' },
      cause: { code: 'VAULT_UNAVAILABLE', target: BUCKET },
    });
    expect(written).toEqual(['a', 'c']);
  });

  test('fails with what no waiting mends, where there is such a failure among others', async () => {
    const { keepChange, failures } = aWorld({ variables: [aNamedChange('1', ['a', { typed: 'Mrs Smith' }])] });
    failures.set('a', away);
    await expect(keepChange('detail/1')).resolves.toMatchObject({ error: { code: 'SUBMISSION_INVALID' }, cause: null });
  });

  test('with very many submissions has some in work at a time', async () => {
    const forms = Array.from({ length: 60 }, (_, each) => `f${each}`);
    const { keepChange, mostWriting, written } = aWorld({ variables: [aNamedChange('1', forms)] });
    await expect(keepChange('detail/1')).resolves.toBeNull();
    expect(written).toHaveLength(60);
    expect(mostWriting()).toBeLessThanOrEqual(4);
  });
});

describe('a task of our own process that a person retries', () => {
  const bad = aNamedChange('1', [{ typed: 'Mrs Smith' }]);
  const removed = aNamedChange('2', [], { text: '' });

  test('is kept by what its variable holds by now, also where that is kept already', async () => {
    const { keepChange, written } = aWorld({ variables: [bad, aNamedChange('2')] });
    await expect(keepChange('detail/1', 1)).resolves.toBeNull();
    await expect(keepChange('detail/1', 1)).resolves.toBeNull();
    expect(written).toEqual(['2', '2']);
  });

  test.each([
    ['was removed', removed],
    ['holds no submission any more', aNamedChange('2', [], { text: '{"visits":3}' })],
  ])('fails as before where its variable %s: nothing of it is kept', async (_, last) => {
    const { keepChange, written } = aWorld({ variables: [bad, last] });
    const error = { code: 'SUBMISSION_INVALID' };
    await expect(keepChange('detail/1', 1)).resolves.toMatchObject({ error, cause: null });
    expect(written).toEqual([]);
  });

  test('fails with what its variable fails with by now', async () => {
    const { keepChange, failures } = aWorld({ variables: [bad, aNamedChange('2')] });
    failures.set('2', away);
    await expect(keepChange('detail/1', 1)).resolves.toMatchObject({ error: { code: 'VAULT_UNAVAILABLE' } });
  });
});

describe('a task that is interrupted', () => {
  test('never passes for one whose change is kept', async () => {
    const forms = Array.from({ length: 60 }, (_, each) => `f${each}`);
    for (let after = 0; after < 12; after++) {
      const { keepChange, written, abort } = aWorld({ variables: [aNamedChange('1', forms)] });
      const kept = keepChange('detail/1').then(
        (failure) => failure ?? 'kept',
        () => 'thrown',
      );
      for (let each = 0; each < after * 5; each++) await Promise.resolve();
      abort.abort(new FormvaultError('SHUTTING_DOWN', 'could not end'));
      expect(await kept).not.toBe('kept');
      expect(written.length).toBeLessThan(60);
    }
  });
});

describe('a checkpoint', () => {
  const ofTasks = (change: Change): Topic =>
    change.kind === 'task' || change.ref === 'detail/in-task' ? 'user-task-completed' : 'convention-variable';
  const world: World = {
    variables: [aNamedChange('in-task'), aNamedChange('outside')],
    tasks: [aTaskChange()],
    topicOf: ofTasks,
  };

  test('keeps everything of its kind in its process instance, asked for explicitly', async () => {
    const ofUserTasks = aWorld(world);
    await expect(ofUserTasks.keepInstance('user-task-completed')).resolves.toBeNull();
    expect(ofUserTasks.written).toEqual(['in-task', 't-1']);
    expect(new Set(ofUserTasks.asked)).toEqual(new Set(['explicitly']));
    expect(new Set(ofUserTasks.read)).toEqual(new Set(['variables of p-1', 'tasks of p-1']));

    const ofOthers = aWorld(world);
    await expect(ofOthers.keepInstance('convention-variable')).resolves.toBeNull();
    expect(ofOthers.written).toEqual(['outside']);
    expect(new Set(ofOthers.read)).toEqual(new Set(['variables of p-1']));
  });

  test('keeps all of it, however many there are', async () => {
    const variables = Array.from({ length: 500 }, (_, each) =>
      aNamedChange(`v${each}`, [`f${each}`], { timeMs: NOON_MS + Math.floor(each / 60) }),
    );
    const { keepInstance, written } = aWorld({ variables });
    await expect(keepInstance('convention-variable')).resolves.toBeNull();
    expect(new Set(written).size).toBe(500);
  });

  test('whose data the engine fails to give asks for it by smaller pages the next time', async () => {
    const faults = [new FormvaultError('ENGINE_UNAVAILABLE', 'could not read')];
    const { keepInstance, rowsAskedFor } = aWorld({ variables: [aNamedChange('1')], faults });
    await expect(keepInstance('convention-variable')).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await expect(keepInstance('convention-variable')).resolves.toBeNull();
    expect(rowsAskedFor).toEqual([50, 25]);
  });

  test('of which something fails keeps the rest and fails', async () => {
    const { keepInstance, failures, written } = aWorld({ variables: [1, 2, 3].map((each) => aNamedChange(`${each}`)) });
    failures.set('2', away);
    await expect(keepInstance('convention-variable')).resolves.toMatchObject({ error: { code: 'VAULT_UNAVAILABLE' } });
    expect(written).toEqual(['1', '3']);
  });

  test('that a person retries takes what a variable holds by now in place of invalid data', async () => {
    const bad = [aNamedChange('1', [{ typed: 'Mrs Smith' }]), aNamedChange('2', [{ typed: 'Mr Smith' }])];
    const corrected = aWorld({ variables: [...bad, aNamedChange('3')] });
    await expect(corrected.keepInstance('convention-variable')).resolves.toMatchObject({ cause: null });
    await expect(corrected.keepInstance('convention-variable', 1)).resolves.toBeNull();
    expect(new Set(corrected.written)).toEqual(new Set(['3']));

    const error = { code: 'SUBMISSION_INVALID' };
    await expect(aWorld({ variables: bad }).keepInstance('convention-variable', 1)).resolves.toMatchObject({ error });
  });

  test('that a person retries fails as before where the variable was removed', async () => {
    const variables = [aNamedChange('1', [{ typed: 'Mrs Smith' }]), aNamedChange('2', [], { text: '' })];
    const error = { code: 'SUBMISSION_INVALID' };
    await expect(aWorld({ variables }).keepInstance('convention-variable', 1)).resolves.toMatchObject({ error });
  });

  test('that a person retries takes a correction that was written outside of the user task', async () => {
    const variables = [aNamedChange('in-task', [{ typed: 'Mrs Smith' }]), aNamedChange('outside')];
    const { keepInstance, written } = aWorld({ variables, topicOf: ofTasks });
    await expect(keepInstance('user-task-completed', 1)).resolves.toBeNull();
    expect(written).toEqual(['outside']);
  });

  test('in an instance without anything to keep is passed', async () => {
    await expect(aWorld().keepInstance('user-task-completed')).resolves.toBeNull();
  });
});
