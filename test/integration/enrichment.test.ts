import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type FormEntry, type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { readUpdate } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { outcomesOf } from '../support/outcomes.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(40_000);

/** Both look at the same engine, each with buckets and a form API of its own. */
type Setting = { world: World; formApi: RunningFormApi; formvault: RunningFormvault };
let required: Setting;
let optional: Setting;
const forms: FormEntry[] = ['visit', 'claim', 'once', 'shaky'].map((name) => ({
  id: `id-of-${name}`,
  versionId: `version-of-${name}`,
  name,
  title: `Title of ${name}`,
}));
const steps = aProcess({
  steps: [
    { userTask: 'claim', formKey: 'claim' },
    { userTask: 'unlisted', formKey: 'unlisted' },
  ],
});

beforeAll(async () => {
  [required, optional] = await Promise.all([
    start(await startFormApi({ forms }), {}),
    start(await startFormApi({ forms, shape: 'array' }), { FORM_LOOKUP: 'optional' }),
  ]);
  await required.world.engine.deploy(steps.files);
});
afterAll(() =>
  Promise.all([required, optional].map(({ world, formApi }) => Promise.all([world.end(), formApi.stop()]))),
);

async function start(formApi: RunningFormApi, env: Record<string, string>): Promise<Setting> {
  const world = createWorld({ FORM_API_URL: formApi.url, ...env });
  return { world, formApi, formvault: await world.startFormvault() };
}

async function submit(form: object, more: object = {}) {
  const { engine, newCase } = required.world;
  const caseId = newCase();
  const instance = await engine.start(steps.id, { businessKey: caseId });
  await engine.setVariable(instance.id, 'visit', jsonVariable({ form: { submittedBy: 'ada', ...form }, ...more }));
  return { caseId, instance, update: await readUpdate(engine, instance.id, 'visit') };
}

async function keptBy({ world }: Setting, caseId: string, count = 1, withinMs = 5_000) {
  return eventually(
    async () => {
      const objects = await world.kept(caseId);
      expect(objects).toHaveLength(count);
      return objects.map(({ text, metadata, key }) => ({ key, body: JSON.parse(text), metadata }));
    },
    { withinMs },
  );
}

test('blank ids and title come from the form API, in either shape of its answer', async () => {
  const { caseId } = await submit({ name: 'visit', formId: '', formVersionId: null });
  for (const setting of [required, optional]) {
    const [kept] = await keptBy(setting, caseId);
    const ids = { formId: 'id-of-visit', formVersionId: 'version-of-visit', title: 'Title of visit' };
    expect(kept?.body.form).toMatchObject(ids);
    expect(kept?.metadata).toMatchObject({
      formid: 'id-of-visit',
      formversionid: 'version-of-visit',
      title: 'Title of visit',
      name: 'visit',
    });
  }
});

test('ids and titles that are there are never changed, and where both ids are there nobody is asked', async () => {
  const before = required.formApi.requests();
  const complete = await submit({ name: 'unknown-everywhere', formId: 'mine', formVersionId: 'own' });
  const [kept] = await keptBy(required, complete.caseId);
  expect(kept?.body.form).toMatchObject({ formId: 'mine', formVersionId: 'own' });
  expect(kept?.body.form).not.toHaveProperty('title');
  expect(required.formApi.requests()).toBe(before);

  const { caseId } = await submit({ name: 'visit', formId: 'mine', title: 'My own' });
  const [half] = await keptBy(required, caseId);
  expect(half?.body.form).toMatchObject({ formId: 'mine', formVersionId: 'version-of-visit', title: 'My own' });
});

test('a form is asked for once, however many submissions it has', async () => {
  const before = required.formApi.requests();
  const all = Array.from({ length: 20 }, (_, index) => ({ form: { name: 'once', submittedBy: `person-${index}` } }));
  const { caseId } = await submit({ name: 'once' }, { all });
  await keptBy(required, caseId, 21);
  expect(required.formApi.requests()).toBe(before + 1);
});

test('a form API that fails for a moment only delays', async () => {
  required.formApi.failNext(503, 2);
  const { caseId, update } = await submit({ name: 'shaky' });
  const [kept] = await keptBy(required, caseId);
  expect(kept?.metadata).toMatchObject({ formid: 'id-of-shaky' });
  expect(outcomesOf(required.formvault, `detail/${update.id}`)).toEqual([
    'FORM_API_UNAVAILABLE',
    'FORM_API_UNAVAILABLE',
    'persisted',
  ]);
});

test('a form that the form API does not know waits until it is published, or is kept without ids where that is optional', async () => {
  const { caseId, update } = await submit({ name: 'new-form' });
  const [kept] = await keptBy(optional, caseId);
  expect(kept?.body.form).toEqual({ name: 'new-form', submittedBy: 'ada', submissionDate: update.at });
  expect(kept?.metadata).not.toHaveProperty('formid');

  await eventually(() => expect(outcomesOf(required.formvault, `detail/${update.id}`)).toEqual(['FORM_UNKNOWN']));
  await expect(required.world.kept(caseId)).resolves.toEqual([]);
  forms.push({ id: 'id-of-new', versionId: 'version-of-new', name: 'new-form', title: 'New' });
  const [published] = await keptBy(required, caseId, 1, 25_000);
  expect(published?.metadata).toMatchObject({ formid: 'id-of-new', formversionid: 'version-of-new' });
});

test('a task submission takes ids from the form API, and does without them for a form that it does not know', async () => {
  const { engine, newCase } = required.world;
  const caseId = newCase();
  const instance = await engine.start(steps.id, { businessKey: caseId });
  for (const task of ['claim', 'unlisted']) await engine.complete((await engine.task(instance.id, task)).id);

  const [claim, unlisted] = await keptBy(required, caseId, 2);
  expect(claim?.body.form).toMatchObject({ name: 'claim', formId: 'id-of-claim', title: 'Title of claim' });
  expect(claim?.metadata).toMatchObject({ formid: 'id-of-claim', formversionid: 'version-of-claim' });
  expect(Object.keys(unlisted?.body.form).sort()).toEqual(['name', 'submissionDate', 'submittedBy']);
});

test('the body keeps what it says of its process, the metadata say what the engine says', async () => {
  const process = { definitionId: 'other:1:1', instanceId: 'another', businessKey: 'elsewhere' };
  const { caseId, instance } = await submit({ name: 'visit' }, { process });
  const [kept] = await keptBy(required, caseId);
  expect(kept?.body.process).toEqual(process);
  expect(kept?.metadata).toMatchObject({
    processinstanceid: instance.id,
    processdefinitionid: instance.definitionId,
    businesskey: caseId,
  });
});

test('a submission date that cannot be read stays in the body, and the key takes the time of the change', async () => {
  const { caseId, update } = await submit({ name: 'visit', submissionDate: 'last Tuesday' });
  const [kept] = await keptBy(required, caseId);
  expect(kept?.body.form.submissionDate).toBe('last Tuesday');
  expect(kept?.key).toBe(`${caseId}/visit/ada-${update.at.slice(0, 19).replaceAll(/[-:]/g, '')}.json`);
});

test('a Formvault with a submission that waits ends at once when it is told to', async () => {
  const world = createWorld();
  const formvault = await world.startFormvault();
  const { update } = await submit({ name: ['none'] });
  await eventually(() => expect(outcomesOf(formvault, `detail/${update.id}`)).toEqual(['SUBMISSION_INVALID']));

  const askedMs = performance.now();
  await formvault.stop();
  await expect(formvault.exited).resolves.toBe(0);
  expect(performance.now() - askedMs).toBeLessThan(5_000);
  await world.end();
});
