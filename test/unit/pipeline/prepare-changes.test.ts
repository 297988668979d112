import { describe, expect, test } from '@jest/globals';
import type { VariableUpdate } from '../../../src/engine/history-rows.ts';
import { createOrigins } from '../../../src/enrichment/origins.ts';
import type { UserTaskModel } from '../../../src/enrichment/process-definition.ts';
import { createUserTasks } from '../../../src/enrichment/user-tasks.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { createPreparation, type Preparation } from '../../../src/pipeline/prepare-changes.ts';
import type { Change, UserTask } from '../../../src/submission/change.ts';
import { aTaskChange, aUserTask, aVariableChange, NOON_MS } from '../../support/builders.ts';

const { signal } = new AbortController();
const CONVENTION = '{"form":{"name":"a"}}';

type World = {
  capture?: Preparation['capture'];
  /** Written in the task's activity instance, by the history. */
  updates?: Partial<VariableUpdate>[];
  userTasks?: Record<string, UserTask>;
  fillIn?: Partial<UserTaskModel>;
  keepNothing?: boolean;
  /** The BPMN is gone, or cannot be read. */
  isModelGone?: boolean;
};

function aPreparation(given: World = {}) {
  const asked: string[] = [];
  const rowsAskedFor: number[] = [];
  const fillIn = {
    formKey: 'visit',
    formRef: null,
    hasFormFields: false,
    product: null,
    keepNothing: null,
    ...given.fillIn,
  };
  const model = {
    product: null,
    keepNothing: given.keepNothing ?? false,
    userTasks: new Map(given.isModelGone ? [] : [['fillIn', fillIn]]),
  };
  const faults: { ofUpdates: Error | null } = { ofUpdates: null };
  const preparation = createPreparation({
    capture: given.capture ?? 'forms',
    models: { read: async () => model },
    userTasks: createUserTasks({
      readUserTasks: async (ids) => {
        asked.push(`tasks ${ids.join()}`);
        return new Map(Object.entries(given.userTasks ?? {}).filter(([id]) => ids.includes(id)));
      },
    }),
    origins: createOrigins({ readEarlierValues: async () => ({ rows: [], bytes: 0 }) }),
    history: {
      readFile: async () => null,
      readProcessInstances: async (ids) => {
        asked.push(`instances ${ids.join()}`);
        return new Map(
          ids.map((id) => [
            id,
            { id, businessKey: `key of ${id}`, rootProcessInstanceId: null, processDefinitionId: null },
          ]),
        );
      },
      readUpdatesOf: async (ids, _window, maxRows) => {
        asked.push(`updates ${ids.join()}`);
        rowsAskedFor.push(maxRows);
        if (faults.ofUpdates !== null) throw faults.ofUpdates;
        const rows = (given.updates ?? []).map(
          (update, each): VariableUpdate => ({
            id: `u${each}`,
            timeMs: NOON_MS - 1,
            name: `v${each}`,
            type: 'Json',
            activityInstanceId: 'fillIn:a-1',
            value: '{}',
            serializationFormat: null,
            fileName: null,
            mimeType: null,
            ...update,
          }),
        );
        return { bytes: 0, rows: rows.map((change) => ({ id: change.id, timeMs: change.timeMs, change })) };
      },
    },
  });
  const prepare = async (...changes: Change[]) => {
    const { changes: kept, ignored } = await preparation.prepare(changes, signal);
    return { kept, keptRefs: kept.map(({ change }) => change.ref), ignored: ignored.map(({ ref }) => ref) };
  };
  return { preparation, prepare, asked, rowsAskedFor, faults };
}

const inTask = aVariableChange({ ref: 'detail/c', text: CONVENTION });
const task = aTaskChange();

