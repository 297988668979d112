import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { jsonVariable, objectVariable } from '../../dev/clients/engine-calls.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { expectedDigest, keyTime } from '../support/convention.ts';
import { readPastTask, readUpdate, readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidentsOn } from '../support/handed-over.ts';
import { outcomesOf } from '../support/outcomes.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
let formvault: RunningFormvault;
const visit = aProcess({
  steps: [{ userTask: 'visit', formKey: 'embedded:app:forms/visit.html', assignee: 'grace' }, { userTask: 'check' }],
});

beforeAll(async () => {
  world = createWorld();
  formvault = await world.startFormvault();
  await world.engine.deploy(visit.files);
});
afterAll(() => world.end());

async function startVisit() {
  const caseId = world.newCase();
  const instance = await world.engine.start(visit.id, { businessKey: caseId });
  const task = await world.engine.task(instance.id, 'visit');
  return { caseId, instance, task };
}

async function keptOf(caseId: string, count: number) {
  return eventually(async () => {
    const objects = await world.kept(caseId);
    expect(objects.map(({ key }) => key)).toHaveLength(count);
    return objects;
  });
}

test('an eForms submission that completes a user task is kept with its key, body and metadata', async () => {
  const { caseId, instance, task } = await startVisit();
  const submission = {
    customData: { city: 'Oslo', rooms: 3 },
    form: {
      formId: 'form-1',
      formVersionId: 'version-2',
      name: 'siteVisit',
      title: 'Visit of a site',
      submittedBy: 'ada@example.com',
      submissionDate: '2026-03-04T05:06:07.890+02:00',
    },
    process: { definitionId: '' },
  };
  await world.engine.complete(task.id, { visit: jsonVariable(submission) });

  const [kept] = await keptOf(caseId, 1);
  const update = await readUpdate(world.engine, instance.id, 'visit');
  expect(kept).toMatchObject({
    bucket: `${world.environment}-cop-case`,
    key: `${caseId}/siteVisit/ada@example.com-20260304T030607.json`,
    contentType: 'application/json',
  });
  const process = `{"definitionId":"${instance.definitionId}","instanceId":"${instance.id}","businessKey":"${caseId}"}`;
  expect(kept?.text).toBe(JSON.stringify(submission).replace('{"definitionId":""}', process));
  expect(kept?.metadata).toEqual({
    processinstanceid: instance.id,
    processdefinitionid: instance.definitionId,
    formid: 'form-1',
    formversionid: 'version-2',
    name: 'siteVisit',
    title: 'Visit of a site',
    submittedby: 'ada@example.com',
    submissiondate: '2026-03-04T05:06:07.890+02:00',
    businesskey: caseId,
    digest: expectedDigest(submission),
    source: `detail/${update.id}#`,
    taskid: task.id,
    activityid: 'visit',
  });
});

test('a legacy submission takes its submitter from the shift details, and blank fields from the engine', async () => {
  const { caseId, instance, task } = await startVisit();
  const submission = {
    customData: {},
    form: { formId: '', formVersionId: null, name: ' ', submissionDate: '' },
    shiftDetailsContext: { email: 'shift@example.com' },
  };
  await world.engine.complete(task.id, { visit: jsonVariable(submission) });

  const [kept] = await keptOf(caseId, 1);
  const { id, at } = await readUpdate(world.engine, instance.id, 'visit');
  expect(kept?.key).toBe(`${caseId}/forms%2Fvisit.html/shift@example.com-${keyTime(at)}.json`);
  expect(JSON.parse(kept?.text ?? '')).toEqual({
    ...submission,
    form: {
      formId: '',
      formVersionId: null,
      name: 'forms/visit.html',
      submissionDate: at,
      submittedBy: 'shift@example.com',
    },
    process: { definitionId: instance.definitionId, instanceId: instance.id, businessKey: caseId },
  });
  expect(kept?.metadata).toEqual({
    processinstanceid: instance.id,
    processdefinitionid: instance.definitionId,
    name: 'forms/visit.html',
    submittedby: 'shift@example.com',
    submissiondate: at,
    businesskey: caseId,
    digest: expectedDigest(submission),
    source: `detail/${id}#`,
    taskid: task.id,
    activityid: 'visit',
  });
});

test('an object that is serialised as JSON is kept like JSON, with its numbers as they were written', async () => {
  const { caseId, task } = await startVisit();
  const text = '{"amounts":[12345678901234567890,1.10,-0],"form":{"name":"amounts","submittedBy":"ada"},"process":7}';
  await world.engine.complete(task.id, { visit: { ...objectVariable(null), value: text } });

  const [kept] = await keptOf(caseId, 1);
  expect(kept?.key).toMatch(`${caseId}/amounts/ada-`);
  expect(kept?.text).toBe(text.replace('"ada"', `"ada","submissionDate":"${kept?.metadata.submissiondate}"`));
});

test('a submission that names nobody belongs to the assignee of its task', async () => {
  const { caseId, task } = await startVisit();
  await world.engine.complete(task.id, { visit: jsonVariable({ form: { name: 'unsigned' } }) });

  const [kept] = await keptOf(caseId, 1);
  expect(kept?.key).toMatch(`${caseId}/unsigned/grace-`);
  expect(JSON.parse(kept?.text ?? '').form.submittedBy).toBe('grace');
});

