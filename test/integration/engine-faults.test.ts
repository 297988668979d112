import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, requestsASecond, startCountingProxy } from '../support/counting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidents, retry } from '../support/handed-over.ts';
import { readErrorDetails, untilIncidentOn } from '../support/incidents.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisit } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(180_000);

const MOST_REQUESTS_A_SECOND = 5;
/** A fault lasts at least so long, and until so many requests were made behind its first second. */
const FAULT = { ms: 8_000, requests: 6 };
const RETRY_AFTER_SECONDS = 4;
/** Of whoever noticed the fault, the longest pause may have just begun. */
const RECOVERY = { withinMs: 60_000, everyMs: 200 };

const waiting = aProcess({ steps: [{ message: 'never' }] });
/** The engine is asked about each of these: its variable was there before, and the form does not say who submitted it. */
const inspections = Array.from({ length: 40 }, (_, each) => `inspection-${each}`);

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
  await writeInspections(() => ({}));
  await world.startFormvault();
});
afterEach(async () => {
  engine.pass();
  await world.end();
  await engine.close();
});

async function writeInspections(render: (name: string) => unknown): Promise<void> {
  const modifications = Object.fromEntries(inspections.map((name) => [name, jsonVariable(render(name))]));
  await world.engine.http.post(`/process-instance/${instanceId}/variables`, { modifications });
}

async function submitUntilManyRequestsAreUnderWay(): Promise<void> {
  engine.hold((_request, body) => body.includes('"variableInstanceId"'));
  await writeInspections((name) => ({ form: { name, submissionDate: '2026-03-04T05:06:07.000Z' } }));
  await eventually(() => expect(engine.held()).toBeGreaterThanOrEqual(8), { withinMs: 20_000 });
}

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const inspectionKeys = () => inspections.map((name) => `${caseId}/${name}/unknown-20260304T050607.json`);
const visitKeys = (...people: string[]) => people.map((person) => siteVisitKey(caseId, person));

/** Returns what was asked behind the first second. */
async function breakEngine(breakIt: (proxy: CountingProxy) => void) {
  const sinceMs = performance.now();
  breakIt(engine);
  await submitSiteVisit(world, instanceId, 'meanwhile');
  const asked = () => engine.requests.filter(({ atMs }) => atMs >= sinceMs + 1_000);
  const hasLasted = ({ atMs }: { atMs: number }) => atMs >= sinceMs + FAULT.ms;
  await eventually(() => expect(asked().length >= FAULT.requests && asked().some(hasLasted)).toBe(true), {
    withinMs: 90_000,
  });
  expect(requestsASecond(engine, sinceMs)).toBeLessThan(MOST_REQUESTS_A_SECOND);
  return asked();
}

async function expectRecovery(): Promise<void> {
  engine.pass();
  const expected = [...inspectionKeys(), ...visitKeys('meanwhile')].sort();
  await eventually(async () => expect(await keptKeys()).toEqual(expected), RECOVERY);
  await submitSiteVisit(world, instanceId, 'after');
  await eventually(async () => expect(await keptKeys()).toEqual([...expected, ...visitKeys('after')].sort()), RECOVERY);
  await expect(readIncidents(world.engine)).resolves.toEqual([]);
}

test.each<[string, (proxy: CountingProxy) => void]>([
  ['is away', (proxy) => proxy.refuse()],
  ['takes ten seconds for each answer', (proxy) => proxy.delay(10_000)],
  ['answers 500', (proxy) => proxy.answer({ status: 500, body: '{"type":"RestException","message":"no"}' })],
  [
    'answers with a page of HTML and status 200',
    (proxy) => proxy.answer({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' }),
  ],
  ['breaks off in the middle of each body', (proxy) => proxy.halve()],
])('an engine that %s is asked rarely; every form is kept once when it is back', async (_what, breakIt) => {
  await submitUntilManyRequestsAreUnderWay();
  await breakEngine(breakIt);
  await expectRecovery();
});

test('an engine that answers 429 is not asked again before the time it gives, by nobody', async () => {
  await submitUntilManyRequestsAreUnderWay();
  const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) };
  const asked = await breakEngine((proxy) => proxy.answer({ status: 429, headers }));
  const isPoll = (path: string) => path.endsWith('/fetchAndLock');
  for (const polls of [true, false]) {
    const times = asked.filter(({ path }) => isPoll(path) === polls).map(({ atMs }) => atMs);
    const pausesMs = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    // a timer may be a millisecond early
    expect(Math.min(...pausesMs)).toBeGreaterThan(RETRY_AFTER_SECONDS * 1_000 - 5);
  }
  await expectRecovery();
});

test('an engine that answers every question about one form with an exception gets an incident; the others are kept', async () => {
  const caseOfOne = world.newCase();
  const { id: one } = await world.engine.start(waiting.id, { businessKey: caseOfOne });
  engine.answer(
    { status: 500, body: '{"type":"ProcessEngineException","message":"ENGINE-03083 Unexpected exception"}' },
    ({ path }, body) => path.includes('/history/process-instance') && body.includes(one),
  );
  await submitSiteVisit(world, one, 'anna');
  await submitSiteVisit(world, instanceId, 'meanwhile');
  const incident = await untilIncidentOn(world.engine, one);
  expect(incident.incidentMessage).toMatch(
    /^ENGINE_REJECTED: could not read process instances .*look for the exception/,
  );
  await expect(readErrorDetails(world.engine, incident.configuration)).resolves.toContain('ProcessEngineException');
  expect(await keptKeys()).toEqual(visitKeys('meanwhile'));

  engine.pass();
  for (const standing of await readIncidents(world.engine)) await retry(world.engine, standing);
  const visits = [siteVisitKey(caseOfOne, 'anna')];
  await eventually(async () => expect(await world.vault.list(world.bucket, `${caseOfOne}/`)).toEqual(visits), RECOVERY);
  await eventually(async () => expect(await readIncidents(world.engine)).toEqual([]), RECOVERY);
});
