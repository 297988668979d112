import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, type SeenRequest, startCountingProxy } from '../support/counting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { readLocks, readReportedFailures, unlock } from '../support/external-tasks.ts';
import { readHandedOver, readIncidents, readIncidentsOn, readOpenTasks } from '../support/handed-over.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(240_000);

const IN_HAND = 12;
/** Locks live for half a minute. */
const BEYOND_LOCKS = { withinMs: 90_000, everyMs: 200 };
const SOON = { withinMs: 60_000, everyMs: 100 };

const slow = Array.from({ length: IN_HAND }, (_, each) => `slow-${each}`);
const quick = Array.from({ length: 40 }, (_, each) => `quick-${each}`);
const waiting = aProcess({ steps: [{ message: 'never' }] });

let s3: CountingProxy;
let engine: CountingProxy;
let world: World;
let caseId: string;
let source: string;
beforeEach(async () => {
  const servers = testServers();
  s3 = await startCountingProxy(servers.s3.endpoint);
  engine = await startCountingProxy(servers.engineUrl);
  world = createWorld({ DISPATCH: 'queue', LONG_POLL_MS: '2000', CONCURRENCY: String(IN_HAND) });
  await world.engine.deploy(waiting.files);
  caseId = world.newCase();
  source = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
  await world.startFormvault({ ROLES: 'feed' });
});
afterEach(async () => {
  s3.pass();
  engine.pass();
  await world.end();
  await Promise.all([s3.close(), engine.close()]);
});

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...submitters: string[]) => submitters.map((person) => siteVisitKey(caseId, person)).sort();
const isOfTheCase = ({ path }: SeenRequest): boolean => path.includes(caseId);
const isReading = ({ path }: SeenRequest): boolean => path.includes('/history/detail/');
const lostLocks = (worker: RunningFormvault) => worker.logs().match(/"lock of an external task lost"/g) ?? [];

const startWorker = (env: Record<string, string> = {}) =>
  world.startFormvault({ ROLES: 'worker', ...env }, { until: 'started' });

/** A worker whose tasks wait for S3 or the engine to answer; by default it has all that it can take. */
async function startWorkerWithFullHands(asked: CountingProxy, concurrency = IN_HAND): Promise<RunningFormvault> {
  asked.hold(asked === s3 ? isOfTheCase : isReading);
  const proxies = { S3_ENDPOINT: s3.url, ENGINE_URL: engine.url };
  const worker = await startWorker({ ...proxies, CONCURRENCY: String(concurrency) });
  await submitSiteVisits(world, source, slow);
  await eventually(() => expect(asked.held()).toBe(IN_HAND), SOON);
  return worker;
}

const untilKept = (submitters: string[], within: { withinMs: number; everyMs: number }) =>
  eventually(async () => expect(await keptKeys()).toEqual(keysOf(...submitters)), within);

/** Each submission has one object and had one task, which ended without anybody complaining. */
async function expectKeptOnceWithoutComplaint(...submitters: string[]): Promise<void> {
  await untilKept(submitters, BEYOND_LOCKS);
  await eventually(async () => expect(await readOpenTasks(world.engine)).toEqual([]), BEYOND_LOCKS);
  await expect(keptKeys()).resolves.toEqual(keysOf(...submitters));
  const handedOver = await readHandedOver(world.engine);
  expect(handedOver).toEqual([...new Set(handedOver)]);
  expect(handedOver).toHaveLength(submitters.length);
  await expect(readReportedFailures(world.engine)).resolves.toEqual([]);
  await expect(readIncidents(world.engine)).resolves.toEqual([]);
  await expect(readIncidentsOn(world.engine, source)).resolves.toEqual([]);
}

test.each([2, 4])(
  'of %i workers one is frozen past its locks: the others keep what it had, and awake again it reports nothing',
  async (count) => {
    const frozen = await startWorkerWithFullHands(s3);
    process.kill(frozen.pid, 'SIGSTOP');
    const others = await Promise.all(Array.from({ length: count - 1 }, () => startWorker()));
    await submitSiteVisits(world, source, quick);
    await untilKept(quick, SOON);
    await untilKept([...quick, ...slow], BEYOND_LOCKS);

    s3.pass(); // its writes arrive long after those of the others
    process.kill(frozen.pid, 'SIGCONT');
    await eventually(() => expect(lostLocks(frozen)).toHaveLength(IN_HAND), SOON);
    await expectKeptOnceWithoutComplaint(...quick, ...slow);
    for (const other of others) expect(lostLocks(other)).toEqual([]);

    await Promise.all(others.map((other) => other.stop()));
    await submitSiteVisits(world, source, ['awake']);
    await expectKeptOnceWithoutComplaint(...quick, ...slow, 'awake');
  },
);

test('a worker whose locks a person takes away reports nothing, and another one keeps what it had', async () => {
  const slowWorker = await startWorkerWithFullHands(engine);
  for (const { id } of await readLocks(world.engine)) await unlock(world.engine, id);
  const other = await startWorker();
  await untilKept(slow, SOON);
  engine.pass();

  await eventually(() => expect(lostLocks(slowWorker)).toHaveLength(IN_HAND), SOON);
  expect(lostLocks(other)).toEqual([]);
  await expectKeptOnceWithoutComplaint(...slow);
});

const NOT_TOLD = 'external task could not be reported; it comes back when its lock is over';

test.each([
  ['a moment: it reports what it kept meanwhile', { concurrency: 2 * IN_HAND, notTold: 0 }],
  // With full hands it does not ask for more, and notices nothing until its locks are over.
  ['longer than its locks live: it gets its tasks again', { concurrency: IN_HAND, notTold: IN_HAND }],
])('a worker goes on by itself after the engine was away for %s', async (_, { concurrency, notTold }) => {
  const worker = await startWorkerWithFullHands(s3, concurrency);
  engine.refuse();
  s3.pass();
  await untilKept(slow, SOON);
  await eventually(() => expect(worker.logs()).toContain('external tasks cannot be fetched; trying again'), SOON);
  await expect(readOpenTasks(world.engine)).resolves.toHaveLength(IN_HAND);
  engine.pass();

  await eventually(() => expect(worker.logs()).toContain('external tasks are fetched again'), SOON);
  await submitSiteVisits(world, source, ['after']);
  await expectKeptOnceWithoutComplaint(...slow, 'after');
  expect(worker.logs().match(new RegExp(NOT_TOLD, 'g')) ?? []).toHaveLength(notTold);
});