test('three submissions in one variable are three objects, the outer one with the others in it', async () => {
  const { caseId, instance, task } = await startVisit();
  const submittedBy = 'ada';
  const submissionDate = '2026-01-02T03:04:05Z';
  const nested = { answer: 'nested', form: { name: 'nested', submittedBy, submissionDate } };
  const listed = { answer: 'listed', form: { name: 'listed', submittedBy, submissionDate } };
  const outer = {
    part: { 'a/b': nested },
    list: [{ form: 'just data' }, listed],
    form: { name: 'outer', submittedBy, submissionDate },
  };
  await world.engine.complete(task.id, { visit: jsonVariable(outer) });

  const kept = await keptOf(caseId, 3);
  const { id } = await readUpdate(world.engine, instance.id, 'visit');
  const process = { definitionId: instance.definitionId, instanceId: instance.id, businessKey: caseId };
  expect(kept.map(({ key, text, metadata }) => ({ key, body: JSON.parse(text), ...metadata }))).toMatchObject(
    [
      { name: 'listed', pointer: '/list/1', submission: listed },
      { name: 'nested', pointer: '/part/a~1b', submission: nested },
      { name: 'outer', pointer: '', submission: outer },
    ].map(({ name, pointer, submission }) => ({
      key: `${caseId}/${name}/ada-20260102T030405.json`,
      body: { ...submission, process },
      digest: expectedDigest(submission),
      source: `detail/${id}#${pointer}`,
    })),
  );
});

test('every submission in a root array is kept, and a bad one is an incident that does not hold up the good ones', async () => {
  const { caseId, instance, task } = await startVisit();
  const good = (name: string) => ({ form: { name, submittedBy: 'ada', submissionDate: '2026-01-02' } });
  const value = [good('first'), { form: { name: ['no', 'name'] } }, { form: null }, { form: [] }, good('second')];
  await world.engine.complete(task.id, { visit: jsonVariable(value) });

  const kept = await keptOf(caseId, 2);
  expect(kept.map(({ key }) => key)).toEqual([
    `${caseId}/first/ada-20260102T000000.json`,
    `${caseId}/second/ada-20260102T000000.json`,
  ]);
  const { id } = await readUpdate(world.engine, instance.id, 'visit');
  await eventually(async () => expect(await readIncidentsOn(world.engine, instance.id)).toHaveLength(1), {
    withinMs: 15_000,
  });
  // Its external task tries the whole variable, and finds what is kept.
  const outcomes = ['SUBMISSION_INVALID', 'persisted', 'persisted', 'unchanged', 'unchanged'];
  expect(outcomesOf(formvault, `detail/${id}`).sort()).toEqual(outcomes);
  await expect(world.kept(caseId)).resolves.toEqual(kept);
});

test('two different submissions of one form by one person in the same second are two objects', async () => {
  const { caseId, instance } = await startVisit();
  const form = { name: 'same', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05.100Z' };
  const first = { answer: 1, form };
  const second = { answer: 2, form: { ...form, submissionDate: '2026-01-02T03:04:05.900Z' } };
  const own = `${caseId}/same/ada-20260102T030405`;

  await world.engine.setVariable(instance.id, 'one', jsonVariable(first));
  await keptOf(caseId, 1);
  await world.engine.setVariable(instance.id, 'two', jsonVariable(second));

  const kept = await keptOf(caseId, 2);
  expect(kept.map(({ key, text }) => [key, JSON.parse(text).answer])).toEqual([
    [`${own}-${expectedDigest(second).slice(0, 8)}.json`, 2],
    [`${own}.json`, 1],
  ]);
});

test.each([
  {
    date: 'with a submission date',
    form: { name: 'again', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' },
  },
  { date: 'without a submission date', form: { name: 'again', submittedBy: 'ada' } },
  { date: 'with nothing but a form id', form: { formId: 'form-1' } },
])('a variable that later steps write again unchanged stays one object, $date', async ({ form }) => {
  const { caseId, instance, task } = await startVisit();
  const submission = { answer: 'same', form };
  await world.engine.complete(task.id, { visit: jsonVariable(submission) });
  const [first] = await keptOf(caseId, 1);
  // The second at which it is written is part of a key: without the next one, a second object could hide behind the first.
  const written = await readUpdates(world.engine, instance.id, 'visit');
  await eventually(async () => {
    const check = await world.engine.http.get('/engine');
    expect(Date.parse(String(check.headers.date))).toBeGreaterThan(Date.parse(written[0]?.at ?? ''));
  });

  await world.engine.setVariable(instance.id, 'visit', jsonVariable(submission));
  const check = await world.engine.task(instance.id, 'check');
  await world.engine.setTaskVariables(check.id, { visit: objectVariable({ form, answer: 'same' }) });
  await world.engine.assign(check.id, 'someone-else');
  await world.engine.complete(check.id, { visit: jsonVariable({ form, answer: 'same' }) });

  const updates = await readUpdates(world.engine, instance.id, 'visit');
  expect(updates).toHaveLength(4);
  await eventually(() =>
    expect(updates.map(({ id }) => outcomesOf(formvault, `detail/${id}`))).toEqual([
      ['persisted'],
      ['unchanged'],
      ['unchanged'],
      ['unchanged'],
    ]),
  );
  await expect(world.kept(caseId)).resolves.toEqual([first]);
  const past = await readPastTask(world.engine, task.id);
  expect(updates[0]?.activityInstanceId).toBe(past.activityInstanceId);
});

test('a variable that is written again unchanged after a restart stays one object', async () => {
  const { caseId, instance, task } = await startVisit();
  const submission = jsonVariable({ answer: 'same', form: { name: 'restarted' } });
  await world.engine.complete(task.id, { visit: submission });
  const [first] = await keptOf(caseId, 1);
  await formvault.stop();

  await world.engine.setVariable(instance.id, 'visit', submission);
  formvault = await world.startFormvault();

  const [, again] = await readUpdates(world.engine, instance.id, 'visit');
  await eventually(() => expect(outcomesOf(formvault, `detail/${again?.id}`)).toEqual(['unchanged']));
  await expect(world.kept(caseId)).resolves.toEqual([first]);
});
