import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readFeedState } from '../support/feed-state.ts';
import { readHandedOver, readIncidents, readIncidentsOn, readOpenTasks } from '../support/handed-over.ts';
import { createProbes } from '../support/probes.ts';
import { testServers } from '../support/servers.ts';
import { SITE_VISIT, siteVisitKey, submitSiteVisit, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(240_000);

const LIMIT = 3;
/** Attempts in place take some seconds, those in the engine too. */
const OUTAGE = { withinMs: 60_000, everyMs: 200 };
const RECOVERY = { withinMs: 90_000, everyMs: 200 };

const people = Array.from({ length: 40 }, (_, each) => `person-${each}`);
const waiting = aProcess({ steps: [{ message: 'never' }] });

let s3: CountingProxy;
let formApi: RunningFormApi;
let world: World;
let caseId: string;
let source: string;
beforeEach(async () => {
  s3 = await startCountingProxy(testServers().s3.endpoint);
  const form = { id: 'id-of-visit', versionId: 'version-of-visit', name: SITE_VISIT, title: 'Visit of a site' };
  formApi = await startFormApi({ forms: [form] });
  world = createWorld({
    S3_ENDPOINT: s3.url,
    FORM_API_URL: formApi.url,
    OUTAGE_LIMIT: String(LIMIT),
    RETRY_SECONDS: '1,2',
    LONG_POLL_MS: '2000',
    FEED_SETTLE_SECONDS: '1',
    CONCURRENCY: '8',
  });
  await world.engine.deploy(waiting.files);
  caseId = world.newCase();
  source = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
});
afterEach(async () => {
  s3.pass();
  await world.end();
  await Promise.all([s3.close(), formApi.stop()]);
});

type Outage = { breakOff(): void; mend(): void; asked(): number; cause(): string };

const away: Record<string, Outage> = {
  S3: {
    breakOff: () => s3.refuse(),
    mend: () => s3.pass(),
    asked: () => s3.requests.length,
    cause: () => `VAULT_UNAVAILABLE: .* in bucket ${world.bucket} `,
  },
  'the form API': {
    breakOff: () => formApi.failNext(503, Number.POSITIVE_INFINITY),
    mend: () => formApi.failNext(200, 0),
    asked: () => formApi.requests(),
    cause: () => 'FORM_API_UNAVAILABLE: .* ',
  },
};

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...submitters: string[]) => submitters.map((person) => siteVisitKey(caseId, person)).sort();

async function lastUpdateMs(): Promise<number> {
  return Math.max(...(await readUpdates(world.engine, source)).map(({ at }) => Date.parse(at)));
}

async function expectEachHandedOverOnce(): Promise<void> {
  const handedOver = await readHandedOver(world.engine);
  expect(handedOver).toEqual([...new Set(handedOver)]);
}

async function expectNothingLeftToDo(): Promise<void> {
  await eventually(async () => {
    expect(await readOpenTasks(world.engine)).toEqual([]);
    expect(await readIncidents(world.engine)).toEqual([]);
    expect(await readIncidentsOn(world.engine, source)).toEqual([]);
  }, RECOVERY);
}

test.each(Object.entries(away))(
  'while %s is away incidents stand up to the limit and the feed stands still; then everything is kept without a hand',
  async (_, { breakOff, mend, asked, cause }) => {
    const probes = await createProbes();
    const formvault = await world.startFormvault({ PORT: probes.PORT });
    breakOff();
    await submitSiteVisits(world, source, people);
    await eventually(() => expect(formvault.logs()).toContain('outage: feed stands still'), OUTAGE);
    const incidents = await eventually(async () => {
      const standing = await readIncidents(world.engine);
      expect(standing).toHaveLength(LIMIT);
      expect(await readIncidentsOn(world.engine, source)).toHaveLength(LIMIT);
      return standing;
    }, OUTAGE);

    const brief = new RegExp(`^${cause()}\\(form ${SITE_VISIT}, case ${caseId}\\)\\. \\S`);
    for (const { incidentMessage } of incidents) expect(incidentMessage).toMatch(brief);
    const { status, parts } = await probes.ready();
    expect([status, parts.feed]).toMatchObject([503, { state: 'standing still' }]);
    await expect(probes.metric('formvault_open_incidents')).resolves.toBe(LIMIT);
    await expect(probes.metric('formvault_feed_lag_seconds')).resolves.toBeGreaterThan(5);
    const askedBefore = asked();
    await eventually(() => expect(asked()).toBeGreaterThan(askedBefore + 5), OUTAGE);
    await expect(readHandedOver(world.engine)).resolves.toHaveLength(LIMIT);
    await expect(readIncidents(world.engine)).resolves.toHaveLength(LIMIT);
    await expect(keptKeys()).resolves.toEqual([]);
    expect((await readFeedState(world)).variableUpdatesMs).toBeLessThanOrEqual(await lastUpdateMs());

    await submitSiteVisit(world, source, 'meanwhile');
    mend();
    const all = keysOf('meanwhile', ...people);
    await eventually(async () => expect(await keptKeys()).toEqual(all), RECOVERY);
    await expectNothingLeftToDo();
    await expectEachHandedOverOnce();
    expect(formvault.logs()).toContain('outage is over: feed goes on');
    await eventually(async () => expect(await probes.ready()).toMatchObject({ status: 200 }), RECOVERY);
    await eventually(
      async () => expect((await readFeedState(world)).variableUpdatesMs).toBeGreaterThan(await lastUpdateMs()),
      RECOVERY,
    );
    await expect(keptKeys()).resolves.toEqual(all);
  },
);

