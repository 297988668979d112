import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createEngineCalls } from '../../dev/clients/engine-calls.ts';
import { startEngine } from '../../dev/servers/engine.ts';
import { aProcess } from '../support/a-process.ts';
import { readEngineTime } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { FEED_STATE_KEY, readFeedState } from '../support/feed-state.ts';
import { runCommand } from '../support/run-command.ts';
import { siteVisitKey, submitSiteVisit } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const waiting = aProcess({ steps: [{ message: 'never' }] });

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

/** Starts a Formvault that cannot go on; its exit code and everything that it said. */
async function endOfStart(env: Record<string, string>): Promise<{ exitCode: number; said: string }> {
  const formvault = await world.startFormvault(env, { until: 'started' });
  const exitCode = await formvault.exited;
  return { exitCode, said: formvault.logs() };
}

async function startInstance(): Promise<{ caseId: string; instanceId: string }> {
  await world.engine.deploy(waiting.files);
  const caseId = world.newCase();
  return { caseId, instanceId: (await world.engine.start(waiting.id, { businessKey: caseId })).id };
}

const keptKeys = (caseId: string) => world.vault.list(world.bucket, `${caseId}/`);

test('wrong settings end the start with exit code 78 and a list of all of them, without their secrets', async () => {
  const { exitCode, said } = await endOfStart({
    ENVIRONMENT: '',
    ENGINE_URL: 'ftp://engine',
    ENGINE_USERNAME: 'anna',
    FEED_START: 'yesterday',
    CONCURRENCY: '0',
    FORM_API_PASSWORD: 'open sesame',
  });

  expect(exitCode).toBe(78);
  const names = ['ENVIRONMENT', 'ENGINE_URL', 'ENGINE_PASSWORD', 'FEED_START', 'CONCURRENCY', 'FORM_API_URL'];
  for (const name of names) expect(said).toContain(`${name} is `);
  expect(said).not.toContain('open sesame');
});

test('a FEED_START that is still to come ends the start with exit code 78, before anything says where to begin', async () => {
  const { exitCode, said } = await endOfStart({ FEED_START: '2999-01-01T00:00:00Z' });

  expect(exitCode).toBe(78);
  expect(said).toContain('could not begin at FEED_START, which is in the future');
  expect(said).toContain('Let FEED_START be now, or a time in the past');
  await expect(readFeedState(world)).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test.each([['reindx'], ['backfill', '--from', '2026'], ['--json', 'check']])(
  'there is no command %j, and it is said so',
  async (...args) => {
    const { exitCode, said } = await runCommand(args, {});

    expect(exitCode).toBe(78);
    expect(said).toContain(`error: unknown command '${args.find((arg) => !arg.startsWith('-'))}'`);
    expect(said).toContain('formvault --help lists the commands');
  },
);

test('a state bucket that is not there ends the start with exit code 78, and is not created', async () => {
  const { exitCode, said } = await endOfStart({ S3_CREATE_BUCKETS: 'false' });

  expect(exitCode).toBe(78);
  expect(said).toContain(`could not find the state bucket (bucket ${world.bucket})`);
  expect(said).toContain('Create the bucket');
  await expect(world.vault.put(world.bucket, 'is-it-there', 'yes')).rejects.toMatchObject({ name: 'NoSuchBucket' });
});

test.each([
  ['no JSON', '{"version": 1, "owner": nu'],
  ['of a later version', '{"version": 2, "owner": null, "position": {}}'],
  ['without times', '{"version": 1, "owner": null, "position": {"variableUpdates": "soon"}}'],
])('a state that is %s ends the start with exit code 78 and stays as it is', async (_, state) => {
  await world.vault.createBucket(world.bucket);
  await world.vault.put(world.bucket, FEED_STATE_KEY, state);

  const { exitCode, said } = await endOfStart({});

  expect(exitCode).toBe(78);
  expect(said).toContain(`could not read ${FEED_STATE_KEY} in the state bucket`);
  await expect(world.vault.read(world.bucket, FEED_STATE_KEY)).resolves.toMatchObject({ text: state });
});

test('a port that something else listens on costs no form, only health and metrics', async () => {
  const { caseId, instanceId } = await startInstance();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  try {
    const formvault = await world.startFormvault({ PORT: String((other.address() as AddressInfo).port) });
    expect(formvault.logs()).toContain('no health and no metrics: the port is taken; trying again');
    await submitSiteVisit(world, instanceId, 'kept');
    await eventually(async () => expect(await keptKeys(caseId)).toEqual([siteVisitKey(caseId, 'kept')]));
  } finally {
    other.close();
  }
});

test('F10: a leader that finds its state deleted writes it again from what it knows', async () => {
  await world.startFormvault();
  const before = await readFeedState(world);
  await world.vault.client.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: FEED_STATE_KEY }));

  const after = await eventually(() => readFeedState(world));
  expect(after).toMatchObject({ owner: before.owner, variableUpdatesMs: before.variableUpdatesMs });
  const { caseId, instanceId } = await startInstance();
  await submitSiteVisit(world, instanceId, 'after');
  await eventually(async () => expect(await keptKeys(caseId)).toEqual([siteVisitKey(caseId, 'after')]));
});

