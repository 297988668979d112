import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type EngineVariables, fileVariable, jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess, type UserTaskStep } from '../support/a-process.ts';
import { keyTime } from '../support/convention.ts';
import { readPastTask } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { untilFeedHasPassed } from '../support/marker.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
beforeAll(async () => {
  world = createWorld();
  await world.startFormvault();
});
afterAll(() => world.end());

const text = (value: string) => ({ type: 'String', value });

/** An instance that stands at the only task of its process; the task that follows keeps it running. */
async function startTask(step: Omit<UserTaskStep, 'userTask'>, variables: EngineVariables = {}) {
  const process = aProcess({
    steps: [{ userTask: 'fillIn', name: 'Fill it in', assignee: 'grace', ...step }, { userTask: 'later' }],
  });
  await world.engine.deploy({ ...process.files, 'claim.form': claimForm(process.id) });
  const caseId = world.newCase();
  const instance = await world.engine.start(process.id, { businessKey: caseId, variables });
  const task = await world.engine.task(instance.id, 'fillIn');
  return { caseId, instance, task };
}

function claimForm(id: string): string {
  const components = [{ type: 'textfield', id: 'Field_1', key: 'city', label: 'City' }];
  return JSON.stringify({ id: `claim-${id}`, type: 'default', schemaVersion: 16, components });
}

type Started = Awaited<ReturnType<typeof startTask>>;

/** The one object of a case beside its files. */
async function keptOf(caseId: string) {
  return eventually(async () => {
    const submissions = (await world.kept(caseId)).filter(({ key }) => key.endsWith('.json'));
    expect(submissions).toHaveLength(1);
    const [kept] = submissions;
    return { ...kept, body: JSON.parse(kept?.text ?? '') };
  });
}

async function expectTaskSubmission({ caseId, instance, task }: Started, name: string, data: object) {
  const kept = await keptOf(caseId);
  const { startTime, endTime } = await readPastTask(world.engine, task.id);
  expect(kept.key).toBe(`${caseId}/${encodeURIComponent(name)}/grace-${keyTime(endTime)}.json`);
  expect(kept.contentType).toBe('application/json');
  expect(kept.body).toEqual({
    data,
    form: { name, submittedBy: 'grace', submissionDate: endTime },
    process: { definitionId: instance.definitionId, instanceId: instance.id, businessKey: caseId },
    task: { id: task.id, definitionKey: 'fillIn', name: 'Fill it in', assignee: 'grace', startTime, endTime },
    ...(kept.body.attachments === undefined ? {} : { attachments: expect.any(Array) }),
  });
  expect(kept.metadata).toEqual({
    processinstanceid: instance.id,
    processdefinitionid: instance.definitionId,
    name,
    submittedby: 'grace',
    submissiondate: endTime,
    businesskey: caseId,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    source: `task/${task.id}`,
    taskid: task.id,
    activityid: 'fillIn',
  });
  return kept;
}

const fields = [{ id: 'city' }, { id: 'rooms', type: 'long' as const }];

test.each<{ form: string; step: Omit<UserTaskStep, 'userTask'>; name: string }>([
  { form: 'a Camunda form', step: { formRef: 'claim' }, name: 'claim' },
  { form: 'an embedded form', step: { formKey: 'embedded:app:forms/claim.html' }, name: 'forms/claim.html' },
  { form: 'a deployed form', step: { formKey: 'camunda-forms:deployment:claim.form' }, name: 'claim.form' },
  { form: 'a form key that is an expression', step: { formKey: '$'.concat('{chosenForm}') }, name: 'fillIn' },
  { form: 'form fields', step: { formFields: fields }, name: 'fillIn' },
])('a task with $form is kept with what was filled in, under the name $name', async ({ step, name }) => {
  const started = await startTask(step, {
    chosenForm: text('claim'),
    city: text('Bergen'),
    untouched: text('as it was'),
  });
  await world.engine.submitForm(started.task.id, { city: text('Oslo'), rooms: { type: 'Long', value: 3 } });
  await expectTaskSubmission(started, name, { city: 'Oslo', rooms: 3 });
});

test("Operaton's names for forms count too", async () => {
  const process = aProcess({
    namespace: 'operaton',
    steps: [
      { userTask: 'byRef', formRef: 'claim' },
      { userTask: 'byFields', formFields: fields },
    ],
  });
  await world.engine.deploy(process.files);
  const caseId = world.newCase();
  const instance = await world.engine.start(process.id, { businessKey: caseId });
  for (const task of ['byRef', 'byFields'])
    await world.engine.complete((await world.engine.task(instance.id, task)).id);

  await eventually(async () => {
    const keys = (await world.kept(caseId)).map(({ key }) => key.replace(/-\d+T\d+\.json$/, ''));
    expect(keys).toEqual([`${caseId}/byFields/unknown`, `${caseId}/claim/unknown`]);
  });
});

