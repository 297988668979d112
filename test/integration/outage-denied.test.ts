import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { aProcess } from '../support/a-process.ts';
import { type DenyingProxy, startDenyingProxy } from '../support/denying-proxy.ts';
import { readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { untilPositionIsBeyond } from '../support/feed-state.ts';
import { readHandedOver, readIncidents, readIncidentsOn, readOpenTasks } from '../support/handed-over.ts';
import { createProbes } from '../support/probes.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisit, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(240_000);

const LIMIT = 3;
const PRODUCT = 'permits';
const WHILE_DENIED = { withinMs: 60_000, everyMs: 250 };
const RECOVERY = { withinMs: 90_000, everyMs: 250 };

const people = Array.from({ length: 12 }, (_, each) => `person-${each}`);
const permits = aProcess({ steps: [{ message: 'never' }], properties: { product: PRODUCT } });
const others = aProcess({ steps: [{ message: 'never' }] });

let s3: DenyingProxy;
let world: World;
beforeEach(async () => {
  s3 = await startDenyingProxy(testServers().s3.endpoint);
  world = createWorld({
    S3_ENDPOINT: s3.url,
    OUTAGE_LIMIT: String(LIMIT),
    RETRY_SECONDS: '1,2',
    LONG_POLL_MS: '2000',
    FEED_SETTLE_SECONDS: '1',
  });
  await world.engine.deploy({ ...permits.files, ...others.files });
});
afterEach(async () => {
  await world.end();
  await s3.close();
});

async function startInstance(processKey: string) {
  const caseId = world.newCase();
  return { caseId, id: (await world.engine.start(processKey, { businessKey: caseId })).id };
}

const keysOf = (caseId: string, submitters: string[]) =>
  submitters.map((person) => siteVisitKey(caseId, person)).sort();

type Instance = Awaited<ReturnType<typeof startInstance>>;

async function submitAndKeep({ caseId, id }: Instance, person: string): Promise<void> {
  await submitSiteVisit(world, id, person);
  const key = siteVisitKey(caseId, person);
  await eventually(async () => expect(await world.vault.list(world.bucket, `${caseId}/`)).toContain(key), WHILE_DENIED);
}

/** All are with the engine: as many as the limit allows as incidents, with their marks on the source; the others wait. */
async function untilHandedOver(denied: Instance, bucket: string): Promise<void> {
  await eventually(async () => {
    const tasks = await readOpenTasks(world.engine);
    const retries = tasks.map((task) => (task.errorMessage === null ? 'not tried yet' : task.retries));
    expect(retries.sort()).toEqual(people.map((_, each) => (each < LIMIT ? 0 : 1)));
    expect(await readIncidents(world.engine)).toHaveLength(LIMIT);
    expect(await readIncidentsOn(world.engine, denied.id)).toHaveLength(LIMIT);
  }, WHILE_DENIED);
  const refusal = `VAULT_REJECTED: could not write an object in bucket ${bucket} (form site-visit, case ${denied.caseId})`;
  for (const { incidentMessage } of await readIncidents(world.engine)) expect(incidentMessage).toContain(refusal);
}

async function untilAllIsKept(denied: Instance, bucket: string): Promise<void> {
  await eventually(async () => {
    expect(await world.vault.list(bucket)).toEqual(keysOf(denied.caseId, people));
    expect(await readOpenTasks(world.engine)).toEqual([]);
    expect(await readIncidents(world.engine)).toEqual([]);
    expect(await readIncidentsOn(world.engine, denied.id)).toEqual([]);
  }, RECOVERY);
  const handedOver = await readHandedOver(world.engine);
  expect(handedOver).toEqual([...new Set(handedOver)]);
}

test('a bucket that denies everything holds up its own product only: the rest waits in the engine until it opens', async () => {
  const bucket = `${world.environment}-${PRODUCT}`;
  const probes = await createProbes();
  const formvault = await world.startFormvault({ PORT: probes.PORT });
  const denied = await startInstance(permits.id);
  const other = await startInstance(others.id);
  s3.deny(bucket);

  for (const person of people) {
    await submitAndKeep(other, person);
    await submitSiteVisit(world, denied.id, person);
  }
  await untilHandedOver(denied, bucket);
  const ready = { status: 200, parts: { vault: { state: 'failing', failing: bucket } } };
  await eventually(async () => expect(await probes.ready()).toMatchObject(ready), WHILE_DENIED);
  const lastMs = Math.max(...(await readUpdates(world.engine, denied.id)).map(({ at }) => Date.parse(at)));
  await untilPositionIsBeyond(world, lastMs);
  await submitAndKeep(other, 'last');
  expect(formvault.logs()).not.toContain('feed stands still');

  s3.allow();
  await untilAllIsKept(denied, bucket);
  const kept = keysOf(other.caseId, [...people, 'last']);
  await expect(world.vault.list(world.bucket, `${other.caseId}/`)).resolves.toEqual(kept);
});

test('where nothing but a denying bucket is written to the feed stands still, until anything else is kept', async () => {
  const bucket = `${world.environment}-${PRODUCT}`;
  const formvault = await world.startFormvault();
  const denied = await startInstance(permits.id);
  const other = await startInstance(others.id);
  s3.deny(bucket);

  await submitSiteVisits(world, denied.id, people);
  await eventually(() => expect(formvault.logs()).toContain('outage: feed stands still'), WHILE_DENIED);
  await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(LIMIT), WHILE_DENIED);
  await expect(readHandedOver(world.engine)).resolves.toHaveLength(LIMIT);

  await submitAndKeep(other, 'ada');
  await untilHandedOver(denied, bucket);
  expect(formvault.logs()).toContain('outage is over: feed goes on');
  s3.allow();
  await untilAllIsKept(denied, bucket);
});
