import { setTimeout as timeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { aProcess } from '../support/a-process.ts';
import { readEngineTime, readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readHandedOver, readIncidents, readOpenTasks, retry } from '../support/handed-over.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitVariable } from '../support/site-visit.ts';
import { startUnreliableProxy, type UnreliableProxy } from '../support/unreliable-proxy.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(600_000);

const SEED = 20_260_304;
const ROUNDS = 20;
const SUBMISSIONS = 500;
const KILLED = 137;
/** Where S3 denies the state bucket while it starts. */
const REFUSED = 78;
const IN_A_ROUND = SUBMISSIONS / ROUNDS;
/** Lives end while it starts, before it leads, and while it works. */
const SHORTEST_LIFE_MS = 500;
const LONGEST_LIFE_MS = 8_000;
const IN_THE_END = { withinMs: 150_000, everyMs: 1_000 };
const INVALID = { type: 'Json', value: JSON.stringify({ form: { name: { first: 'wrong' } } }) };

const waiting = aProcess({ steps: [{ message: 'never' }] });
const visit = aProcess({
  steps: [{ userTask: 'visit', formKey: 'visit-form', assignee: 'inspector' }, { message: 'never' }],
});

let random: () => number;
let s3: UnreliableProxy;
let world: World;
let caseId: string;
/** What was submitted, by the reference of its change; whether it can be kept. */
let submitted: Map<string, 'valid' | 'invalid'>;
beforeEach(async () => {
  random = seededRandom(SEED);
  s3 = await startUnreliableProxy(testServers().s3.endpoint, {
    random,
    shareThatFails: (path) => (path.includes(caseId) ? 0.4 : 0.03),
  });
  world = createWorld({
    S3_ENDPOINT: s3.url,
    FEED_LEASE_SECONDS: '2',
    LONG_POLL_MS: '2000',
    RETRY_SECONDS: '1,2',
    WATCHDOG_SECONDS: '2',
  });
  submitted = new Map();
  caseId = world.newCase();
  for (const { files } of [waiting, visit]) await world.engine.deploy(files);
});
afterEach(async () => {
  await world.end();
  await s3.close();
});

/** Convention data in one instance, some at a time, one of them invalid; and every fifth is a task form. */
async function submitRound(round: number): Promise<void> {
  const { id } = await world.engine.start(waiting.id, { businessKey: caseId });
  for (let number = 0; number < IN_A_ROUND; number += 5) {
    const names = Array.from({ length: 4 }, (_, each) => `r${round}n${number + each}`);
    const modifications = Object.fromEntries(
      names.map((name) => [name, name.endsWith('n0') ? INVALID : siteVisitVariable(name)]),
    );
    await world.engine.http.post(`/process-instance/${id}/variables`, { modifications });
    const instance = await world.engine.start(visit.id, { businessKey: caseId });
    const task = await world.engine.task(instance.id);
    await world.engine.complete(task.id, { number: { type: 'Long', value: round * IN_A_ROUND + number } });
    submitted.set(`task/${task.id}`, 'valid');
  }
  for (const { id: detailId, variableName } of await readUpdates(world.engine, id)) {
    submitted.set(`detail/${detailId}`, variableName.endsWith('n0') ? 'invalid' : 'valid');
  }
}

async function liveAndDie(env: Record<string, string>): Promise<void> {
  const formvault = await world.startFormvault(env, { until: 'started' });
  await timeout(SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS));
  await formvault.kill();
  expect([KILLED, REFUSED]).toContain(await formvault.exited);
}

async function readKeptRefs(): Promise<string[]> {
  const objects = await world.kept(caseId);
  return objects.map(({ metadata }) => metadata.source?.split('#')[0] ?? 'without a source').sort();
}

const readOpenRefs = async () => (await readOpenTasks(world.engine)).map(({ businessKey }) => businessKey).sort();
const refsThatAre = (kind: 'valid' | 'invalid') =>
  [...submitted].flatMap(([ref, is]) => (is === kind ? ref : [])).sort();

test('killed at random twenty times while S3 fails at random, each of 500 submissions is kept once or is one incident', async () => {
  const FEED_START = await readEngineTime(world.engine);
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([submitRound(round), liveAndDie({ FEED_START })]);
  }
  expect(submitted.size).toBe(SUBMISSIONS);
  for (const count of Object.values(s3.failures)) expect(count).toBeGreaterThan(0);
  s3.mend();
  await world.startFormvault({ FEED_START });

  const found = await eventually(async () => {
    const tasks = await readOpenTasks(world.engine);
    expect(tasks.filter(({ retries }) => retries !== 0)).toEqual([]);
    const kept = await readKeptRefs();
    expect(new Set([...kept, ...tasks.map(({ businessKey }) => businessKey)]).size).toBe(SUBMISSIONS);
    return { kept, tasks };
  }, IN_THE_END);
  expect(found.kept).toEqual([...new Set(found.kept)]);
  const incidents = await readIncidents(world.engine);
  expect(incidents.map(({ configuration }) => configuration).sort()).toEqual(found.tasks.map(({ id }) => id).sort());
  for (const { configuration } of incidents) {
    await eventually(async () => expect(await readIncidentsOf(configuration)).toBe(2), IN_THE_END); // and its mark
  }

  // Whoever is killed twice at the same change takes it for the reason: what is still in doubt waits for a person.
  const suspects = incidents.filter(({ incidentMessage }) => incidentMessage.startsWith('UNEXPECTED: '));
  for (const suspect of suspects) await retry(world.engine, suspect);
  await eventually(async () => expect(await readOpenRefs()).toEqual(refsThatAre('invalid')), IN_THE_END);
  await expect(readKeptRefs()).resolves.toEqual(refsThatAre('valid'));
  const handedOver = await readHandedOver(world.engine);
  expect(handedOver).toEqual([...new Set(handedOver)]);
});

/** How many incidents stand for an external task, wherever. */
async function readIncidentsOf(externalTaskId: string): Promise<number> {
  const { data } = await world.engine.http.get<unknown[]>('/incident', { params: { configuration: externalTaskId } });
  return data.length;
}
