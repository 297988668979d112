import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, type SeenRequest, startCountingProxy } from '../support/counting-proxy.ts';
import { readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readFeedState, untilPositionIsHeldAt } from '../support/feed-state.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const IN_FLIGHT = 20;
const people = Array.from({ length: IN_FLIGHT }, (_, i) => `person-${i}`);
const waiting = aProcess({ steps: [{ message: 'never' }] });

let world: World;
let s3: CountingProxy;
let caseId: string;
let instanceId: string;
beforeEach(async () => {
  s3 = await startCountingProxy(testServers().s3.endpoint);
  world = createWorld({ S3_ENDPOINT: s3.url, FEED_LEASE_SECONDS: '3', FEED_SETTLE_SECONDS: '1' });
  await world.engine.deploy(waiting.files);
  caseId = world.newCase();
  instanceId = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
});
afterEach(async () => {
  await s3.close();
  await world.end();
});

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const allKeys = () => people.map((person) => siteVisitKey(caseId, person)).sort();
const isOfTheCase = ({ path }: SeenRequest): boolean => path.includes(caseId);

/** A Formvault with twenty submissions whose writes hang, and the time of the last of them. */
async function startWithRunsInFlight(env: Record<string, string> = {}) {
  const formvault = await world.startFormvault(env);
  s3.hold(isOfTheCase);
  await submitSiteVisits(world, instanceId, people);
  await eventually(() => expect(s3.held()).toBe(IN_FLIGHT));
  const times = (await readUpdates(world.engine, instanceId)).map(({ at }) => Date.parse(at));
  return { formvault, firstMs: Math.min(...times), lastMs: Math.max(...times) };
}

const signal = ({ pid }: RunningFormvault, name: NodeJS.Signals) => process.kill(pid, name);

test('F1: a Formvault that is stopped finishes what is in flight, saves the position and gives the lease up', async () => {
  const { formvault, firstMs, lastMs } = await startWithRunsInFlight();
  await untilPositionIsHeldAt(world, firstMs, lastMs);

  signal(formvault, 'SIGTERM');
  await eventually(() => expect(formvault.logs()).toContain('"msg":"stopping"'));
  await expect(keptKeys()).resolves.toEqual([]);
  s3.pass();

  await expect(formvault.exited).resolves.toBe(0);
  await expect(keptKeys()).resolves.toEqual(allKeys());
  const { owner, variableUpdatesMs } = await readFeedState(world);
  expect(owner).toBeNull();
  expect(variableUpdatesMs).toBeGreaterThan(lastMs);
});

test('a second signal does not wait; the next start keeps what was in flight', async () => {
  const { formvault } = await startWithRunsInFlight();
  signal(formvault, 'SIGTERM');
  await eventually(() => expect(formvault.logs()).toContain('"msg":"stopping"'));
  signal(formvault, 'SIGTERM');

  await eventually(() => expect(formvault.logs()).toContain('"msg":"stopped"'), { withinMs: 2_000 });
  await expect(formvault.exited).resolves.toBe(0);
  await expect(keptKeys()).resolves.toEqual([]);
  await expect(readFeedState(world)).resolves.toMatchObject({ owner: null });

  s3.pass();
  await world.startFormvault();
  await eventually(async () => expect(await keptKeys()).toEqual(allKeys()));
});

test('a stop waits for DRAIN_SECONDS and no longer', async () => {
  const { formvault } = await startWithRunsInFlight({ DRAIN_SECONDS: '2' });
  const stoppedMs = performance.now();
  signal(formvault, 'SIGTERM');

  await expect(formvault.exited).resolves.toBe(0);
  expect(performance.now() - stoppedMs).toBeGreaterThan(1_900);
  expect(performance.now() - stoppedMs).toBeLessThan(5_000);
  await expect(keptKeys()).resolves.toEqual([]);
});
