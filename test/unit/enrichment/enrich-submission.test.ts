import { describe, expect, test } from '@jest/globals';
import { type Circumstances, type Enrichment, enrichSubmission } from '../../../src/enrichment/enrich-submission.ts';
import type { KnownForm } from '../../../src/enrichment/form-api.ts';
import type { ProcessModel, UserTaskModel } from '../../../src/enrichment/process-definition.ts';
import { buildFromTask } from '../../../src/submission/build-from-task.ts';
import type { Submission } from '../../../src/submission/submission.ts';
import { aTaskChange, aUserTask, aVariableChange, NOON_MS, onlySubmissionIn } from '../../support/builders.ts';

const { signal } = new AbortController();
const NOON = '2024-02-29T12:00:00.000Z';

function aUserTaskModel(given: Partial<UserTaskModel> = {}): UserTaskModel {
  return { formKey: null, formRef: null, hasFormFields: false, product: null, keepNothing: null, ...given };
}

function aModel(given: Partial<ProcessModel> & { fillIn?: Partial<UserTaskModel> } = {}): ProcessModel {
  const { fillIn, ...rest } = given;
  const userTasks = new Map(fillIn === undefined ? [] : [['fillIn', aUserTaskModel(fillIn)]]);
  return { product: null, keepNothing: false, userTasks, ...rest };
}

/** Convention data in a user task that says nothing, unless a test says otherwise. */
function circumstancesOf(given: Partial<Circumstances> = {}): Circumstances {
  return {
    change: aVariableChange(),
    userTask: aUserTask(),
    model: aModel(),
    case: { businessKey: 'KEY', caseId: 'KEY', processDefinitionId: null },
    ...given,
  };
}

type World = {
  form?: KnownForm | null;
  writer?: string | null;
  instances?: Record<string, string>;
  latest?: ProcessModel;
};

function aWorld({ form = null, writer = null, instances = {}, latest = aModel({ product: 'l_m' }) }: World = {}) {
  const asked: string[] = [];
  const instance = (id: string, found: Record<string, string>) =>
    found[id] === undefined
      ? null
      : { id, businessKey: null, rootProcessInstanceId: null, processDefinitionId: found[id] };
  const ask = async <T>(what: string, answer: T): Promise<T> => {
    asked.push(what);
    return answer;
  };
  const enrichment: Enrichment = {
    environment: 'dev',
    defaultProduct: 'cop-case',
    formLookup: 'required',
    forms: { find: (name) => ask(`form ${name}`, form) },
    users: { findWriter: () => ask('writer', writer) },
    definitions: {
      findRunningInstance: (id) => ask(`running ${id}`, instance(id, instances)),
      findRunningInstanceByBusinessKey: (key) => ask(`business key ${key}`, instance(key, instances)),
    },
    models: { readLatest: ({ processDefinitionKey: key }) => ask(`latest ${key}`, latest) },
  };
  return { enrichment, asked };
}

async function enrich(
  json: unknown,
  {
    given = {},
    world = aWorld(),
    settings = {},
  }: { given?: Partial<Circumstances>; world?: ReturnType<typeof aWorld>; settings?: Partial<Enrichment> } = {},
) {
  const submission: Submission =
    typeof json === 'object' && json !== null && 'tree' in json
      ? (json as Submission)
      : onlySubmissionIn(JSON.stringify(json));
  const enriched = await enrichSubmission(
    submission,
    circumstancesOf(given),
    { ...world.enrichment, ...settings },
    signal,
  );
  return { ...enriched, body: JSON.parse(enriched.renderBody([])) };
}

const found: KnownForm = { formId: 'f-1', formVersionId: 'v-1', title: 'Site visit' };
const optional = { formLookup: 'optional' as const };

describe('form.name', () => {
  test.each<[string, ProcessModel, string]>([
    [
      'the form key without what stands in front',
      aModel({ fillIn: { formKey: 'embedded:app:visit.html' } }),
      'visit.html',
    ],
    ['the form ref', aModel({ fillIn: { formRef: 'visitForm' } }), 'visitForm'],
    [
      'the definition key where the form key is an expression',
      aModel({ fillIn: { formKey: 'x-$' + '{y}' } }),
      'fillIn',
    ],
    ['the definition key where the form has only fields', aModel({ fillIn: { hasFormFields: true } }), 'fillIn'],
    ['the definition key where the model does not know the task', aModel(), 'fillIn'],
  ])('is filled from %s', async (_, model, name) => {
    const { formName, body, metadata } = await enrich(
      { form: { name: ' ' } },
      { given: { model }, settings: optional },
    );
    expect([formName, body.form.name, metadata.name]).toEqual([name, name, name]);
  });

  test('that is there is kept', async () => {
    const model = aModel({ fillIn: { formKey: 'other' } });
    expect((await enrich({ form: { name: 'mine' } }, { given: { model }, settings: optional })).formName).toBe('mine');
  });

  test('that is missing where no user task wrote makes the data invalid', async () => {
    const failed = enrich({ form: { submittedBy: 'anna' } }, { given: { userTask: null } });
    await expect(failed).rejects.toMatchObject({ code: 'SUBMISSION_INVALID', context: { source: 'detail/d-1#' } });
  });
});

