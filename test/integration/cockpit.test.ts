import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { readFilesToDeploy, type StartedInstance } from '../../dev/clients/engine-calls.ts';
import { projectDir } from '../../dev/servers/cache.ts';
import { type Cockpit, openCockpit } from '../support/cockpit.ts';
import { eventually } from '../support/eventually.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const FETCH_MS = 900_000;
/** A parked poll of the engine does not notice a retry. */
const PATIENTLY = { withinMs: 20_000, everyMs: 100 };
/** `SCREENSHOTS=1` takes the pictures of docs/OPERATIONS.md again, under names that a reader can believe. */
const takesPictures = process.env.SCREENSHOTS === '1';

let world: World;
let environment: string;
let cockpit: Cockpit;
beforeAll(async () => {
  world = createWorld({ S3_CREATE_BUCKETS: 'false', ...(takesPictures && { ENVIRONMENT: 'dev' }) });
  environment = takesPictures ? 'dev' : world.environment;
  await world.vault.createBucket(`${environment}-cop-case`);
  const names = ['benefit-claim.bpmn', 'evidence-check.form'];
  await world.engine.deploy(readFilesToDeploy(join(projectDir, 'demo', 'bpmn'), names));
  await world.startFormvault();
  cockpit = await openCockpit(testServers().webappUrl, { name: 'demo', password: 'demo' });
}, FETCH_MS);
afterAll(async () => {
  await cockpit?.close();
  await world.end();
});

test('Cockpit shows why a form is not kept, and its retry button keeps it when the cause is mended', async () => {
  const bucket = `${environment}-benefit-claims`;
  const caseId = takesPictures ? 'BC-2026-0001' : world.newCase();
  const instance = await startBeforeEvidence(caseId);
  const task = await world.engine.task(instance.id);
  await world.engine.assign(task.id, 'ben');
  await world.engine.submitForm(task.id, { rentProven: { type: 'Boolean', value: true } });
  await untilIncidents(instance.id, 1);

  await cockpit.openIncidents(instance.id);
  const incident = cockpit.incidents.first();
  await expect(incident.innerText()).resolves.toContain(
    `BUCKET_MISSING: could not write an object in bucket ${bucket} (form evidence-check, case ${caseId}). ` +
      'Create the bucket, or set S3_CREATE_BUCKETS=true; then retry.',
  );
  await cockpit.badges.waitFor();
  await takePicture('cockpit-incident');

  const stackTrace = await cockpit.openStackTrace(incident);
  const trace = await stackTrace.inputValue();
  expect(trace).toMatch(
    /^FormvaultError BUCKET_MISSING: could not write an object\n(.*\n)+ {4}at .*persist-submission/,
  );
  expect(trace).toMatch(/\nCaused by: NoSuchBucket: .*\n {4}at /);
  await stackTrace.evaluate(movePaths, { from: projectDir, to: '/app' });
  await takePicture('cockpit-stack-trace');
  await cockpit.closeStackTrace();

  await world.vault.createBucket(bucket);
  await cockpit.retry(incident);
  await incident.waitFor({ state: 'detached' });
  await eventually(async () => {
    const keys = await world.vault.list(bucket, `${caseId}/`);
    expect(keys).toEqual([expect.stringContaining(`${caseId}/evidence-check/ben-`)]);
  }, PATIENTLY);
  await untilIncidents(instance.id, 0);
  await cockpit.reload();
  await expect(cockpit.badges.count()).resolves.toBe(0);
  await takePicture('cockpit-retried');
});

/** There it has one branch only, so it is certain on which step the incident stands. */
async function startBeforeEvidence(businessKey: string): Promise<StartedInstance> {
  const startInstructions = [{ type: 'startBeforeActivity', activityId: 'check-evidence' }];
  const path = '/process-definition/key/benefit-claim/start';
  return (await world.engine.http.post<StartedInstance>(path, { businessKey, startInstructions })).data;
}

async function untilIncidents(processInstanceId: string, count: number): Promise<void> {
  await eventually(async () => {
    const { data } = await world.engine.http.get('/incident/count', { params: { processInstanceId } });
    expect(data).toEqual({ count });
  }, PATIENTLY);
}

async function takePicture(name: string): Promise<void> {
  if (takesPictures) await cockpit.savePicture(join(projectDir, 'docs', 'images', `${name}.png`));
}

/** In the browser. */
function movePaths(area: { value: string }, { from, to }: { from: string; to: string }): void {
  area.value = area.value.replaceAll(from, to);
}
