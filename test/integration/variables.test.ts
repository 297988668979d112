import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { expectedDigest, keyTime } from '../support/convention.ts';
import { readPastTask, readUpdate, readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { outcomesOf } from '../support/outcomes.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
let formvault: RunningFormvault;
const message = 'inspection-reported';
const idle = aProcess({ steps: [{ userTask: 'idle' }] });
const waiting = aProcess({ steps: [{ message }, { userTask: 'idle' }] });
const mapped = aProcess({
  steps: [{ userTask: 'inspect', formKey: 'inspection', assignee: 'grace', outputs: { report: 'S(draft)' } }],
});
const called = aProcess({ steps: [{ userTask: 'inner', formKey: 'inner-form', assignee: 'grace' }, { message }] });
const caller = aProcess({ steps: [{ call: called.id }] });

beforeAll(async () => {
  world = createWorld();
  formvault = await world.startFormvault();
  await world.engine.deploy({ ...idle.files, ...waiting.files, ...mapped.files, ...called.files, ...caller.files });
});
afterAll(() => world.end());

const report = {
  answer: 'dry',
  form: { name: 'inspection', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' },
};

async function keptOf(caseId: string, count = 1) {
  return eventually(async () => {
    const objects = await world.kept(caseId);
    expect(objects.map(({ key }) => key)).toHaveLength(count);
    return objects;
  });
}

/** Set by no user task: there is neither task nor, outside of any activity, an activity. */
async function expectReport(caseId: string, instance: { id: string; definitionId: string }, more: object = {}) {
  const [kept] = await keptOf(caseId);
  const { id } = await readUpdate(world.engine, instance.id, 'report');
  expect(kept?.key).toBe(`${caseId}/inspection/ada-20260102T030405.json`);
  const process = { definitionId: instance.definitionId, instanceId: instance.id, businessKey: caseId };
  expect(kept?.text).toBe(JSON.stringify({ ...report, process }));
  expect(kept?.metadata).toEqual({
    processinstanceid: instance.id,
    processdefinitionid: instance.definitionId,
    name: 'inspection',
    submittedby: 'ada',
    submissiondate: '2026-01-02T03:04:05Z',
    businesskey: caseId,
    digest: expectedDigest(report),
    source: `detail/${id}#`,
    ...more,
  });
}

test('convention data that a message brings is kept', async () => {
  const businessKey = world.newCase();
  const instance = await world.engine.start(waiting.id, { businessKey });
  await world.engine.correlate({
    messageName: message,
    businessKey,
    processVariables: { report: jsonVariable(report) },
  });
  await expectReport(businessKey, instance, { activityid: 'step_0' });
});

test('convention data that is put into an instance that waits for something else is kept', async () => {
  const businessKey = world.newCase();
  const instance = await world.engine.start(waiting.id, { businessKey });
  await world.engine.setVariable(instance.id, 'report', jsonVariable(report));
  await expectReport(businessKey, instance);
});

test('convention data that is put into an instance at a user task belongs to that task', async () => {
  const businessKey = world.newCase();
  const instance = await world.engine.start(idle.id, { businessKey });
  const task = await world.engine.task(instance.id);
  await world.engine.setVariable(instance.id, 'report', jsonVariable(report));
  await expectReport(businessKey, instance, { taskid: task.id, activityid: 'idle' });
});

test('convention data that a process instance starts with is kept', async () => {
  const businessKey = world.newCase();
  const instance = await world.engine.start(idle.id, { businessKey, variables: { report: jsonVariable(report) } });
  const [kept] = await keptOf(businessKey);
  expect(kept?.key).toBe(`${businessKey}/inspection/ada-20260102T030405.json`);
  expect(kept?.metadata).toMatchObject({ processinstanceid: instance.id, digest: expectedDigest(report) });
  expect(kept?.metadata).not.toHaveProperty('taskid');
});

// The engine writes what an output mapping makes in the name of the process instance, not of the task.
test('convention data that an output mapping makes is kept beside the task submission that it was made of', async () => {
  const businessKey = world.newCase();
  const instance = await world.engine.start(mapped.id, { businessKey });
  const task = await world.engine.task(instance.id);
  await world.engine.complete(task.id, { draft: { type: 'String', value: JSON.stringify(report) } });

  const kept = await keptOf(businessKey, 2);
  const { id } = await readUpdate(world.engine, instance.id, 'report');
  const { endTime } = await readPastTask(world.engine, task.id);
  expect(kept.map(({ key, metadata: { source, digest } }) => ({ key, source, digest }))).toMatchObject([
    {
      key: `${businessKey}/inspection/ada-20260102T030405.json`,
      source: `detail/${id}#`,
      digest: expectedDigest(report),
    },
    { key: `${businessKey}/inspection/grace-${keyTime(endTime)}.json`, source: `task/${task.id}` },
  ]);
  expect(kept[0]?.metadata).not.toHaveProperty('taskid');
});

test('convention data without a business key belongs to the case of its process instance id', async () => {
  const instance = await world.engine.start(idle.id, { variables: { report: jsonVariable(report) } });
  const [kept] = await keptOf(instance.id);
  expect(kept?.key).toBe(`${instance.id}/inspection/ada-20260102T030405.json`);
  expect(kept?.metadata).not.toHaveProperty('businesskey');
  expect(JSON.parse(kept?.text ?? '').process).toEqual({
    definitionId: instance.definitionId,
    instanceId: instance.id,
  });
});

test.each([
  { kind: 'business key', withKey: true },
  { kind: 'instance id, where it has no business key', withKey: false },
])('what a called process keeps belongs to the case of the root: its $kind', async ({ withKey }) => {
  const businessKey = withKey ? world.newCase() : undefined;
  const root = await world.engine.start(caller.id, businessKey === undefined ? {} : { businessKey });
  const query = { params: { superProcessInstance: root.id } };
  const [inner] = (await world.engine.http.get<{ id: string }[]>('/process-instance', query)).data;
  const task = await world.engine.task(inner?.id ?? '', 'inner');
  await world.engine.complete(task.id, { answer: { type: 'String', value: 'wet' } });
  await world.engine.setVariable(inner?.id ?? '', 'report', jsonVariable(report));

  const caseId = businessKey ?? root.id;
  const kept = await keptOf(caseId, 2);
  const { endTime } = await readPastTask(world.engine, task.id);
  expect(kept.map(({ key }) => key)).toEqual([
    `${caseId}/inner-form/grace-${keyTime(endTime)}.json`,
    `${caseId}/inspection/ada-20260102T030405.json`,
  ]);
  for (const { text, metadata } of kept) {
    expect(metadata.processinstanceid).toBe(inner?.id);
    expect(metadata.businesskey).toBe(businessKey);
    expect(JSON.parse(text).process).toMatchObject({ instanceId: inner?.id });
    expect(JSON.parse(text).process.businessKey).toBe(businessKey);
  }
});

test('a submission that a call activity copies into the called process stays one object', async () => {
  const businessKey = world.newCase();
  const root = await world.engine.start(caller.id, { businessKey, variables: { report: jsonVariable(report) } });
  const kept = await keptOf(businessKey);
  const query = { params: { superProcessInstance: root.id } };
  const [inner] = (await world.engine.http.get<{ id: string }[]>('/process-instance', query)).data;
  const written = await readUpdate(world.engine, root.id, 'report');
  const copied = await readUpdate(world.engine, inner?.id ?? '', 'report');

  await eventually(() => {
    const outcomes = [written, copied].flatMap(({ id }) => outcomesOf(formvault, `detail/${id}`));
    expect(outcomes.sort()).toEqual(['persisted', 'unchanged']);
  });
  await expect(world.kept(businessKey)).resolves.toEqual(kept);
});

test('a variable that was deleted again is kept as it was written', async () => {
  const businessKey = world.newCase();
  const instance = await world.engine.start(idle.id, { businessKey, variables: { report: jsonVariable(report) } });
  await world.engine.http.delete(`/process-instance/${instance.id}/variables/report`);

  const [kept] = await keptOf(businessKey);
  expect(JSON.parse(kept?.text ?? '')).toMatchObject(report);
  const [written] = await readUpdates(world.engine, instance.id, 'report');
  expect(kept?.metadata.source).toBe(`detail/${written?.id}#`);
});