describe('form ids and title', () => {
  test('are filled from the form API', async () => {
    const { body, metadata } = await enrich({ form: { name: 'a' } }, { world: aWorld({ form: found }) });
    expect(body.form).toMatchObject(found);
    expect(metadata).toMatchObject(found);
  });

  test('that are there are kept, and the form API is asked only where an id is blank', async () => {
    const world = aWorld({ form: found });
    expect((await enrich({ form: { name: 'a', formId: 7 } }, { world })).body.form).toMatchObject({
      formId: 7,
      formVersionId: 'v-1',
    });
    expect(world.asked).toContain('form a');
    const complete = aWorld({ form: found });
    const { body } = await enrich({ form: { name: 'a', formId: 'x', formVersionId: 'y' } }, { world: complete });
    expect(body.form).not.toHaveProperty('title');
    expect(complete.asked).not.toContain('form a');
  });

  test('of a form that the form API does not know are an incident, or stay blank where the lookup is optional', async () => {
    await expect(enrich({ form: { name: 'a' } })).rejects.toMatchObject({ code: 'FORM_UNKNOWN' });
    const { body, metadata } = await enrich({ form: { name: 'a', formId: '' } }, { settings: optional });
    expect([body.form.formId, metadata.formId]).toEqual(['', null]);
  });

  test('stay blank without a form API', async () => {
    expect((await enrich({ form: { name: 'a' } }, { settings: { forms: null } })).metadata.formId).toBeNull();
  });

  test('of a task submission may be unknown: its form lives in the engine', async () => {
    const change = aTaskChange();
    const { formName, metadata } = await enrich(buildFromTask(change, []), {
      given: { change, userTask: change.task },
    });
    expect([formName, metadata.formId, metadata.source]).toEqual(['fillIn', null, 'task/t-1']);
  });
});

describe('form.submittedBy', () => {
  const submittedBy = async (json: object, writer: string | null, assignee: string | null) => {
    const given = { userTask: aUserTask({ assignee }) };
    const {
      body,
      metadata,
      submittedBy: who,
    } = await enrich(json, { given, world: aWorld({ writer }), settings: optional });
    expect(body.form.submittedBy).toBe(metadata.submittedBy);
    return who;
  };
  const legacy = { shiftDetailsContext: { email: 'ann@example.com' } };

  test('is kept, else the email, else who wrote it, else the assignee, else unknown', async () => {
    await expect(submittedBy({ form: { name: 'a', submittedBy: 'me' }, ...legacy }, 'w', 'x')).resolves.toBe('me');
    await expect(submittedBy({ form: { name: 'a' }, ...legacy }, 'w', 'x')).resolves.toBe('ann@example.com');
    await expect(submittedBy({ form: { name: 'a' } }, 'w', 'x')).resolves.toBe('w');
    await expect(submittedBy({ form: { name: 'a', submittedBy: '\t' } }, ' ', 'x')).resolves.toBe('x');
    await expect(submittedBy({ form: { name: 'a' } }, null, ' ')).resolves.toBe('unknown');
  });
});

describe('form.submissionDate', () => {
  test('is the time of the change where it is blank', async () => {
    const { body, metadata, submittedAtMs } = await enrich(
      { form: { name: 'a', submissionDate: null } },
      { settings: optional },
    );
    expect([body.form.submissionDate, metadata.submissionDate, submittedAtMs]).toEqual([NOON, NOON, NOON_MS]);
  });

  test('is the time in the key where it can be read', async () => {
    const { submittedAtMs, metadata } = await enrich(
      { form: { name: 'a', submissionDate: '20200101' } },
      { settings: optional },
    );
    expect([submittedAtMs, metadata.submissionDate]).toEqual([Date.UTC(2020, 0, 1), '20200101']);
  });

  test('that cannot be read stays in the body, and the key takes the time of the change', async () => {
    const { body, metadata, submittedAtMs } = await enrich(
      { form: { name: 'a', submissionDate: 'soon' } },
      { settings: optional },
    );
    expect([body.form.submissionDate, metadata.submissionDate, submittedAtMs]).toEqual(['soon', NOON, NOON_MS]);
  });
});

