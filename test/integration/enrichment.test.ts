import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type FormEntry, type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { readUpdate } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidents, retry } from '../support/handed-over.ts';
import { outcomesOf } from '../support/outcomes.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

/** How long a stop may wait for what is in flight. */
const DRAIN_MS = 25_000;

let world: World;
let formApi: RunningFormApi;
let formvault: RunningFormvault;
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

async function start(shape: 'page' | 'array', env: Record<string, string> = {}): Promise<void> {
  formApi = await startFormApi({ forms, shape });
  world = createWorld({ FORM_API_URL: formApi.url, ...env });
  await world.engine.deploy(steps.files);
  formvault = await world.startFormvault();
}

async function end(): Promise<void> {
  await world.end();
  await formApi.stop();
}

async function submit(form: object, more: object = {}) {
  const { engine, newCase } = world;
  const caseId = newCase();
  const instance = await engine.start(steps.id, { businessKey: caseId });
  await engine.setVariable(instance.id, 'visit', jsonVariable({ form: { submittedBy: 'ada', ...form }, ...more }));
  return { caseId, instance, update: await readUpdate(engine, instance.id, 'visit') };
}

async function keptOf(caseId: string, count = 1, withinMs = 5_000) {
  return eventually(
    async () => {
      const objects = await world.kept(caseId);
      expect(objects).toHaveLength(count);
      return objects.map(({ text, metadata, key }) => ({ key, body: JSON.parse(text), metadata }));
    },
    { withinMs },
  );
}

const visitIds = { formId: 'id-of-visit', formVersionId: 'version-of-visit', title: 'Title of visit' };

