import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  createEngineCalls,
  type EngineCalls,
  type EngineVariables,
  fileVariable,
} from '../../dev/clients/engine-calls.ts';
import { type RunningEngine, startEngine } from '../../dev/servers/engine.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { readWhatIsTold, untilIncidentOf } from '../support/incidents.ts';
import { createProbes, type Probes } from '../support/probes.ts';
import { type SayingFormApi, startSayingFormApi } from '../support/saying-form-api.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(240_000);

const BUSY = { withinMs: 90_000, everyMs: 250 };

/** What nobody may read anywhere: what people typed, who they are, what services said about it, what opens a door. */
const ANSWER = 'marker-typed-answer';
const PERSON = 'marker-of-a-person';
const SAID = 'marker-said-by-a-service';
const ENGINE_PASSWORD = 'marker-engine-password';
const FORM_API_PASSWORD = 'marker-form-api-password';
const base64 = (text: string) => Buffer.from(text).toString('base64');

const visits = aProcess({ steps: [{ message: 'never' }] });
const permits = aProcess({ steps: [{ message: 'never' }], properties: { product: 'permits' } });
const wrong = aProcess({ steps: [{ message: 'never' }], properties: { product: 'a_b' } });
const task = aProcess({
  steps: [{ userTask: 'visit', formKey: 'visit', assignee: PERSON }],
  properties: { product: 'permits' },
});
const checkpoint = aProcess({
  steps: [{ topic: 'convention-variable' }],
  properties: { disableExplicitFormDataS3Save: 'true' },
});

let ownEngine: RunningEngine;
let engine: EngineCalls;
let engineProxy: CountingProxy;
let s3: CountingProxy;
let formApi: SayingFormApi;
let world: World;
let probes: Probes;
let formvault: RunningFormvault;
beforeAll(async () => {
  ownEngine = await startEngine({ restAuth: true, heapMb: 512 });
  engine = createEngineCalls(ownEngine.url, { username: 'demo', password: 'demo' });
  await engine.createUser('keeper', 'Form', 'Keeper', ENGINE_PASSWORD);
  engineProxy = await startCountingProxy(ownEngine.url);
  s3 = await startCountingProxy(testServers().s3.endpoint);
  formApi = await startSayingFormApi();
  probes = await createProbes();
  world = createWorld({
    ENGINE_URL: engineProxy.url,
    ENGINE_USERNAME: 'keeper',
    ENGINE_PASSWORD,
    FORM_API_URL: formApi.url,
    FORM_API_USERNAME: 'keeper',
    FORM_API_PASSWORD,
    S3_ENDPOINT: s3.url,
    S3_CREATE_BUCKETS: 'false',
    MAX_ATTEMPTS: '1',
    LONG_POLL_MS: '2000',
    WATCHDOG_SECONDS: '2',
    LOG_LEVEL: 'trace',
    PORT: probes.PORT,
  });
  await world.vault.createBucket(world.bucket);
  await engine.deploy({ ...visits.files, ...permits.files, ...wrong.files, ...task.files, ...checkpoint.files });
  formvault = await world.startFormvault();
});
afterAll(async () => {
  await world.end();
  formApi.close();
  await Promise.all([s3.close(), engineProxy.close()]);
  await ownEngine.stop();
});

type Submitted = { caseId: string; id: string };

/** A case is called after a person too: people in Cockpit see that, the log does not. */
const newCase = () => `${PERSON}-${world.newCase()}`;

async function submit(process: { id: string }, text: string): Promise<Submitted> {
  const caseId = newCase();
  const { id } = await engine.start(process.id, { businessKey: caseId });
  await engine.setVariable(id, 'visit', { type: 'Json', value: text });
  return { caseId, id };
}

async function completeTask(variables: EngineVariables): Promise<Submitted> {
  const caseId = newCase();
  const { id } = await engine.start(task.id, { businessKey: caseId });
  await engine.submitForm((await engine.task(id)).id, variables);
  return { caseId, id };
}

let forms = 0;
const visit = (form: object = {}) =>
  JSON.stringify({
    answer: ANSWER,
    [ANSWER]: { [ANSWER]: [ANSWER] },
    shiftDetailsContext: { email: `${PERSON}@example.org` },
    form: { name: `visit-${++forms}`, title: ANSWER, submittedBy: PERSON, ...form },
  });
const withIds = { formId: ANSWER, formVersionId: ANSWER };

