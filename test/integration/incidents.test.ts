import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type FormEntry, type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { aProcess, type BuiltProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidentsOn, readOpenTasks, retry, type StandingIncident } from '../support/handed-over.ts';
import {
  readErrorDetails,
  readFailedAttempts,
  untilIncidentOf,
  untilIncidentOn,
  untilTraceless,
} from '../support/incidents.ts';
import { aSiteVisit, SITE_VISIT, siteVisitKey } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(180_000);

const BUSY = { withinMs: 60_000, everyMs: 100 };
const UNHEARD_OF = 'unheard-of';

const visits = aProcess({ steps: [{ message: 'never' }] });
const withProduct = (product: string, id?: string) =>
  aProcess({ steps: [{ message: 'never' }], properties: { product }, ...(id !== undefined && { id }) });
const wrong = withProduct('site_permits');
const corrected = withProduct('cop-case', wrong.id);

const knownForm = (name: string): FormEntry => ({ id: `id-${name}`, versionId: `v-${name}`, name, title: name });
const forms = [knownForm(SITE_VISIT)];

let formApi: RunningFormApi;
let world: World;
beforeAll(async () => {
  formApi = await startFormApi({ forms });
  world = createWorld({
    FORM_API_URL: formApi.url,
    S3_CREATE_BUCKETS: 'false',
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

/** What was just mended may be known in its old state for some seconds: whoever is too early presses again. */
async function retryUntilTraceless(incidents: StandingIncident[], source: string): Promise<void> {
  await eventually(
    async () => {
      for (const standing of await readIncidentsOn(world.engine, source)) await retry(world.engine, standing);
      const open = new Set((await readOpenTasks(world.engine)).map(({ id }) => id));
      expect(incidents.filter(({ configuration }) => open.has(configuration))).toEqual([]);
    },
    { withinMs: 60_000, everyMs: 2_500 },
  );
  for (const incident of incidents) await untilTraceless(world.engine, incident, source);
}

type Case = {
  submit(): Promise<Submitted>;
  message(submitted: Submitted): string;
  mend(submitted: Submitted): Promise<unknown>;
  kept(submitted: Submitted): { bucket: string; key: string };
};

const inDefaultBucket = ({ caseId }: Submitted) => ({ bucket: world.bucket, key: siteVisitKey(caseId, 'ada') });

const cases: Record<string, Case> = {
  'a bucket that is missing': {
    async submit() {
      const process = withProduct('permits');
      await world.engine.deploy(process.files);
      return submit(process, visitBy('ada'));
    },
    message: ({ caseId }) =>
      `BUCKET_MISSING: could not write an object in bucket ${world.environment}-permits (form site-visit, case ${caseId}). ` +
      'Create the bucket, or set S3_CREATE_BUCKETS=true; then retry.',
    mend: () => world.vault.createBucket(`${world.environment}-permits`),
    kept: ({ caseId }) => ({ bucket: `${world.environment}-permits`, key: siteVisitKey(caseId, 'ada') }),
  },
  'a product that makes no bucket name': {
    async submit() {
      await world.engine.deploy(wrong.files);
      return submit(wrong, visitBy('ada'));
    },
    message: ({ caseId }) =>
      `PRODUCT_INVALID: could not name a bucket after the extension property product of the process (form site-visit, case ${caseId}). ` +
      `Correct the property product in the BPMN of the process ${wrong.id}, deploy it and retry: ` +
      'a bucket name holds only letters a to z, digits, dots and hyphens.',
    async mend() {
      await world.engine.deploy(corrected.files);
    },
    kept: inDefaultBucket,
  },
  'a form that the form API does not know': {
    submit: () => submit(visits, visitBy('ada', { name: UNHEARD_OF })),
    message: ({ caseId }) =>
      `FORM_UNKNOWN: could not find the form in the form API (form ${UNHEARD_OF}, case ${caseId}). ` +
      'Publish the form in the form API, or set FORM_LOOKUP=optional; then retry.',
    async mend() {
      forms.push(knownForm(UNHEARD_OF));
    },
    kept: ({ caseId }) => ({ bucket: world.bucket, key: siteVisitKey(caseId, 'ada').replace(SITE_VISIT, UNHEARD_OF) }),
  },
  'data without the name of a form, written by no user task': {
    submit: () => submit(visits, visitBy('ada', { name: ' ' })),
    message: ({ caseId }) =>
      `SUBMISSION_INVALID: could not tell the name of the form (form –, case ${caseId}). ` +
      'Write the variable visit again with form.name, then retry.',
    mend: ({ source }) => write(source, visitBy('ada')),
    kept: inDefaultBucket,
  },
  'JSON that is none': {
    submit: () => submit(visits, `${visitBy('ada')}}`),
    message: ({ caseId }) =>
      `SUBMISSION_INVALID: could not parse the variable as JSON (form –, case ${caseId}). ` +
      'Write the variable visit again as valid JSON, then retry.',
    mend: ({ source }) => write(source, visitBy('ada')),
    kept: inDefaultBucket,
  },
  'a form section with an object where a text belongs': {
    submit: () => submit(visits, visitBy('ada', { submittedBy: { first: 'ada' } })),
    message: ({ caseId }) =>
      `SUBMISSION_INVALID: could not read form.submittedBy, which is an object or an array instead of a text (form –, case ${caseId}). ` +
      'Write the variable visit again with a text in form.submittedBy, then retry.',
    mend: ({ source }) => write(source, visitBy('ada')),
    kept: inDefaultBucket,
  },
};

test.each(Object.entries(cases))(
  '%s: an incident at once that says what to do; after it was done a retry keeps the form and takes every trace away',
  async (_, { submit, message, mend, kept }) => {
    const submitted = await submit();
    const incident = await untilIncidentOf(world.engine, submitted.caseId);
    const mark = await untilIncidentOn(world.engine, submitted.source);

    expect(incident.incidentMessage).toBe(message(submitted));
    const { incidentType, incidentMessage, configuration } = incident;
    expect(mark).toMatchObject({ incidentType, incidentMessage, configuration });
    await expect(readFailedAttempts(world.engine, configuration)).resolves.toEqual([
      { errorMessage: incidentMessage, retriesBefore: null },
    ]);
    const [code] = incidentMessage.split(':');
    await expect(readErrorDetails(world.engine, configuration)).resolves.toMatch(
      new RegExp(`^FormvaultError ${code}: could not .*\n {4}at `, 's'),
    );
    const { bucket, key } = kept(submitted);
    await expect(world.vault.exists(bucket, key)).resolves.toBe(false);

    await mend(submitted);
    await retryUntilTraceless([incident], submitted.source);
    await expect(world.vault.list(bucket, `${submitted.caseId}/`)).resolves.toEqual([key]);
  },
);

test('a retry before the cause is mended brings the same incident back, with its mark', async () => {
  const submitted = await submit(visits, '{"form": {"name": "never corrected"');
  const incident = await untilIncidentOf(world.engine, submitted.caseId);
  await untilIncidentOn(world.engine, submitted.source);
  await retry(world.engine, incident);

  await eventually(
    async () => expect(await readFailedAttempts(world.engine, incident.configuration)).toHaveLength(2),
    BUSY,
  );
  const again = await untilIncidentOf(world.engine, submitted.caseId);
  const { incidentMessage, configuration } = incident;
  expect(again).toMatchObject({ incidentMessage, configuration });
  await expect(untilIncidentOn(world.engine, submitted.source)).resolves.toMatchObject({ configuration });

  await world.engine.cancel(incident.processInstanceId);
  await untilTraceless(world.engine, incident, submitted.source);
});

test('bad data that is written again, still bad, keeps its incident; what corrects it ends the incidents of both', async () => {
  const { caseId, source } = await submit(visits, '{"form": {"name": "broken"');
  const first = await untilIncidentOf(world.engine, caseId);
  await write(source, '{"form": {"name": "broken again"');
  const both = await eventually(async () => {
    const standing = await readIncidentsOn(world.engine, source);
    expect(standing).toHaveLength(2);
    return standing;
  }, BUSY);

  await retry(world.engine, first);
  await eventually(async () => {
    expect(await readFailedAttempts(world.engine, first.configuration)).toHaveLength(2);
    expect(await readIncidentsOn(world.engine, source)).toHaveLength(2);
  }, BUSY);

  await write(source, visitBy('ada'));
  await retryUntilTraceless(both, source);
  await expect(world.vault.list(world.bucket, `${caseId}/`)).resolves.toEqual([siteVisitKey(caseId, 'ada')]);
});

test('an instance that somebody started by hand without the reference of a change says what it wants', async () => {
  const { id } = await world.engine.start('formvault-persist', { businessKey: 'BF-4711' });
  const incident = await untilIncidentOn(world.engine, id);

  expect(incident.incidentMessage).toBe(
    'SUBMISSION_INVALID: could not tell which change is meant (form –, case BF-4711). ' +
      'The business key must be the reference of a change, such as task/<id>; cancel this process instance.',
  );
  await world.engine.cancel(id);
});
