import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createVaultReader } from '../../dev/clients/vault-reader.ts';
import { startS3Server } from '../../dev/servers/s3-server.ts';
import { aProcess, type Properties } from '../support/a-process.ts';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { readUpdate } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { untilPositionIsBeyond } from '../support/feed-state.ts';
import { readHandedOver, readIncidents, readIncidentsOn, retry } from '../support/handed-over.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisit, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(240_000);

const CONCURRENCY = '4';
const LIMIT = 3;
const OUTAGE = { withinMs: 60_000, everyMs: 200 };

let world: World;
beforeEach(() => {
  world = createWorld({ FEED_SETTLE_SECONDS: '1', FEED_LEASE_SECONDS: '3' });
});
afterEach(() => world.end());

const people = Array.from({ length: 40 }, (_, i) => `person-${i}`);

async function startInstance(properties?: Properties): Promise<{ caseId: string; id: string }> {
  const process = aProcess({ steps: [{ message: 'never' }], ...(properties && { properties }) });
  await world.engine.deploy(process.files);
  const caseId = world.newCase();
  return { caseId, id: (await world.engine.start(process.id, { businessKey: caseId })).id };
}

const keysOf = (caseId: string, ...submitters: string[]) =>
  submitters.map((person) => siteVisitKey(caseId, person)).sort();

test('while S3 lets everybody wait the feed stands still; it goes on by itself, and nothing is lost or kept twice', async () => {
  const server = await startS3Server();
  const vault = createVaultReader(server);
  try {
    const { caseId, id } = await startInstance();
    const listKeys = () => vault.list(world.bucket, `${caseId}/`);
    const settings = { S3_ENDPOINT: server.endpoint, CONCURRENCY, OUTAGE_LIMIT: String(LIMIT), RETRY_SECONDS: '1,2' };
    const formvault = await world.startFormvault(settings);
    await submitSiteVisit(world, id, 'before');
    await eventually(async () => expect(await listKeys()).toEqual(keysOf(caseId, 'before')));

    server.pause();
    await submitSiteVisits(world, id, people);
    const complaint = 'position of the feed cannot be saved; it stays where it was';
    await eventually(() => expect(formvault.logs()).toContain(complaint), OUTAGE);
    await eventually(() => expect(formvault.logs()).toContain('outage: feed stands still'), OUTAGE);
    await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(LIMIT), OUTAGE);
    expect(formvault.logs().match(/submission kept/g)).toHaveLength(1);
    server.resume();

    const expected = keysOf(caseId, 'before', ...people);
    await eventually(async () => expect(await listKeys()).toEqual(expected), OUTAGE);
    await eventually(() => expect(formvault.logs()).toContain('position of the feed is saved again'), OUTAGE);
    await eventually(async () => expect(await readIncidents(world.engine)).toEqual([]), OUTAGE);
    await expect(readIncidentsOn(world.engine, id)).resolves.toEqual([]);
    await expect(readHandedOver(world.engine)).resolves.toHaveLength(LIMIT);
    await submitSiteVisit(world, id, 'after');
    await eventually(async () => expect(await listKeys()).toEqual(keysOf(caseId, 'after', 'before', ...people)));
    await formvault.stop();
  } finally {
    server.resume();
    vault.close();
    await server.stop();
  }
});

test('submissions that S3 refuses to take are tried again in place until it does', async () => {
  const s3 = await startCountingProxy(testServers().s3.endpoint);
  try {
    const { caseId, id } = await startInstance();
    const formvault = await world.startFormvault({ S3_ENDPOINT: s3.url, CONCURRENCY });
    s3.refuse();
    await submitSiteVisits(world, id, people);
    const sourcesTriedAgain = () =>
      new Set(formvault.logs().match(/"source":"[^"]*"(?=.*"submission will be tried again")/g)).size;
    await eventually(() => expect(sourcesTriedAgain()).toBe(Number(CONCURRENCY)), { withinMs: 15_000 });
    await expect(world.kept(caseId)).resolves.toEqual([]);
    s3.pass();

    await eventually(
      async () => {
        expect(await world.vault.list(world.bucket, `${caseId}/`)).toEqual(keysOf(caseId, ...people));
      },
      { withinMs: 15_000, everyMs: 100 },
    );
    expect(sourcesTriedAgain()).toBe(Number(CONCURRENCY));
    await formvault.stop();
  } finally {
    await s3.close();
  }
});

test('F1: a form whose bucket is missing is an incident and holds up nothing; once there is a bucket, a retry keeps it', async () => {
  const product = 'late-bucket';
  const bucket = `${world.environment}-${product}`;
  await world.vault.createBucket(world.bucket);
  await world.startFormvault({ S3_CREATE_BUCKETS: 'false' });
  const { caseId, id } = await startInstance({ product });
  const other = await startInstance();
  await submitSiteVisit(world, id, 'early');
  const writtenMs = Date.parse((await readUpdate(world.engine, id, 'visit_early')).at);

  const incident = await eventually(async () => {
    const [standing] = await readIncidents(world.engine);
    if (standing === undefined) throw new Error('no incident stands');
    return standing;
  }, OUTAGE);
  expect(incident.incidentMessage).toMatch(
    new RegExp(`^BUCKET_MISSING: .* in bucket ${bucket} \\(form site-visit, case ${caseId}\\)\\. Create the bucket`),
  );
  await untilPositionIsBeyond(world, writtenMs);
  await submitSiteVisit(world, other.id, 'other');
  await eventually(async () => expect(await world.kept(other.caseId)).toHaveLength(1));
  await expect(world.vault.list(bucket)).resolves.toEqual([]);

  await world.vault.createBucket(bucket);
  await retry(world.engine, incident);
  await eventually(async () => expect(await world.vault.list(bucket)).toEqual(keysOf(caseId, 'early')), OUTAGE);
  await eventually(async () => expect(await readIncidents(world.engine)).toEqual([]), OUTAGE);
  await expect(readIncidentsOn(world.engine, id)).resolves.toEqual([]);
});