test('F9: an engine below history level FULL ends the start with exit code 78 and says what to do', async () => {
  const engine = await startEngine({ historyLevel: 'audit', heapMb: 512 });
  try {
    const untouched = await endOfStart({ ENGINE_URL: engine.url });
    const calls = createEngineCalls(engine.url);
    await expect(calls.http.get('/task/count')).resolves.toMatchObject({ data: { count: 0 } });
    await calls.deploy(waiting.files);
    await calls.start(waiting.id, { variables: { city: { value: 'Oslo' } } });
    const inUse = await endOfStart({ ENGINE_URL: engine.url });

    for (const { exitCode, said } of [untouched, inUse]) {
      expect(exitCode).toBe(78);
      expect(said).toContain('HISTORY_LEVEL_TOO_LOW');
      expect(said).toContain('Set the history level of the engine to FULL and restart the engine.');
    }
  } finally {
    await engine.stop();
  }
});

test('FEED_START is where the very first start begins; from then on the position is', async () => {
  const { caseId, instanceId } = await startInstance();
  await submitSiteVisit(world, instanceId, 'before');
  const FEED_START = await nextSecondOfTheEngine();
  await submitSiteVisit(world, instanceId, 'behind');
  const keysOf = (...people: string[]) => people.map((person) => siteVisitKey(caseId, person)).sort();

  const first = await world.startFormvault({ FEED_START });
  await eventually(async () => expect(await keptKeys(caseId)).toEqual(keysOf('behind')));
  await first.stop();
  const second = await world.startFormvault({ FEED_START: 'beginning' });
  await submitSiteVisit(world, instanceId, 'last');
  await eventually(async () => expect(await keptKeys(caseId)).toEqual(keysOf('behind', 'last')));
  expect(second.logs()).toContain(`"from":"${FEED_START}"`);
});

test('FEED_START=now leaves out what was submitted before', async () => {
  const { caseId, instanceId } = await startInstance();
  await submitSiteVisit(world, instanceId, 'before');
  await nextSecondOfTheEngine();
  await world.startFormvault();
  await submitSiteVisit(world, instanceId, 'after');

  await eventually(async () => expect(await keptKeys(caseId)).toEqual([siteVisitKey(caseId, 'after')]));
});

test('FEED_START=beginning keeps everything that the history has', async () => {
  const { caseId, instanceId } = await startInstance();
  await submitSiteVisit(world, instanceId, 'before');
  const formvault = await world.startFormvault({ FEED_START: 'beginning' });

  expect(formvault.logs()).toContain('"from":"1970-01-01T00:00:00.000Z"');
  await eventually(async () => expect(await keptKeys(caseId)).toEqual([siteVisitKey(caseId, 'before')]), {
    withinMs: 60_000,
    everyMs: 200,
  });
});

/** The engine tells its time in whole seconds. */
async function nextSecondOfTheEngine(): Promise<string> {
  const time = await readEngineTime(world.engine);
  return eventually(async () => {
    const next = await readEngineTime(world.engine);
    expect(next).not.toBe(time);
    return next;
  });
}
