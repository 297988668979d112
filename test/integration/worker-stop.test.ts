import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, type SeenRequest, startCountingProxy } from '../support/counting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { readLocks, readReportedFailures } from '../support/external-tasks.ts';
import { readHandedOver, readIncidents, readOpenTasks } from '../support/handed-over.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitKey, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(180_000);

const IN_FLIGHT = 20;
const SOON = { withinMs: 60_000, everyMs: 100 };

const people = Array.from({ length: IN_FLIGHT }, (_, each) => `person-${each}`);
const latecomers = Array.from({ length: 5 }, (_, each) => `late-${each}`);
const waiting = aProcess({ steps: [{ message: 'never' }] });

let engine: CountingProxy;
let world: World;
let caseId: string;
let source: string;
beforeEach(async () => {
  engine = await startCountingProxy(testServers().engineUrl);
  world = createWorld({ DISPATCH: 'queue', LONG_POLL_MS: '3000' });
  await world.engine.deploy(waiting.files);
  caseId = world.newCase();
  source = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
  await world.startFormvault({ ROLES: 'feed' });
});
afterEach(async () => {
  engine.pass();
  await world.end();
  await engine.close();
});

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...submitters: string[]) => submitters.map((person) => siteVisitKey(caseId, person)).sort();
const isReading = ({ path }: SeenRequest): boolean => path.includes('/history/detail/');
const isUnlock = ({ path }: SeenRequest): boolean => path.endsWith('/unlock');

const startWorker = (env: Record<string, string> = {}) =>
  world.startFormvault({ ROLES: 'worker', ...env }, { until: 'started' });

/** A worker with twenty tasks, each of which waits for the engine to tell about its change. */
async function startWorkerWithTasksInFlight(env: Record<string, string> = {}): Promise<RunningFormvault> {
  engine.hold(isReading);
  const worker = await startWorker({ ENGINE_URL: engine.url, ...env });
  await submitSiteVisits(world, source, people);
  await eventually(() => expect(engine.held()).toBe(IN_FLIGHT), SOON);
  await expect(readLocks(world.engine)).resolves.toHaveLength(IN_FLIGHT);
  return worker;
}

async function sendSigterm(formvault: RunningFormvault): Promise<void> {
  process.kill(formvault.pid, 'SIGTERM');
  await eventually(() => expect(formvault.logs()).toContain('"msg":"stopping"'), SOON);
}

/** As if nobody had ever worked on them. */
async function expectUntouchedTasks(count: number): Promise<void> {
  const tasks = await readOpenTasks(world.engine);
  expect(tasks).toHaveLength(count);
  for (const task of tasks) expect(task).toMatchObject({ lockExpirationTime: null, retries: null, errorMessage: null });
  await expect(readReportedFailures(world.engine)).resolves.toEqual([]);
}

async function expectTheNextWorkerKeeps(submitters: string[]): Promise<void> {
  engine.pass();
  await startWorker();
  await eventually(async () => expect(await readOpenTasks(world.engine)).toEqual([]), SOON);
  await expect(keptKeys()).resolves.toEqual(keysOf(...submitters));
  await expect(readHandedOver(world.engine)).resolves.toHaveLength(submitters.length);
  await expect(readIncidents(world.engine)).resolves.toEqual([]);
}

test('a worker that is stopped ends the twenty tasks in its hands, and leaves no lock behind', async () => {
  const worker = await startWorkerWithTasksInFlight();

  await sendSigterm(worker);
  await expect(keptKeys()).resolves.toEqual([]);
  engine.pass();

  await expect(worker.exited).resolves.toBe(0);
  await expect(keptKeys()).resolves.toEqual(keysOf(...people));
  await expect(readOpenTasks(world.engine)).resolves.toEqual([]);
  await expect(readReportedFailures(world.engine)).resolves.toEqual([]);
});

test('what the long poll of a stopping worker still brings is given back at once, as it was', async () => {
  const worker = await startWorkerWithTasksInFlight({ LONG_POLL_MS: '15000' });

  await sendSigterm(worker);
  await submitSiteVisits(world, source, latecomers);
  await eventually(() => expect(engine.requests.filter(isUnlock)).not.toEqual([]), SOON);
  await eventually(async () => expect(await readHandedOver(world.engine)).toHaveLength(IN_FLIGHT + 5), SOON);
  expect(engine.held()).toBe(IN_FLIGHT);
  engine.pass();

  await expect(worker.exited).resolves.toBe(0);
  await expect(keptKeys()).resolves.toEqual(keysOf(...people));
  await expectUntouchedTasks(latecomers.length);
  await expectTheNextWorkerKeeps([...people, ...latecomers]);
});

test('a second signal does not wait: the tasks are free at once, and the next worker keeps them', async () => {
  const worker = await startWorkerWithTasksInFlight();

  await sendSigterm(worker);
  process.kill(worker.pid, 'SIGTERM');

  await expect(worker.exited).resolves.toBe(0);
  await expect(keptKeys()).resolves.toEqual([]);
  await expectUntouchedTasks(IN_FLIGHT);
  await expectTheNextWorkerKeeps(people);
});

test('a stop waits for DRAIN_SECONDS and no longer, and gives back what is still in hand', async () => {
  const worker = await startWorkerWithTasksInFlight({ DRAIN_SECONDS: '2' });

  await sendSigterm(worker);

  await expect(worker.exited).resolves.toBe(0);
  await expect(keptKeys()).resolves.toEqual([]);
  await expectUntouchedTasks(IN_FLIGHT);
});

test('a second signal while the engine is away ends the worker too; the tasks are free when their locks are over', async () => {
  const worker = await startWorkerWithTasksInFlight();
  engine.refuse();

  await sendSigterm(worker);
  process.kill(worker.pid, 'SIGTERM');

  await expect(worker.exited).resolves.toBe(0);
  await expect(readLocks(world.engine)).resolves.toHaveLength(IN_FLIGHT);
  await expectTheNextWorkerKeeps(people);
});
