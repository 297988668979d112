import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess, type ProcessSpec, type Step } from '../support/a-process.ts';
import { readPastTask } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readHandedOver, readIncidentsOn, retry } from '../support/handed-over.ts';
import { readErrorDetails, readFailedAttempts, untilIncidentOn } from '../support/incidents.ts';
import { outcomesOf } from '../support/outcomes.ts';
import { aSiteVisit, siteVisitKey } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(180_000);

const BUSY = { withinMs: 60_000, everyMs: 100 };
const NOT_KEPT = { disableExplicitFormDataS3Save: 'true' };

let world: World;
beforeEach(async () => {
  world = createWorld({ S3_CREATE_BUCKETS: 'false', RETRY_SECONDS: '1', LONG_POLL_MS: '2000', WATCHDOG_SECONDS: '2' });
  await world.vault.createBucket(world.bucket);
});
afterEach(() => world.end());

const visit: Step = { userTask: 'visit', formKey: 'visit-form', assignee: 'ada' };
const TASKS: Step = { topic: 'user-task-completed' };
const OTHERS: Step = { topic: 'convention-variable' };
/** Where an instance stands that has come past its checkpoints. */
const BEYOND: Step = { userTask: 'beyond' };

async function start(steps: Step[], properties?: ProcessSpec['properties'], variables = {}) {
  const process = aProcess({ steps, ...(properties && { properties }) });
  await world.engine.deploy(process.files);
  const caseId = world.newCase();
  const { id } = await world.engine.start(process.id, { businessKey: caseId, variables });
  return { id, caseId, process };
}

async function completeVisit(id: string, weather: string): Promise<string> {
  const task = await world.engine.task(id, 'visit');
  await world.engine.complete(task.id, { weather: { value: weather } });
  return task.id;
}

const untilBeyond = (id: string) =>
  eventually(async () => expect((await world.engine.task(id)).taskDefinitionKey).toBe('beyond'), BUSY);

/** What was submitted in each kept object of a case. */
const keptSources = async (caseId: string, bucket?: string) =>
  (await world.kept(caseId, bucket)).map(({ metadata }) => metadata.source).sort();

describe('a checkpoint', () => {
  test('is passed when the forms are safe, and what was kept already is not kept twice', async () => {
    const formvault = await world.startFormvault();
    const { id, caseId } = await start([visit, { message: 'go' }, TASKS, BEYOND]);
    const taskId = await completeVisit(id, 'fine');
    await eventually(async () => expect(await keptSources(caseId)).toEqual([`task/${taskId}`]), BUSY);
    const [before] = await world.kept(caseId);

    await world.engine.correlate({ messageName: 'go', processInstanceId: id });
    await untilBeyond(id);
    const kept = await world.kept(caseId);
    expect(kept).toEqual([before]);
    expect(outcomesOf(formvault, `task/${taskId}`)).toEqual(['persisted', 'unchanged']);
  });

  test('holds the process while nobody keeps its forms, and is passed by whoever comes', async () => {
    const first = await world.startFormvault();
    await first.stop();
    const { id, caseId } = await start([visit, TASKS, BEYOND]);
    const taskId = await completeVisit(id, 'fine');
    await expect(world.engine.tasks(id)).resolves.toEqual([]);

    await world.startFormvault({ ROLES: 'worker' }, { until: 'started' });
    await untilBeyond(id);
    await expect(keptSources(caseId)).resolves.toEqual([`task/${taskId}`]);
  });

  test('keeps every form of its kind in the instance: tasks, data of tasks; of other data the other topic', async () => {
    const other: Step = { userTask: 'report', formKey: 'report-form', assignee: 'bob' };
    const steps: Step[] = [visit, other, { message: 'go' }, TASKS, { userTask: 'between' }, OTHERS, BEYOND];
    const { id, caseId } = await start(steps, NOT_KEPT, {
      atStart: jsonVariable(aSiteVisit('eve')),
    });
    await world.startFormvault();
    const taskId = await completeVisit(id, 'fine');
    const report = await world.engine.task(id, 'report');
    await world.engine.complete(report.id, { report: jsonVariable(aSiteVisit('bob')) });
    // Written while a user task is open it would count as written in that task.
    await world.engine.setVariable(id, 'fromOutside', jsonVariable([aSiteVisit('cyd'), { a: aSiteVisit('dan') }]));
    await world.engine.correlate({ messageName: 'go', processInstanceId: id });

    await eventually(async () => expect((await world.engine.task(id)).taskDefinitionKey).toBe('between'), BUSY);
    const { endTime } = await readPastTask(world.engine, taskId);
    const visitKey = `${caseId}/visit-form/ada-${endTime.slice(0, 19).replaceAll(/[-:]/g, '')}.json`;
    const ofTasks = [siteVisitKey(caseId, 'bob'), visitKey];
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual(ofTasks.sort());

    await world.engine.complete((await world.engine.task(id, 'between')).id);
    await untilBeyond(id);
    const ofOthers = ['cyd', 'dan', 'eve'].map((person) => siteVisitKey(caseId, person));
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual([...ofTasks, ...ofOthers].sort());
  });

  test('without any form in its instance is passed', async () => {
    await world.startFormvault();
    const { id, caseId } = await start([TASKS, OTHERS, BEYOND]);
    await untilBeyond(id);
    await expect(world.kept(caseId)).resolves.toEqual([]);
  });

  test('keeps many forms', async () => {
    await world.startFormvault();
    const people = Array.from({ length: 120 }, (_, i) => `person-${i}`);
    const variables = Object.fromEntries(people.map((person) => [person, jsonVariable(aSiteVisit(person))]));
    const { id, caseId } = await start([OTHERS, BEYOND], NOT_KEPT, variables);
    await untilBeyond(id);
    const keys = people.map((person) => siteVisitKey(caseId, person)).sort();
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual(keys);
  });
});