describe('the process', () => {
  const orphan = aVariableChange({ processDefinitionId: null });
  const definitionOf = async (
    json: object,
    { over = null, ...world }: World & { over?: string | null },
    change = orphan,
  ) => {
    const made = aWorld(world);
    const given = { change, case: { businessKey: 'KEY', caseId: 'KEY', processDefinitionId: over } };
    const { metadata } = await enrich({ form: { name: 'a' }, ...json }, { given, world: made, settings: optional });
    return { id: metadata.processDefinitionId, asked: made.asked.filter((each) => !/^(form|writer)/.test(each)) };
  };

  test('definition is that of the change’s own row, without a request', async () => {
    expect(await definitionOf({}, {}, aVariableChange())).toEqual({ id: 'visit:1:1', asked: [] });
  });

  test('definition is else that of the running instance, else of the history, else of one with the business key', async () => {
    const byKey = { process: { businessKey: 'BK' } };
    const world = { instances: { BK: 'key' } };
    expect((await definitionOf(byKey, { instances: { 'p-1': 'running' }, over: 'over' })).id).toBe('running');
    expect(await definitionOf(byKey, { ...world, over: 'over' })).toEqual({ id: 'over', asked: ['running p-1'] });
    expect(await definitionOf(byKey, world)).toEqual({ id: 'key', asked: ['running p-1', 'business key BK'] });
    expect((await definitionOf({}, {})).id).toBeNull();
  });

  test('fields are filled where they are blank, and metadata carries what the engine says also where the body differs', async () => {
    const json = { form: { name: 'a' }, process: { definitionId: 'mine', instanceId: 'other', businessKey: '' } };
    const { body, metadata } = await enrich(json, { settings: optional });
    expect(body.process).toEqual({ definitionId: 'mine', instanceId: 'other', businessKey: 'KEY' });
    expect(metadata).toMatchObject({ processDefinitionId: 'visit:1:1', processInstanceId: 'p-1', businessKey: 'KEY' });
  });

  test('business key stays blank where there is none, and the case goes by another name', async () => {
    const given = { case: { businessKey: null, caseId: 'r-1', processDefinitionId: null } };
    const { body, metadata, caseId } = await enrich({ form: { name: 'a' } }, { given, settings: optional });
    expect([body.process, metadata.businessKey, caseId]).toEqual([
      { definitionId: 'visit:1:1', instanceId: 'p-1' },
      null,
      'r-1',
    ]);
  });
});

describe('the bucket', () => {
  const bucketOf = async (model: ProcessModel) =>
    (await enrich({ form: { name: 'a' } }, { given: { model }, settings: optional })).bucket;

  test('is that of the task’s product, else the process’s, else the default', async () => {
    await expect(bucketOf(aModel({ product: 'red', fillIn: { product: 'blue' } }))).resolves.toBe('dev-blue');
    await expect(bucketOf(aModel({ product: 'Red' }))).resolves.toBe('dev-red');
    await expect(bucketOf(aModel())).resolves.toBe('dev-cop-case');
  });

  test('that a product cannot name is an incident which says where the property stands', async () => {
    await expect(bucketOf(aModel({ fillIn: { product: 'a_b' } }))).rejects.toMatchObject({
      code: 'PRODUCT_INVALID',
      message: expect.stringContaining('of the user task'),
      hint: expect.stringContaining('visit'),
      context: { process: 'visit', activity: 'fillIn', product: 'a_b' },
    });
    await expect(bucketOf(aModel({ product: 'a_b' }))).rejects.toThrow('of the process');
  });

  test('is what the newest version of the process says where that of the submission makes no bucket name', async () => {
    const corrected = async (latest: ProcessModel, model = aModel({ product: 'a_b' })) => {
      const world = aWorld({ latest });
      const { bucket } = await enrich({ form: { name: 'a' } }, { given: { model }, world, settings: optional });
      return [bucket, world.asked.includes('latest visit')];
    };
    await expect(corrected(aModel({ product: 'red' }))).resolves.toEqual(['dev-red', true]);
    await expect(corrected(aModel())).resolves.toEqual(['dev-cop-case', true]);
    await expect(corrected(aModel({ product: 'red' }), aModel({ product: 'blue' }))).resolves.toEqual([
      'dev-blue',
      false,
    ]);
    await expect(corrected(aModel({ product: 'c_d' }))).rejects.toMatchObject({
      code: 'PRODUCT_INVALID',
      context: { product: 'a_b' },
    });
  });
});

test('metadata names task and activity, and the activity also where no user task wrote', async () => {
  expect((await enrich({ form: { name: 'a' } }, { settings: optional })).metadata).toMatchObject({
    taskId: 't-1',
    activityId: 'fillIn',
  });
  const inCall = { userTask: null, change: aVariableChange({ activityInstanceId: 'call:x:9' }) };
  expect((await enrich({ form: { name: 'a' } }, { given: inCall, settings: optional })).metadata).toMatchObject({
    taskId: null,
    activityId: 'call:x',
  });
  const outside = { userTask: null, change: aVariableChange({ activityInstanceId: 'p-1', tenantId: 'red' }) };
  expect((await enrich({ form: { name: 'a' } }, { given: outside, settings: optional })).metadata).toMatchObject({
    activityId: null,
    tenantId: 'red',
  });
});