test('values keep their types: JSON as JSON, dates in ISO 8601, null as null, numbers by their text', async () => {
  const started = await startTask({ formKey: 'claim' });
  const variables = `{"amount":{"type":"Double","value":1.5},"big":{"type":"Long","value":9007199254740993},
    "yes":{"type":"Boolean","value":true},"nothing":{"type":"Null","value":null},"blank":{"type":"String","value":null},
    "day":{"type":"Date","value":"2026-03-04T05:06:07.890+0200"},
    "detail":{"type":"Json","value":"{\\"n\\": 12345678901234567890, \\"form\\": \\"just data\\"}"},
    "notJson":{"type":"Json","value":"{broken"}}`;
  const headers = { 'content-type': 'application/json' };
  await world.engine.http.post(`/task/${started.task.id}/complete`, `{"variables":${variables}}`, { headers });

  const kept = await keptOf(started.caseId);
  expect(kept.text).toContain('"big":9007199254740993');
  expect(kept.text).toContain('"detail":{"n": 12345678901234567890, "form": "just data"}');
  expect(kept.body.data).toMatchObject({
    amount: 1.5,
    yes: true,
    nothing: null,
    blank: null,
    day: '2026-03-04T03:06:07.890Z',
    notJson: '{broken',
  });
});

test('files of a task are kept beside the submission, which lists them', async () => {
  const started = await startTask({ formKey: 'claim' });
  const photo = Buffer.from([0xff, 0xd8, 0x00, 0x80]);
  await world.engine.complete(started.task.id, {
    city: text('Oslo'),
    photo: fileVariable('site photo.jpg', 'image/jpeg', photo),
    raw: { type: 'Bytes', value: Buffer.from('raw').toString('base64') },
  });

  const { body, key = '' } = await expectTaskSubmission(started, 'claim', { city: 'Oslo' });
  const folder = key.replace(/\.json$/, '/attachments');
  const entry = (variable: string, fileName: string, contentType: string, content: Uint8Array) => ({
    variable,
    fileName,
    contentType,
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    key: `${folder}/${variable}/${fileName}`,
  });
  const expected = [
    entry('photo', 'site photo.jpg', 'image/jpeg', photo),
    entry('raw', 'raw.bin', 'application/octet-stream', Buffer.from('raw')),
  ];
  expect(body.attachments).toHaveLength(2);
  expect(body.attachments).toEqual(expect.arrayContaining(expected));
  const file = await world.vault.read(world.bucket, `${folder}/photo/site photo.jpg`);
  expect([Buffer.from(file.bytes), file.contentType]).toEqual([photo, 'image/jpeg']);
  await expect(world.vault.list(world.bucket, `${started.caseId}/`)).resolves.toHaveLength(3);
});

test('a form that arrives over several requests before its completion is one submission with the last values', async () => {
  const started = await startTask({ formKey: 'claim' }, { city: text('Bergen') });
  const { task } = started;
  await world.engine.setTaskVariables(task.id, {
    scan: fileVariable('scan.pdf', 'application/pdf', Buffer.from('old')),
  });
  await world.engine.setTaskVariables(task.id, {
    scan: fileVariable('scan.pdf', 'application/pdf', Buffer.from('new')),
  });
  await world.engine.setTaskVariables(task.id, { city: text('draft'), rooms: { type: 'Integer', value: 3 } });
  await world.engine.http.delete(`/task/${task.id}/variables/rooms`);
  await world.engine.complete(task.id, { city: text('Oslo') });

  const { body } = await expectTaskSubmission(started, 'claim', { city: 'Oslo', rooms: null });
  expect(body.attachments).toMatchObject([{ variable: 'scan', fileName: 'scan.pdf', bytes: 3 }]);
  const file = await world.vault.read(world.bucket, body.attachments[0].key);
  expect(file.text).toBe('new');
});

test('a form that is sent without a change is a submission with empty data', async () => {
  const started = await startTask({ formKey: 'claim' }, { city: text('Bergen') });
  await world.engine.complete(started.task.id);
  await expectTaskSubmission(started, 'claim', {});
});

test('what an input mapping writes is not what a person filled in', async () => {
  const started = await startTask(
    { formKey: 'claim', inputs: { prefilled: 'city', kept: 'city' } },
    { city: text('Oslo') },
  );
  await world.engine.complete(started.task.id, { prefilled: text('Bergen') });
  await expectTaskSubmission(started, 'claim', { prefilled: 'Bergen' });
});

test('a task that wrote convention data, at its end or before, has no task submission beside it', async () => {
  const convention = { form: { name: 'convention', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' } };
  const variables = { answers: jsonVariable(convention), city: text('Oslo') };
  const atItsEnd = await startTask({ formKey: 'claim' });
  await world.engine.complete(atItsEnd.task.id, variables);
  const before = await startTask({ formKey: 'claim' });
  await world.engine.setTaskVariables(before.task.id, variables);
  await world.engine.complete(before.task.id, { city: text('Bergen') });
  const byOthers = await startTask({ formKey: 'claim' });
  await world.engine.setVariable(byOthers.instance.id, 'answers', jsonVariable(convention));
  await world.engine.complete(byOthers.task.id, { city: text('Bergen') });

  await untilFeedHasPassed(world);
  for (const { caseId } of [atItsEnd, before, byOthers]) {
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual([
      `${caseId}/convention/ada-20260102T030405.json`,
    ]);
  }
});

test('tasks that were cancelled, or ended by a BPMN error, or have no form, are no submissions', async () => {
  const cancelled = await startTask({ formKey: 'claim' });
  await world.engine.setTaskVariables(cancelled.task.id, { city: text('Oslo') });
  await world.engine.cancel(cancelled.instance.id);
  const failed = await startTask({ formKey: 'claim' });
  await world.engine.endByBpmnError(failed.task.id, 'wrong');
  const formless = await startTask({});
  await world.engine.complete(formless.task.id, { city: text('Oslo') });

  await untilFeedHasPassed(world);
  for (const { caseId } of [cancelled, failed, formless]) {
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual([]);
  }
});