describe('a variable update', () => {
  test('F7: belongs to the topic user-task-completed when a user task wrote it, else to convention-variable', async () => {
    const { prepare } = aPreparation({ userTasks: { 'fillIn:a-1': aUserTask() } });
    const outside = aVariableChange({ ref: 'detail/o', activityInstanceId: 'p-1', text: CONVENTION });
    const { kept } = await prepare(inTask, outside);
    expect(kept.map(({ topic, circumstances }) => [topic, circumstances.userTask?.id ?? null])).toEqual([
      ['user-task-completed', 't-1'],
      ['convention-variable', null],
    ]);
  });

  test('without convention data is ignored, at no request', async () => {
    const { prepare, asked } = aPreparation();
    const changes = ['{}', '', '{"forms":1}', 'not json', '{"form":null}'].map((text, each) =>
      aVariableChange({ ref: `detail/${each}`, text }),
    );
    expect((await prepare(...changes)).ignored).toHaveLength(5);
    expect(asked).toEqual([]);
  });

  test('that is invalid is kept in view: it is neither ignored nor lost', async () => {
    const { keptRefs, kept } = await aPreparation().prepare(aVariableChange({ ref: 'detail/x', text: '{"form":' }));
    expect(keptRefs).toEqual(['detail/x']);
    expect([...(kept[0]?.found ?? [])]).toMatchObject([{ invalid: { code: 'SUBMISSION_INVALID' } }]);
  });

  test('hands out all of its submissions, the first one too, and what its case is called', async () => {
    const { kept } = await aPreparation().prepare(aVariableChange({ text: `[${CONVENTION},${CONVENTION}]` }));
    expect([...(kept[0]?.found ?? [])]).toHaveLength(2);
    expect(kept[0]?.circumstances.case.businessKey).toBe('key of p-1');
  });

  test('is ignored where the process, or the task, says that nothing is to be kept', async () => {
    expect((await aPreparation({ keepNothing: true }).prepare(inTask, task)).keptRefs).toEqual([]);
    const ofTask = { fillIn: { keepNothing: true }, userTasks: { 'fillIn:a-1': aUserTask() } };
    expect((await aPreparation(ofTask).prepare(inTask)).ignored).toEqual(['detail/c']);
    const taskWins = { keepNothing: true, fillIn: { keepNothing: false }, userTasks: { 'fillIn:a-1': aUserTask() } };
    expect((await aPreparation(taskWins).prepare(inTask)).keptRefs).toEqual(['detail/c']);
  });
});

describe('what is asked for explicitly', () => {
  test('is kept also where the process, or the task, says that nothing is to be kept', async () => {
    for (const world of [{ keepNothing: true }, { fillIn: { keepNothing: true } }]) {
      const { preparation } = aPreparation(world);
      const { changes } = await preparation.prepare([inTask], signal, 'explicitly');
      expect(changes.map(({ change }) => change.ref)).toEqual(['detail/c']);
      const ofTask = await aPreparation(world).preparation.prepare([task], signal, 'explicitly');
      expect(ofTask.changes.map(({ change }) => change.ref)).toEqual(['task/t-1']);
    }
  });
});