describe('a checkpoint that fails', () => {
  test.each([
    ['user-task-completed', TASKS],
    ['convention-variable', OTHERS],
  ])('%s: holds the process with one incident on its own instance, until it is mended and retried', async (_, step) => {
    await world.startFormvault();
    const properties = { product: 'late', ...NOT_KEPT };
    const { id, caseId } = await start([visit, step, BEYOND], properties, { visit: jsonVariable(aSiteVisit('eve')) });
    const taskId = await completeVisit(id, 'fine');

    const incident = await untilIncidentOn(world.engine, id);
    const form = step === TASKS ? 'visit-form' : 'site-visit';
    expect(incident).toMatchObject({
      incidentType: 'failedExternalTask',
      processInstanceId: id,
      activityId: 'step_1',
      incidentMessage:
        `BUCKET_MISSING: could not write an object in bucket ${world.environment}-late (form ${form}, case ${caseId}). ` +
        'Create the bucket, or set S3_CREATE_BUCKETS=true; then retry.',
    });
    await expect(readFailedAttempts(world.engine, incident.configuration)).resolves.toHaveLength(1);
    await expect(readErrorDetails(world.engine, incident.configuration)).resolves.toMatch(
      /^FormvaultError BUCKET_MISSING: .*\n {4}at .*Caused by: NoSuchBucket/s,
    );
    await expect(readHandedOver(world.engine)).resolves.toEqual([]);
    await expect(world.engine.tasks(id)).resolves.toEqual([]);

    const bucket = `${world.environment}-late`;
    await world.vault.createBucket(bucket);
    await retry(world.engine, incident);
    await untilBeyond(id);
    await expect(readIncidentsOn(world.engine, id)).resolves.toEqual([]);
    const [source, ...more] = await keptSources(caseId, bucket);
    expect(more).toEqual([]);
    expect(source).toMatch(step === TASKS ? `task/${taskId}` : /^detail\//);
  });

  test('beside forms that are kept implicitly has an incident of its own, next to that of the form', async () => {
    await world.startFormvault();
    const { id, caseId } = await start([visit, TASKS, BEYOND], { product: 'late' });
    const taskId = await completeVisit(id, 'fine');

    await eventually(async () => {
      expect(await readHandedOver(world.engine)).toEqual([`task/${taskId}`]);
      expect(await readIncidentsOn(world.engine, id)).toHaveLength(2);
    }, BUSY);
    await world.vault.createBucket(`${world.environment}-late`);
    for (const incident of await readIncidentsOn(world.engine, id)) await retry(world.engine, incident);
    await untilBeyond(id);
    await eventually(async () => expect(await readIncidentsOn(world.engine, id)).toEqual([]), BUSY);
    await expect(keptSources(caseId, `${world.environment}-late`)).resolves.toEqual([`task/${taskId}`]);
  });

  test('for invalid data keeps the good beside it, and is passed by a retry when the variable was corrected', async () => {
    await world.startFormvault();
    const good = jsonVariable(aSiteVisit('ada'));
    const bad = { type: 'Json', value: '{"form": {"name": "site-visit"' };
    const { id, caseId } = await start([OTHERS, BEYOND], NOT_KEPT, { good, bad });

    const incident = await untilIncidentOn(world.engine, id);
    expect(incident.incidentMessage).toBe(
      `SUBMISSION_INVALID: could not parse the variable as JSON (form –, case ${caseId}). ` +
        'Write the variable bad again as valid JSON, then retry.',
    );
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual([siteVisitKey(caseId, 'ada')]);

    await retry(world.engine, incident);
    await eventually(
      async () => expect(await readFailedAttempts(world.engine, incident.configuration)).toHaveLength(2),
      BUSY,
    );
    await untilIncidentOn(world.engine, id);

    await world.engine.setVariable(id, 'bad', jsonVariable(aSiteVisit('bob')));
    await retry(world.engine, incident);
    await untilBeyond(id);
    const keys = [siteVisitKey(caseId, 'ada'), siteVisitKey(caseId, 'bob')];
    await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual(keys);
  });

  test('says nothing of a variable called source, which is the modeller’s own', async () => {
    await world.startFormvault();
    const source = jsonVariable({ form: { name: ['Mrs Smith'] }, case: 'High Street 1', suspect: true });
    const { id, caseId } = await start([OTHERS, BEYOND], NOT_KEPT, { source });

    const { incidentMessage } = await untilIncidentOn(world.engine, id);
    expect(incidentMessage).toBe(
      `SUBMISSION_INVALID: could not read form.name, which is an object or an array instead of a text (form –, case ${caseId}). ` +
        'Write the variable source again with a text in form.name, then retry.',
    );
  });
});