const readTold = () =>
  readWhatIsTold(engine, formvault, { url: `http://127.0.0.1:${probes.PORT}`, strangePath: `/${ANSWER}?${ANSWER}=1` });

/** Names of forms and cases are told in incidents, and cases are called after a person here. */
const withoutCases = (text: string) => text.replaceAll(new RegExp(`${PERSON}-case-[0-9a-f]+`, 'g'), 'the case');

async function expectNothingIsTold(): Promise<void> {
  const { secretAccessKey } = testServers().s3;
  const secrets = [
    ANSWER,
    base64(ANSWER),
    encodeURIComponent(`${PERSON}@`),
    SAID,
    ENGINE_PASSWORD,
    base64(`keeper:${ENGINE_PASSWORD}`),
    FORM_API_PASSWORD,
    base64(`keeper:${FORM_API_PASSWORD}`),
    secretAccessKey,
    'AWS4-HMAC-SHA256',
  ];
  for (const [where, text] of Object.entries(await readTold())) {
    for (const secret of secrets) expect([where, secret, text.includes(secret)]).toEqual([where, secret, false]);
    const isForOperators = where === 'the log' || where.startsWith('/');
    expect([where, (isForOperators ? text : withoutCases(text)).includes(PERSON)]).toEqual([where, false]);
  }
}