describe('a completed task', () => {
  test('with a form is a submission of its own', async () => {
    const { kept } = await aPreparation({ updates: [{ name: 'a', value: '[1]' }] }).prepare(task);
    const [found] = [...(kept[0]?.found ?? [])];
    expect(found).toMatchObject({ submission: { source: 'task/t-1' } });
    expect(found !== undefined && 'submission' in found ? JSON.parse(found.submission.tree.text).data : null).toEqual({
      a: [1],
    });
  });

  test('F7: is none when convention data was written in it, which the feed brought along', async () => {
    const { prepare, asked } = aPreparation({ userTasks: { 'fillIn:a-1': aUserTask() } });
    expect(await prepare(task, inTask)).toMatchObject({ keptRefs: ['detail/c'], ignored: ['task/t-1'] });
    expect(asked.filter((each) => each.startsWith('updates'))).toEqual([]);
  });

  test('F7: is none when the feed brought the convention data along before', async () => {
    const { prepare } = aPreparation();
    await prepare(inTask);
    expect((await prepare(task)).ignored).toEqual(['task/t-1']);
  });

  test('F7: is none when only the history knows of the convention data, by whomever and whenever', async () => {
    for (const update of [{ value: CONVENTION }, { value: CONVENTION, timeMs: NOON_MS - 3_600_000 }]) {
      expect((await aPreparation({ updates: [{}, update] }).prepare(task)).ignored).toEqual(['task/t-1']);
    }
    const object = { type: 'Object', serializationFormat: 'application/json', value: CONVENTION };
    expect((await aPreparation({ updates: [object] }).prepare(task)).ignored).toEqual(['task/t-1']);
  });

  test('is a submission where what mentions a form is no JSON, no JSON variable, or no convention data', async () => {
    for (const update of [{ value: '{"form":' }, { value: CONVENTION, type: 'String' }, { value: '{"form":{}}' }]) {
      expect((await aPreparation({ updates: [update] }).prepare(task)).keptRefs).toEqual(['task/t-1']);
    }
    const { prepare } = aPreparation({ updates: [{ value: '{"form":' }] });
    await prepare(aVariableChange({ text: '{"form":' }));
    expect((await prepare(task)).keptRefs).toEqual(['task/t-1']);
  });

  test('is none by convention data of another activity instance', async () => {
    const { prepare } = aPreparation();
    await prepare(aVariableChange({ activityInstanceId: 'other:x', text: CONVENTION }));
    expect((await prepare(task)).keptRefs).toEqual(['task/t-1']);
  });

  test.each<[Preparation['capture'], Partial<UserTaskModel>, Partial<VariableUpdate>[], boolean]>([
    ['convention', { formKey: 'visit' }, [{}], false],
    ['forms', { formKey: 'visit' }, [], true],
    ['forms', { formKey: null, formRef: 'visit' }, [], true],
    ['forms', { formKey: null, hasFormFields: true }, [], true],
    ['forms', { formKey: null }, [{}], false],
    ['all', { formKey: null }, [{}], true],
    ['all', { formKey: null }, [], false],
    ['all', { formKey: 'visit' }, [], true],
  ])('CAPTURE=%s with the form %j and the updates %j: kept %p', async (capture, fillIn, updates, isKept) => {
    const { keptRefs, ignored } = await aPreparation({ capture, fillIn, updates }).prepare(task);
    expect([keptRefs, ignored]).toEqual(isKept ? [['task/t-1'], []] : [[], ['task/t-1']]);
  });
});

describe('a completed task that no BPMN tells of', () => {
  test('is kept where it wrote something, by the defaults: it may have had a form', async () => {
    const { kept } = await aPreparation({
      isModelGone: true,
      updates: [{ name: 'a', type: 'String', value: 'x' }],
    }).prepare(task);
    expect([...(kept[0]?.found ?? [])]).toMatchObject([{ submission: { source: 'task/t-1' } }]);
    expect(kept[0]?.circumstances.model.product).toBeNull();
  });

  test('is ignored where it wrote nothing, or convention data, or where only that is wanted', async () => {
    expect((await aPreparation({ isModelGone: true }).prepare(task)).ignored).toEqual(['task/t-1']);
    const convention: World = { isModelGone: true, updates: [{ value: CONVENTION }] };
    expect((await aPreparation(convention).prepare(task)).ignored).toEqual(['task/t-1']);
    const unwanted: World = { isModelGone: true, updates: [{}], capture: 'convention' };
    expect((await aPreparation(unwanted).prepare(task)).ignored).toEqual(['task/t-1']);
  });
});

describe('a batch', () => {
  test('F8: costs a request for each kind of lookup, not for each change', async () => {
    const { prepare, asked } = aPreparation();
    const changes = Array.from({ length: 20 }, (_, each) => [
      aVariableChange({
        ref: `detail/${each}`,
        processInstanceId: `p-${each}`,
        activityInstanceId: `call:${each}`,
        text: CONVENTION,
      }),
      aTaskChange({ processInstanceId: `p-${each}`, activityInstanceId: `fillIn:${each}`, task: { id: `t-${each}` } }),
    ]).flat();
    expect((await prepare(...changes)).kept).toHaveLength(40);
    expect(asked.map((each) => each.split(' ')[0])).toEqual(['tasks', 'updates', 'instances']);
  });

  test('that failed may be prepared again, by smaller pages, with the same result', async () => {
    const { prepare, faults, rowsAskedFor } = aPreparation();
    faults.ofUpdates = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read the data of tasks');
    const outside = aVariableChange({ ref: 'detail/o', activityInstanceId: 'p-1', text: CONVENTION });
    await expect(prepare(outside, task)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    faults.ofUpdates = null;
    const { kept, keptRefs } = await prepare(outside, task);
    expect(keptRefs).toEqual(['detail/o', 'task/t-1']);
    expect(rowsAskedFor).toEqual([200, 100]);
    expect([...(kept[0]?.found ?? [])]).toHaveLength(1);
  });
});