test('a Formvault that is killed in the middle of an outage hands nothing over twice, and the limit holds', async () => {
  const first = await world.startFormvault();
  formApi.failNext(503, Number.POSITIVE_INFINITY);
  await submitSiteVisits(world, source, people);
  await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(LIMIT), OUTAGE);
  await first.kill();

  const second = await world.startFormvault();
  await eventually(() => expect(second.logs()).toContain('outage: feed stands still'), OUTAGE);
  await eventually(() => expect(second.logs()).toContain('external task waits for the end of an outage'), OUTAGE);
  await expect(readIncidents(world.engine)).resolves.toHaveLength(LIMIT);
  await expectEachHandedOverOnce();

  formApi.failNext(200, 0);
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf(...people)), RECOVERY);
  await expectNothingLeftToDo();
  await expectEachHandedOverOnce();
});

test('a Formvault that starts while S3 is away waits for it, and keeps what was left to it', async () => {
  const first = await world.startFormvault();
  s3.refuse();
  await submitSiteVisits(world, source, people);
  await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(LIMIT), OUTAGE);
  await first.kill();

  const second = await world.startFormvault({}, { until: 'started' });
  await eventually(() => expect(second.logs()).toContain('not available at the start; trying again'), OUTAGE);
  await expect(readIncidents(world.engine)).resolves.toHaveLength(LIMIT);
  s3.pass();
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf(...people)), RECOVERY);
  await expectNothingLeftToDo();
  await expectEachHandedOverOnce();
});

test('a leader that cannot reach the state bucket keeps its position, and still hands over', async () => {
  await world.startFormvault();
  s3.refuse();
  const { variableUpdatesMs, renewed } = await readFeedState(world);
  await submitSiteVisit(world, source, 'ada');
  const [incident] = await eventually(async () => {
    const standing = await readIncidents(world.engine);
    expect(standing).toHaveLength(1);
    return standing;
  }, OUTAGE);

  expect(incident?.incidentMessage).toMatch(/^VAULT_UNAVAILABLE: /);
  await expect(readFeedState(world)).resolves.toMatchObject({ variableUpdatesMs, renewed });
  s3.pass();
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('ada')), RECOVERY);
  await expectNothingLeftToDo();
});

test('incidents with another cause wait for a person when an outage is over', async () => {
  await world.startFormvault();
  const invalid = JSON.stringify({ form: { name: { first: 'secret answer' } } });
  await world.engine.setVariable(source, 'invalid', { type: 'Json', value: invalid });
  await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(1), OUTAGE);
  const [stays] = await readIncidents(world.engine);
  s3.refuse();
  await submitSiteVisits(world, source, people);
  await eventually(async () => expect(await readIncidents(world.engine)).toHaveLength(LIMIT + 1), OUTAGE);

  s3.pass();
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf(...people)), RECOVERY);
  await eventually(async () => expect(await readIncidents(world.engine)).toEqual([stays]), RECOVERY);
  await expect(readIncidentsOn(world.engine, source)).resolves.toHaveLength(1);
  expect(stays?.incidentMessage).toMatch(/^SUBMISSION_INVALID: /);
  expect(stays?.incidentMessage).not.toContain('secret answer');
});
