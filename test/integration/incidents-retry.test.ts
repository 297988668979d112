import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type FormEntry, type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { aProcess, type BuiltProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidents, retry } from '../support/handed-over.ts';
import { readFailedAttempts, untilIncidentOf, untilTraceless } from '../support/incidents.ts';
import { aSiteVisit, SITE_VISIT } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(180_000);

const BUSY = { withinMs: 60_000, everyMs: 100 };
const MAX_ATTEMPTS = 4;

const visits = aProcess({ steps: [{ message: 'never' }] });
const withProduct = (product: string) => aProcess({ steps: [{ message: 'never' }], properties: { product } });

const knownForm = (name: string): FormEntry => ({ id: `id-${name}`, versionId: `v-${name}`, name, title: name });
const forms = [knownForm(SITE_VISIT)];

let formApi: RunningFormApi;
let world: World;
beforeAll(async () => {
  formApi = await startFormApi({ forms });
  world = createWorld({
    FORM_API_URL: formApi.url,
    S3_CREATE_BUCKETS: 'false',
    MAX_ATTEMPTS: String(MAX_ATTEMPTS),
    RETRY_SECONDS: '1',
    LONG_POLL_MS: '2000',
    WATCHDOG_SECONDS: '2',
  });
  await world.vault.createBucket(world.bucket);
  await world.engine.deploy(visits.files);
  await world.startFormvault();
});
afterAll(async () => {
  await world.end();
  await formApi.stop();
});

type Submitted = { caseId: string; source: string };

async function submit(process: BuiltProcess, text: string): Promise<Submitted> {
  const caseId = world.newCase();
  const { id: source } = await world.engine.start(process.id, { businessKey: caseId });
  await write(source, text);
  return { caseId, source };
}

const write = (source: string, text: string) =>
  world.engine.setVariable(source, 'visit', { type: 'Json', value: text });

const visitBy = (person: string, form: object = {}) => {
  const visit = aSiteVisit(person, { weather: 'fine' });
  return JSON.stringify({ ...visit, form: { ...visit.form, ...form } });
};

/** Forms for a bucket that is not there yet. */
async function failThreeVisits() {
  const product = `late-${world.newCase()}`;
  const process = withProduct(product);
  await world.engine.deploy(process.files);
  const submitted: Submitted[] = [];
  for (const person of ['ada', 'bob', 'cyd']) submitted.push(await submit(process, visitBy(person)));
  const incidents = await Promise.all(submitted.map(({ caseId }) => untilIncidentOf(world.engine, caseId)));
  const bucket = `${world.environment}-${product}`;
  await world.vault.createBucket(bucket);
  return { submitted, incidents, bucket };
}

describe('many at once are tried again', () => {
  test.each<[string, (tasks: string[], instances: string[]) => Promise<unknown>]>([
    [
      'by a batch',
      (externalTaskIds) => world.engine.http.post('/external-task/retries-async', { retries: 1, externalTaskIds }),
    ],
    [
      'by their process instances',
      (_, processInstanceIds) => world.engine.http.put('/external-task/retries', { retries: 1, processInstanceIds }),
    ],
    [
      'by a query for all that have no retries left',
      () =>
        world.engine.http.put('/external-task/retries', {
          retries: 1,
          externalTaskQuery: { topicName: 'convention-variable', noRetriesLeft: true },
        }),
    ],
  ])('%s', async (_, retryAll) => {
    const { submitted, incidents, bucket } = await failThreeVisits();
    await retryAll(
      incidents.map(({ configuration }) => configuration),
      incidents.map(({ processInstanceId }) => processInstanceId),
    );

    for (const [i, { source }] of submitted.entries()) {
      const incident = incidents[i];
      if (incident !== undefined) await untilTraceless(world.engine, incident, source);
    }
    await expect(world.vault.list(bucket)).resolves.toHaveLength(submitted.length);
  });
});

test('what passes by itself is tried MAX_ATTEMPTS times, and only then an incident', async () => {
  formApi.failNext(503, Number.POSITIVE_INFINITY);
  const other = 'another-form';
  forms.push(knownForm(other));
  const submitted = await submit(visits, visitBy('ada', { name: other }));
  const incident = await untilIncidentOf(world.engine, submitted.caseId);

  expect(incident.incidentMessage).toBe(
    `FORM_API_UNAVAILABLE: could not look up the form (form ${other}, case ${submitted.caseId}). ` +
      'Check that the form API runs and that FORM_API_URL leads to it.',
  );
  const attempts = await readFailedAttempts(world.engine, incident.configuration);
  expect(attempts.map(({ retriesBefore }) => retriesBefore)).toEqual([null, 3, 2, 1]);
  expect(new Set(attempts.map(({ errorMessage }) => errorMessage))).toEqual(new Set([incident.incidentMessage]));

  formApi.failNext(200, 0);
  await untilTraceless(world.engine, incident, submitted.source);
  await expect(world.vault.list(world.bucket, `${submitted.caseId}/`)).resolves.toHaveLength(1);
});

describe('data that the engine has removed before it was kept', () => {
  const visitTask = aProcess({
    steps: [{ userTask: 'visit', formKey: 'visit' }],
    properties: { product: 'no_bucket' },
  });

  async function failAndForget(submitted: Submitted): Promise<string> {
    const incident = await untilIncidentOf(world.engine, submitted.caseId);
    if (await world.engine.isRunning(submitted.source)) await world.engine.cancel(submitted.source);
    await world.engine.http.delete(`/history/process-instance/${submitted.source}`);
    await retry(world.engine, incident);
    // The watchdog may have put the first one back, which the end of the source had taken along.
    const again = await eventually(async () => {
      const standing = (await readIncidents(world.engine)).filter(
        ({ configuration }) => configuration === incident.configuration,
      );
      const messages = standing.map(({ incidentMessage }) => incidentMessage);
      const found = messages.find((message) => message.startsWith('SOURCE_GONE'));
      expect([found, messages]).toEqual([expect.any(String), messages]);
      return found;
    }, BUSY);
    await world.engine.cancel(incident.processInstanceId);
    return again ?? '';
  }

  const gone = (form: string, caseId: string) =>
    `SOURCE_GONE: could not find the change in the history (form ${form}, case ${caseId}). ` +
    'Look for the data in a backup of the engine: its history was removed before it could be kept. Then cancel the instance of formvault-persist.';

  test('is an incident that says so, for a variable', async () => {
    const submitted = await submit(visits, visitBy('ada', { name: ' ' }));
    await expect(failAndForget(submitted)).resolves.toBe(gone('–', submitted.caseId));
  });

  test('and for the form of a task', async () => {
    await world.engine.deploy(visitTask.files);
    const caseId = world.newCase();
    const { id: source } = await world.engine.start(visitTask.id, { businessKey: caseId });
    await world.engine.complete((await world.engine.task(source)).id, { weather: { value: 'fine' } });
    await expect(failAndForget({ caseId, source })).resolves.toBe(gone('visit', caseId));
  });
});