describe('with a form API that must know every form', () => {
  beforeAll(() => start('page'));
  afterAll(end);

  test('blank ids and title come from it', async () => {
    const { caseId } = await submit({ name: 'visit', formId: '', formVersionId: null });
    const [kept] = await keptOf(caseId);
    expect(kept?.body.form).toMatchObject(visitIds);
    expect(kept?.metadata).toMatchObject({
      formid: 'id-of-visit',
      formversionid: 'version-of-visit',
      title: 'Title of visit',
      name: 'visit',
    });
  });

  test('ids and titles that are there are never changed, and where both ids are there nobody is asked', async () => {
    const before = formApi.requests();
    const complete = await submit({ name: 'unknown-everywhere', formId: 'mine', formVersionId: 'own' });
    const [kept] = await keptOf(complete.caseId);
    expect(kept?.body.form).toMatchObject({ formId: 'mine', formVersionId: 'own' });
    expect(kept?.body.form).not.toHaveProperty('title');
    expect(formApi.requests()).toBe(before);

    const { caseId } = await submit({ name: 'visit', formId: 'mine', title: 'My own' });
    const [half] = await keptOf(caseId);
    expect(half?.body.form).toMatchObject({ formId: 'mine', formVersionId: 'version-of-visit', title: 'My own' });
  });

  test('a form is asked for once, however many submissions it has', async () => {
    const before = formApi.requests();
    const all = Array.from({ length: 20 }, (_, index) => ({ form: { name: 'once', submittedBy: `person-${index}` } }));
    const { caseId } = await submit({ name: 'once' }, { all });
    await keptOf(caseId, 21);
    expect(formApi.requests()).toBe(before + 1);
  });

  test('a form API that fails for a moment only delays', async () => {
    formApi.failNext(503, 2);
    const { caseId, update } = await submit({ name: 'shaky' });
    const [kept] = await keptOf(caseId);
    expect(kept?.metadata).toMatchObject({ formid: 'id-of-shaky' });
    expect(outcomesOf(formvault, `detail/${update.id}`)).toEqual([
      'FORM_API_UNAVAILABLE',
      'FORM_API_UNAVAILABLE',
      'persisted',
    ]);
  });

  test('a form that it does not know is an incident, which a retry ends once the form is published', async () => {
    const { caseId } = await submit({ name: 'new-form' });
    const incident = await eventually(
      async () => {
        const [standing] = await readIncidents(world.engine);
        if (standing === undefined) throw new Error('no incident stands');
        return standing;
      },
      { withinMs: 15_000 },
    );
    expect(incident.incidentMessage).toMatch(/^FORM_UNKNOWN: .* \(form new-form, case .*\)\. Publish the form/);
    await expect(world.kept(caseId)).resolves.toEqual([]);

    forms.push({ id: 'id-of-new', versionId: 'version-of-new', name: 'new-form', title: 'New' });
    await retry(world.engine, incident);
    const [published] = await keptOf(caseId, 1, 25_000);
    expect(published?.metadata).toMatchObject({ formid: 'id-of-new', formversionid: 'version-of-new' });
    await eventually(async () => expect(await readIncidents(world.engine)).toEqual([]));
  });

  test('a task submission takes ids from the form API, and does without them for a form that it does not know', async () => {
    const { engine, newCase } = world;
    const caseId = newCase();
    const instance = await engine.start(steps.id, { businessKey: caseId });
    for (const task of ['claim', 'unlisted']) await engine.complete((await engine.task(instance.id, task)).id);

    const [claim, unlisted] = await keptOf(caseId, 2);
    expect(claim?.body.form).toMatchObject({ name: 'claim', formId: 'id-of-claim', title: 'Title of claim' });
    expect(claim?.metadata).toMatchObject({ formid: 'id-of-claim', formversionid: 'version-of-claim' });
    expect(Object.keys(unlisted?.body.form).sort()).toEqual(['name', 'submissionDate', 'submittedBy']);
  });

  test('the body keeps what it says of its process, the metadata say what the engine says', async () => {
    const process = { definitionId: 'other:1:1', instanceId: 'another', businessKey: 'elsewhere' };
    const { caseId, instance } = await submit({ name: 'visit' }, { process });
    const [kept] = await keptOf(caseId);
    expect(kept?.body.process).toEqual(process);
    expect(kept?.metadata).toMatchObject({
      processinstanceid: instance.id,
      processdefinitionid: instance.definitionId,
      businesskey: caseId,
    });
  });

  test('a submission date that cannot be read stays in the body, and the key takes the time of the change', async () => {
    const { caseId, update } = await submit({ name: 'visit', submissionDate: 'last Tuesday' });
    const [kept] = await keptOf(caseId);
    expect(kept?.body.form.submissionDate).toBe('last Tuesday');
    expect(kept?.key).toBe(`${caseId}/visit/ada-${update.at.slice(0, 19).replaceAll(/[-:]/g, '')}.json`);
  });

  test('a Formvault ends when it is told to, though a submission waits for a person', async () => {
    const { update } = await submit({ name: ['none'] });
    await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(1), { withinMs: 15_000 });
    expect(outcomesOf(formvault, `detail/${update.id}`)).toEqual(['SUBMISSION_INVALID']);

    const askedMs = performance.now();
    await formvault.stop();
    await expect(formvault.exited).resolves.toBe(0);
    expect(performance.now() - askedMs).toBeLessThan(DRAIN_MS / 2);
  });
});

describe('with a form API of the older kind that need not know every form', () => {
  beforeAll(() => start('array', { FORM_LOOKUP: 'optional' }));
  afterAll(end);

  test('blank ids and title come from it', async () => {
    const { caseId } = await submit({ name: 'visit' });
    const [kept] = await keptOf(caseId);
    expect(kept?.body.form).toMatchObject(visitIds);
  });

  test('a form that it does not know is kept without ids', async () => {
    const { caseId, update } = await submit({ name: 'nobody-knows' });
    const [kept] = await keptOf(caseId);
    expect(kept?.body.form).toEqual({ name: 'nobody-knows', submittedBy: 'ada', submissionDate: update.at });
    expect(kept?.metadata).not.toHaveProperty('formid');
  });
});