const denied = (code: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${SAID} may not write ${ANSWER}</Message><Key>${PERSON}/${ANSWER}</Key><Resource>/${ANSWER}</Resource></Error>`;
const xml = { 'content-type': 'application/xml' };
const json = { 'content-type': 'application/json' };

type Way = { code: string; fail(): Promise<Submitted> };

const whenFormApiSays = (code: string, ...answer: Parameters<SayingFormApi['says']>): Way => ({
  code,
  fail() {
    formApi.says(...answer);
    return submit(visits, visit());
  },
});

const whenS3Answers = (code: string, status: number, body: string): Way => ({
  code,
  fail() {
    s3.answer({ status, headers: xml, body });
    return submit(visits, visit(withIds));
  },
});

const ways: Record<string, Way> = {
  'JSON that is none': {
    code: 'SUBMISSION_INVALID',
    fail: () => submit(visits, `{"form": {"name": "visit"}, "${ANSWER}": ${ANSWER} "${PERSON}" `),
  },
  'JSON that ends in an answer': {
    code: 'SUBMISSION_INVALID',
    fail: () => submit(visits, `{"form": {"name": "visit"}} ${ANSWER}`),
  },
  'an object where a text belongs': {
    code: 'SUBMISSION_INVALID',
    fail: () => submit(visits, visit({ submittedBy: { [ANSWER]: ANSWER } })),
  },
  'no name of the form, deep inside of answers': {
    code: 'SUBMISSION_INVALID',
    fail: () => submit(visits, `{"deep": [{"deeper": ${visit({ name: '' })}}]}`),
  },
  'a product that makes no bucket name': { code: 'PRODUCT_INVALID', fail: () => submit(wrong, visit(withIds)) },
  'a missing bucket': { code: 'BUCKET_MISSING', fail: () => submit(permits, visit(withIds)) },
  'a missing bucket, for the form and the file of a task': {
    code: 'BUCKET_MISSING',
    fail: () =>
      completeTask({
        note: { value: ANSWER, type: 'String' },
        scan: fileVariable(`${ANSWER}.txt`, 'text/plain', Buffer.from(ANSWER)),
      }),
  },
  'a form API that answers 400': whenFormApiSays(
    'FORM_API_REJECTED',
    400,
    JSON.stringify({ message: SAID, type: `${SAID}Exception` }),
  ),
  'a form API that refuses the password': whenFormApiSays('FORM_API_REJECTED', 401, JSON.stringify({ message: SAID })),
  'a form API that answers something else': whenFormApiSays('FORM_API_REJECTED', 200, JSON.stringify({ [SAID]: SAID })),
  'a form API that does not know the form': whenFormApiSays(
    'FORM_UNKNOWN',
    200,
    JSON.stringify([{ name: SAID, _id: SAID, versionId: SAID, title: SAID }]),
  ),
  'a form API that answers 500': whenFormApiSays(
    'FORM_API_UNAVAILABLE',
    500,
    JSON.stringify({ message: SAID, type: SAID }),
  ),
  'a form API that answers with a page': whenFormApiSays(
    'FORM_API_UNAVAILABLE',
    200,
    `<html>${SAID}</html>`,
    'text/html',
  ),
  'S3 that denies': whenS3Answers('VAULT_REJECTED', 403, denied('AccessDenied')),
  'S3 that answers with a code of its own': whenS3Answers('VAULT_REJECTED', 400, denied('EntityTooStrange')),
  'S3 that answers with something that is no XML': whenS3Answers('VAULT_', 400, `${SAID} <${ANSWER}`),
  'S3 that answers 500': whenS3Answers('VAULT_UNAVAILABLE', 500, denied('InternalError')),
  'S3 that says nothing': {
    code: 'VAULT_UNAVAILABLE',
    async fail() {
      s3.refuse();
      return submit(visits, visit(withIds));
    },
  },
};

test.each(Object.entries(ways))('%s: nothing of it is told', async (_, { code, fail }) => {
  const asked = { FORM: formApi.asked(), VAULT: s3.requests.length };
  const { caseId } = await fail();
  const { incidentMessage } = await untilIncidentOf(engine, caseId);
  expect(incidentMessage).toMatch(new RegExp(`^${code}`));
  // What has failed for a while is not asked each time.
  await eventually(() => {
    if (code.startsWith('FORM_')) expect(formApi.asked()).toBeGreaterThan(asked.FORM);
    if (code.startsWith('VAULT_')) expect(s3.requests.length).toBeGreaterThan(asked.VAULT);
  }, BUSY);
  await expectNothingIsTold();
  s3.pass();
  formApi.says(200, '[]');
});

test('a checkpoint that fails: nothing of the variables in its process is told', async () => {
  const caseId = newCase();
  const source = { form: ANSWER, case: ANSWER, processInstanceId: ANSWER };
  const variables = {
    source: { type: 'Json', value: JSON.stringify(source) },
    visit: { type: 'Json', value: visit({ name: [ANSWER] }) },
    note: { type: 'String', value: ANSWER },
  };
  const { id } = await engine.start(checkpoint.id, { businessKey: caseId, variables });
  await eventually(async () => {
    const { data } = await engine.http.get<unknown[]>('/incident', { params: { processInstanceId: id } });
    expect(data).toHaveLength(1);
  }, BUSY);
  await expectNothingIsTold();
});

test.each([
  [500, json, JSON.stringify({ type: 'SomeException', message: `${SAID} ${ANSWER}`, code: 0 })],
  [400, json, JSON.stringify({ type: `${SAID}Exception`, message: `${SAID} ${ANSWER}` })],
  [401, json, JSON.stringify({ message: SAID })],
  [200, { 'content-type': 'text/html' }, `<html>${SAID}</html>`],
  [200, json, `{"${SAID}": "${ANSWER}`],
  [200, json, JSON.stringify([{ id: SAID, [ANSWER]: ANSWER }])],
])('an engine that answers %i with %j: nothing of it is told', async (status, headers, body) => {
  const before = formvault.logs().length;
  const asked = engineProxy.requests.length;
  engineProxy.answer({ status, headers, body });
  await eventually(() => {
    expect(engineProxy.requests.length).toBeGreaterThan(asked + 3);
    expect(formvault.logs().slice(before)).toMatch(/"code":"ENGINE_/);
  }, BUSY);
  await expectNothingIsTold();
  engineProxy.pass();
  const { caseId } = await submit(permits, visit(withIds));
  await untilIncidentOf(engine, caseId);
  await expectNothingIsTold();
});

test('what was told at all: each failure by its code, in words and stack traces', async () => {
  const told = await readTold();
  expect(told.incidents).toContain('BUCKET_MISSING: could not write an object');
  for (const details of ['error details', 'earlier error details']) {
    expect(told[details]).toContain('FormvaultError BUCKET_MISSING');
  }
  expect(told['variables of the own process']).toContain('convention-variable');
  expect(told['/metrics']).toContain('formvault_incidents_total{code="BUCKET_MISSING"}');
  const codes = new Set([...formvault.logs().matchAll(/"code":"([A-Z_]+)"/g)].map(([, code]) => code));
  expect([...codes]).toEqual(
    expect.arrayContaining(['ENGINE_UNAVAILABLE', 'FORM_API_REJECTED', 'VAULT_REJECTED', 'SUBMISSION_INVALID']),
  );
});
