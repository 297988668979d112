import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, requestsASecond, startCountingProxy } from '../support/counting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisit } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const MOST_REQUESTS_A_SECOND = 5;

const waiting = aProcess({ steps: [{ message: 'never' }] });

let world: World;
let engine: CountingProxy;
let caseId: string;
let instanceId: string;
beforeEach(async () => {
  engine = await startCountingProxy(testServers().engineUrl);
  world = createWorld({ ENGINE_URL: engine.url });
  await world.engine.deploy(waiting.files);
  caseId = world.newCase();
  instanceId = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
});
afterEach(async () => {
  await world.end();
  await engine.close();
});

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...people: string[]) => people.map((person) => siteVisitKey(caseId, person)).sort();

test('an engine that is away is asked rarely; the feed goes on by itself and misses nothing', async () => {
  const formvault = await world.startFormvault();
  await submitSiteVisit(world, instanceId, 'before');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('before')));

  const first = engine.requests.length;
  const sinceMs = performance.now();
  engine.refuse();
  await submitSiteVisit(world, instanceId, 'meanwhile');
  await eventually(() => expect(engine.requests.length).toBeGreaterThanOrEqual(first + 8), { withinMs: 20_000 });
  expect(requestsASecond(engine, sinceMs)).toBeLessThan(MOST_REQUESTS_A_SECOND);
  expect(formvault.logs().match(/feed cannot be read; trying again/g)).toHaveLength(1);
  engine.pass();

  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('before', 'meanwhile')), { withinMs: 12_000 });
  await eventually(() => expect(formvault.logs()).toContain('feed is read again'));
  await submitSiteVisit(world, instanceId, 'after');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('after', 'before', 'meanwhile')));
});

test('an engine that is away at the start is waited for', async () => {
  engine.refuse();
  const sinceMs = performance.now();
  const formvault = await world.startFormvault({}, { until: 'started' });
  await eventually(() => expect(formvault.logs()).toContain('not available at the start; trying again'));
  await eventually(() => expect(engine.requests.length).toBeGreaterThanOrEqual(4), { withinMs: 10_000 });
  expect(requestsASecond(engine, sinceMs)).toBeLessThan(MOST_REQUESTS_A_SECOND);
  engine.pass();

  await eventually(() => expect(formvault.logs()).toContain('leading the feed'), { withinMs: 10_000 });
  await submitSiteVisit(world, instanceId, 'after');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('after')));
});

test('a slow engine is not asked more than it can answer, and forms are kept nevertheless', async () => {
  await world.startFormvault();
  const sinceMs = performance.now();
  engine.delay(1_500);
  await submitSiteVisit(world, instanceId, 'slowly');

  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('slowly')), { withinMs: 30_000 });
  expect(requestsASecond(engine, sinceMs)).toBeLessThan(MOST_REQUESTS_A_SECOND);
});
