import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createEngineCalls } from '../../dev/clients/engine-calls.ts';
import { createEngineExternalTasks } from '../../src/engine/engine-external-tasks.ts';
import { FormvaultError } from '../../src/errors.ts';
import { incidentMessage } from '../../src/incidents/incident-message.ts';
import { errorText } from '../../src/observability/error-text.ts';
import { aProcess } from '../support/a-process.ts';
import { engineHttp } from '../support/engine-http.ts';
import { readErrorDetails, readFailedAttempts, untilIncidentOf, untilIncidentOn } from '../support/incidents.ts';
import { testServers } from '../support/servers.ts';
import { aSiteVisit } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const { signal } = new AbortController();
const MEGABYTE = 1_000_000;
const MAX_MESSAGE_LENGTH = 666;
const MAX_NAME_LENGTH = 120;
const MANY_KINDS = 'Prüfung 検査 🏗️ ';

describe('the engine', () => {
  const { engineUrl } = testServers();
  const engine = createEngineCalls(engineUrl);
  const topic = `topic-of-${aProcess({ steps: [] }).id}`;
  const process = aProcess({ steps: [{ topic }] });
  const http = engineHttp({ baseUrl: engineUrl });
  const externalTasks = createEngineExternalTasks(http);
  let deployment: string;
  beforeAll(async () => {
    deployment = (await engine.deploy(process.files)).id;
  });
  afterAll(async () => {
    http.close();
    await engine.deleteDeployment(deployment);
  });

  async function failATask(errorMessage: string, errorDetails: string) {
    const { id: processInstanceId } = await engine.start(process.id);
    const topics = [{ topicName: topic, lockDuration: 30_000 }];
    const body = { workerId: 'worker', maxTasks: 1, topics };
    const { data } = await engine.http.post<{ id: string }[]>('/external-task/fetchAndLock', body);
    const taskId = data[0]?.id ?? '';
    const report = { errorMessage, errorDetails, retries: 0, retryTimeoutMs: 0 };
    await expect(externalTasks.fail(taskId, 'worker', report, signal)).resolves.toBe('done');
    return { taskId, incident: await untilIncidentOn(engine, processInstanceId) };
  }

  test.each([
    ['of 1 MB', `${'    at somewhere (file.ts:1:1)\n'.repeat(Math.ceil(MEGABYTE / 31))}`],
    ['of 1 MB in many scripts', MANY_KINDS.repeat(MEGABYTE / MANY_KINDS.length)],
  ])('keeps a stack trace %s as it was reported', async (_, details) => {
    const { taskId, incident } = await failATask('VAULT_UNAVAILABLE: short', details);
    expect(incident.incidentMessage).toBe('VAULT_UNAVAILABLE: short');
    expect((await readErrorDetails(engine, taskId)) === details).toBe(true);
  });

  test.each([
    ['emoji', '🏗️'.repeat(1_000)],
    ['many scripts', MANY_KINDS.repeat(100)],
  ])('shows the longest message that Formvault writes whole, in %s', async (_, long) => {
    const error = new FormvaultError('VAULT_REJECTED', long, { context: { bucket: 'b'.repeat(63) }, hint: long });
    const message = incidentMessage(error, { form: long, caseId: long });
    expect(message).toHaveLength(MAX_MESSAGE_LENGTH);
    const { taskId, incident } = await failATask(message, errorText(error));

    expect(incident.incidentMessage).toBe(message);
    await expect(readFailedAttempts(engine, taskId)).resolves.toMatchObject([{ errorMessage: message }]);
    await expect(readErrorDetails(engine, taskId)).resolves.toContain(long.slice(0, 500));
  });
});

describe('an incident', () => {
  let world: World;
  const permits = aProcess({ steps: [{ message: 'never' }], properties: { product: 'permits' } });
  beforeAll(async () => {
    world = createWorld({ S3_CREATE_BUCKETS: 'false' });
    await world.vault.createBucket(world.bucket);
    await world.engine.deploy(permits.files);
    await world.startFormvault();
  });
  afterAll(() => world.end());

  test.each([
    ['in emoji', (caseId: string) => `${caseId} ${'🏗️'.repeat(60)}`, '👷🏽‍♀️'.repeat(500)],
    ['in many scripts', (caseId: string) => `${caseId} ${MANY_KINDS.repeat(15)}`, MANY_KINDS.repeat(300)],
    [
      'with line breaks and brackets',
      (caseId: string) => `${caseId})\n(form x, case y). \tz`,
      'a)\n(form b, case c). d',
    ],
  ])('about a form and a case with long names %s is brief, whole, and says the same on both', async (_, name, form) => {
    const caseId = world.newCase();
    const businessKey = name(caseId);
    const { id: source } = await world.engine.start(permits.id, { businessKey });
    const visit = aSiteVisit('ada');
    const value = JSON.stringify({ ...visit, form: { ...visit.form, name: form } });
    await world.engine.setVariable(source, 'visit', { type: 'Json', value });

    const mark = await untilIncidentOn(world.engine, source);
    const [attempt] = await readFailedAttempts(world.engine, mark.configuration);
    const message = mark.incidentMessage;
    expect(attempt?.errorMessage).toBe(message);
    expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
    expect(message.isWellFormed()).toBe(true);
    expect(message).not.toMatch(/\p{Cc}/u);
    const about = (text: string) => text.replace(/\s+/g, ' ').slice(0, MAX_NAME_LENGTH / 2);
    expect(message).toMatch(/^BUCKET_MISSING: could not write an object in bucket \S+-permits \(form /);
    expect(message).toContain(about(form).trim());
    expect(message).toContain(caseId);
    expect(message).toMatch(/\)\. Create the bucket, or set S3_CREATE_BUCKETS=true; then retry\.$/);
    await world.engine.cancel(source);
  });

  test('about data in a variable with a strange name says which, in one line', async () => {
    const caseId = world.newCase();
    const { id: source } = await world.engine.start(permits.id, { businessKey: caseId });
    await world.engine.setVariable(source, `Prüf ${'🏗️'.repeat(60)}`, { type: 'Json', value: '{"form": ' });

    const { incidentMessage } = await untilIncidentOf(world.engine, caseId);
    expect(incidentMessage).toMatch(
      /^SUBMISSION_INVALID: .*\. Write the variable Prüf (?:🏗️)+ ?🏗?… again as valid JSON, then retry\.$/u,
    );
    expect(incidentMessage.isWellFormed()).toBe(true);
  });
});
