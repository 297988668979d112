import { setTimeout as timeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type FormEntry, type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { createEngineCalls, fileVariable } from '../../dev/clients/engine-calls.ts';
import { startEngine } from '../../dev/servers/engine.ts';
import { aProcess } from '../support/a-process.ts';
import { expectedDigest, keyTime } from '../support/convention.ts';
import { readPastTask, readUpdate } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { retry } from '../support/handed-over.ts';
import {
  readErrorDetails,
  readFailedAttempts,
  untilIncidentOf,
  untilIncidentOn,
  untilTraceless,
} from '../support/incidents.ts';
import { untilFeedHasPassed } from '../support/marker.ts';
import { aSiteVisit, SITE_VISIT, siteVisitKey, siteVisitVariable } from '../support/site-visit.ts';
import {
  createHistoryReader,
  expectTiesAreReadOnce,
  expectTiesAreSubmittedOnce,
  type HistoryReader,
} from '../support/ties.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const MAX_ATTEMPTS = 3;
const LATE_MS = 4_000;
const OTHERS = 30;
const OTHERS_EVERY_MS = 150;

const visit = aProcess({
  steps: [
    { userTask: 'visit', formKey: 'visit-form', assignee: 'grace' },
    {
      userTask: 'fillIn',
      name: 'Fill it in',
      assignee: 'grace',
      formFields: [{ id: 'city' }, { id: 'rooms', type: 'long' }],
    },
    { userTask: 'end' },
  ],
});
const late = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form' }, { sleepMs: LATE_MS }] });
const quick = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form' }] });
const waiting = aProcess({ steps: [{ message: 'never' }] });

const knownForm = (name: string): FormEntry => ({ id: `id-${name}`, versionId: `v-${name}`, name, title: name });
const forms = [knownForm(SITE_VISIT)];

const engine = await startEngine({ database: 'postgresql', heapMb: 512 });
let formApi: RunningFormApi;
let world: World;
let reader: HistoryReader;
beforeAll(async () => {
  formApi = await startFormApi({ forms });
  world = {
    ...createWorld({
      ENGINE_URL: engine.url,
      FORM_API_URL: formApi.url,
      MAX_ATTEMPTS: String(MAX_ATTEMPTS),
      RETRY_SECONDS: '1',
      WATCHDOG_SECONDS: '2',
    }),
    engine: createEngineCalls(engine.url),
  };
  reader = createHistoryReader(world.engine);
  await world.engine.deploy({ ...visit.files, ...late.files, ...quick.files, ...waiting.files });
  await world.startFormvault();
});
afterAll(async () => {
  await world?.end();
  reader?.close();
  await formApi?.stop();
  await engine.stop();
});

async function startVisit() {
  const caseId = world.newCase();
  const instance = await world.engine.start(visit.id, { businessKey: caseId });
  return { caseId, instance };
}

/** The one submission of a case, after the feed has passed everything that could have made another. */
async function keptOnce(caseId: string) {
  const submissions = async () => (await world.kept(caseId)).filter(({ key }) => !key.includes('/attachments/'));
  await eventually(async () => expect(await submissions()).toHaveLength(1));
  await untilFeedHasPassed(world);
  const [kept, ...others] = await submissions();
  expect(others).toEqual([]);
  if (kept === undefined) throw new Error('it is gone');
  return { ...kept, body: JSON.parse(kept.text) };
}

test('convention data that completes a user task is kept once, with its metadata', async () => {
  const { caseId, instance } = await startVisit();
  const task = await world.engine.task(instance.id);
  const submission = aSiteVisit('ada@example.com', {
    weather: 'ľad, 氷 \u{1F9CA}',
    nothing: null,
    text: 'x'.repeat(5_000),
  });
  await world.engine.complete(task.id, { visit: { type: 'Json', value: JSON.stringify(submission) } });

  const kept = await keptOnce(caseId);
  const { definitionId } = instance;
  const update = await readUpdate(world.engine, instance.id, 'visit');
  expect(kept.key).toBe(siteVisitKey(caseId, 'ada@example.com'));
  expect(kept.body).toEqual({
    ...submission,
    form: { ...submission.form, formId: `id-${SITE_VISIT}`, formVersionId: `v-${SITE_VISIT}`, title: SITE_VISIT },
    process: { definitionId, instanceId: instance.id, businessKey: caseId },
  });
  expect(kept.metadata).toEqual({
    processinstanceid: instance.id,
    processdefinitionid: definitionId,
    formid: `id-${SITE_VISIT}`,
    formversionid: `v-${SITE_VISIT}`,
    name: SITE_VISIT,
    title: SITE_VISIT,
    submittedby: 'ada@example.com',
    submissiondate: submission.form.submissionDate,
    businesskey: caseId,
    digest: expectedDigest(submission),
    source: `detail/${update.id}#`,
    taskid: task.id,
    activityid: 'visit',
  });
});

test('the form fields of a user task are kept once, with a file', async () => {
  const { caseId, instance } = await startVisit();
  await world.engine.complete((await world.engine.task(instance.id)).id, { unrelated: { value: 1 } });
  await eventually(async () => expect(await world.kept(caseId)).toHaveLength(1));
  const [other] = await world.kept(caseId);
  const task = await world.engine.task(instance.id, 'fillIn');
  const plan = Buffer.from([0, 255, 10, 13, 92]);
  await world.engine.submitForm(task.id, {
    city: { type: 'String', value: 'Tromsø' },
    rooms: { type: 'Long', value: 3 },
    heated: { type: 'Boolean', value: true },
    note: { type: 'String', value: null },
    plan: fileVariable('plan.bin', 'application/octet-stream', plan),
  });

  const { startTime, endTime } = await readPastTask(world.engine, task.id);
  const folder = `${caseId}/fillIn/grace-${keyTime(endTime)}`;
  await eventually(async () => expect(await world.kept(caseId)).toHaveLength(3));
  await untilFeedHasPassed(world);
  const [kept, attachment, ...others] = (await world.kept(caseId)).filter(({ key }) => key !== other?.key);
  expect(others).toEqual([]);
  expect(kept?.key).toBe(`${folder}.json`);
  expect(JSON.parse(kept?.text ?? '')).toEqual({
    data: { city: 'Tromsø', rooms: 3, heated: true, note: null },
    form: { name: 'fillIn', submittedBy: 'grace', submissionDate: endTime },
    process: { definitionId: instance.definitionId, instanceId: instance.id, businessKey: caseId },
    task: { id: task.id, definitionKey: 'fillIn', name: 'Fill it in', assignee: 'grace', startTime, endTime },
    attachments: [expect.objectContaining({ variable: 'plan' })],
  });
  expect(kept?.metadata).toMatchObject({ source: `task/${task.id}`, taskid: task.id, businesskey: caseId });
  expect(attachment?.key).toBe(`${folder}/attachments/plan/plan.bin`);
  expect(Buffer.from(attachment?.bytes ?? []).equals(plan)).toBe(true);
});

test.each([
  ['a business key with a NUL', { businessKey: 'a\u0000b' }],
  ['an id with a slash', { instanceId: '../a' }],
])('convention data outside of any process that names one by %s is kept once', async (_, process) => {
  const taskId = world.newCase();
  await world.engine.http.post('/task/create', { id: taskId, name: 'alone' });
  const value = JSON.stringify({ ...aSiteVisit('ada'), process });
  await world.engine.setTaskVariables(taskId, { visit: { type: 'Json', value } });
  const params = { taskId, variableUpdates: true, deserializeValues: false };
  const { data } = await world.engine.http.get<{ id: string }[]>('/history/detail', { params });

  const kept = await keptOnce(`detail%2F${data[0]?.id}`);
  expect(kept.body.process).toMatchObject(process);
  expect(kept.metadata).toMatchObject({ source: `detail/${data[0]?.id}#`, submittedby: 'ada' });
});

test('F3, F4: a window full of ties is read in pages of two without a row too few or too many', async () => {
  await expectTiesAreReadOnce(reader, waiting.id);
});

test('F3, F4: a feed that reads pages of two submits each of the tied changes once while they are written', async () => {
  await expectTiesAreSubmittedOnce(reader, waiting.id);
});

test('F2: forms whose transactions commit seconds late are kept once, among others', async () => {
  const lateForms = [{ visit: siteVisitVariable('late') }, { weather: { type: 'String', value: 'fine' } }];
  const lateCases = lateForms.map(async (variables) => {
    const caseId = world.newCase();
    const { id } = await world.engine.start(late.id, { businessKey: caseId });
    const task = await world.engine.task(id);
    await world.engine.complete(task.id, variables);
    expect(Date.now() - Date.parse((await readPastTask(world.engine, task.id)).endTime)).toBeGreaterThan(LATE_MS);
    return caseId;
  });
  const busyCase = world.newCase();
  const people = Array.from({ length: OTHERS }, (_, i) => `person-${i}`);
  const others = people.map(async (person, i) => {
    await timeout(i * OTHERS_EVERY_MS);
    const { id } = await world.engine.start(quick.id, { businessKey: busyCase });
    await world.engine.complete((await world.engine.task(id)).id, { visit: siteVisitVariable(person) });
  });

  // none may be left behind when another one fails
  await Promise.allSettled([...lateCases, ...others]);
  await Promise.all(others);
  for (const caseId of await Promise.all(lateCases)) await keptOnce(caseId);
  const expected = people.map((person) => siteVisitKey(busyCase, person)).sort();
  await expect(world.vault.list(world.bucket, `${busyCase}/`)).resolves.toEqual(expected);
});

test('what fails becomes an incident after MAX_ATTEMPTS, with texts that PostgreSQL takes, and is kept once by a retry', async () => {
  const form = 'slea\u0000ky \u{1F9CA} form';
  const caseId = world.newCase();
  const { id: source } = await world.engine.start(waiting.id, { businessKey: caseId });
  formApi.failNext(503, Number.POSITIVE_INFINITY);
  const submission = aSiteVisit('ada');
  const value = JSON.stringify({ ...submission, form: { ...submission.form, name: form } });
  await world.engine.setVariable(source, 'visit', { type: 'Json', value });
  const incident = await untilIncidentOf(world.engine, caseId);

  expect(incident.incidentMessage).toBe(
    `FORM_API_UNAVAILABLE: could not look up the form (form slea ky \u{1F9CA} form, case ${caseId}). ` +
      'Check that the form API runs and that FORM_API_URL leads to it.',
  );
  await expect(untilIncidentOn(world.engine, source)).resolves.toMatchObject({
    configuration: incident.configuration,
    incidentMessage: incident.incidentMessage,
  });
  await expect(readErrorDetails(world.engine, incident.configuration)).resolves.toContain('FORM_API_UNAVAILABLE');
  const attempts = await readFailedAttempts(world.engine, incident.configuration);
  expect(attempts.map(({ retriesBefore }) => retriesBefore)).toEqual([null, 2, 1]);

  formApi.failNext(200, 0);
  forms.push(knownForm(form));
  await retry(world.engine, incident);
  await untilTraceless(world.engine, incident, source);
  const kept = await keptOnce(caseId);
  expect(kept.metadata).toMatchObject({ processinstanceid: source, submittedby: 'ada' });
});
