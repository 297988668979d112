import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { readHandedOver, readIncidents, readIncidentsOn, readOpenTasks, retry } from '../support/handed-over.ts';
import { POISON } from '../support/poison.ts';
import { siteVisitKey, siteVisitVariable, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(300_000);

const POISONED = { nodeArgs: ['--import', join(import.meta.dirname, '..', 'support', 'poison.ts')] };
const KILLED = 137;
const MOST_LIVES = 10;
/** The lock of a worker that died lives for half a minute. */
const BEYOND_LOCKS = { withinMs: 90_000, everyMs: 200 };
const SOON = { withinMs: 60_000, everyMs: 200 };

const innocent = Array.from({ length: 30 }, (_, each) => `person-${each}`);
const waiting = aProcess({ steps: [{ message: 'never' }] });
const visit = aProcess({
  steps: [{ userTask: 'visit', formKey: 'visit-form', assignee: 'inspector' }, { message: 'on' }],
});

let world: World;
let caseId: string;
let source: string;
beforeEach(async () => {
  world = createWorld({ FEED_LEASE_SECONDS: '2', LONG_POLL_MS: '2000', WATCHDOG_SECONDS: '2' });
  await world.engine.deploy(waiting.files);
  await world.engine.deploy(visit.files);
  caseId = world.newCase();
  source = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
});
afterEach(() => world.end());

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...submitters: string[]) => submitters.map((person) => siteVisitKey(caseId, person)).sort();

const startPoisoned = (until: 'leading' | 'started') => world.startFormvault({}, { ...POISONED, until });

/** As a supervisor does: starts it again whenever it ends, until it stands there with so many incidents. */
async function startUntilIncidents(count: number): Promise<{ formvault: RunningFormvault; deaths: number }> {
  for (let deaths = 0; deaths < MOST_LIVES; deaths++) {
    const formvault = await startPoisoned('started');
    let isDead = false;
    void formvault.exited.then(() => {
      isDead = true;
    });
    await eventually(async () => {
      if (!isDead) expect(await readIncidents(world.engine)).toHaveLength(count);
    }, SOON);
    if (!isDead) return { formvault, deaths };
    await expect(formvault.exited).resolves.toBe(KILLED);
  }
  throw new Error(`still dying after ${MOST_LIVES} lives`);
}

test('changes that end the process each time are handed over after two starts died of each; all others are kept', async () => {
  const first = await startPoisoned('leading');
  await submitSiteVisits(world, source, innocent.slice(0, 15));
  await world.engine.setVariable(source, 'poison', siteVisitVariable('poison', { said: POISON }));
  const visited = await world.engine.start(visit.id, { businessKey: caseId });
  const said = { type: 'String', value: POISON };
  await world.engine.complete((await world.engine.task(visited.id)).id, { said });
  await submitSiteVisits(world, source, innocent.slice(15));
  await expect(first.exited).resolves.toBe(KILLED);

  const { formvault, deaths } = await startUntilIncidents(2);
  expect([3, 4]).toContain(deaths); // of each of the two by itself, and before of their group, or their groups
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf(...innocent)), SOON);
  for (const { incidentMessage } of await readIncidents(world.engine)) {
    expect(incidentMessage).toMatch(
      /^UNEXPECTED: could not keep a change during which Formvault ended twice \(.*retry\.$/,
    );
  }
  for (const instanceId of [source, visited.id]) {
    await eventually(async () => expect(await readIncidentsOn(world.engine, instanceId)).toHaveLength(1), SOON);
  }
  await submitSiteVisits(world, source, ['after']);
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('after', ...innocent)), SOON);
  await formvault.stop();
  await expect(formvault.exited).resolves.toBe(0);

  await world.startFormvault();
  for (const incident of await readIncidents(world.engine)) await retry(world.engine, incident);
  await eventually(async () => expect(await readOpenTasks(world.engine)).toEqual([]), SOON);
  expect(await keptKeys()).toHaveLength(innocent.length + 3);
  expect(await keptKeys()).toEqual(expect.arrayContaining(keysOf('after', 'poison', ...innocent)));
  for (const instanceId of [source, visited.id]) {
    await expect(readIncidentsOn(world.engine, instanceId)).resolves.toEqual([]);
  }
  await expect(readHandedOver(world.engine)).resolves.toHaveLength(2);
});

test('a suspect that a person retries too early ends the process once; its incident stands again, and stays until the next retry', async () => {
  const first = await startPoisoned('leading');
  await world.engine.setVariable(source, 'poison', siteVisitVariable('poison', { said: POISON }));
  await expect(first.exited).resolves.toBe(KILLED);
  const { formvault } = await startUntilIncidents(1);
  const [incident] = await readIncidents(world.engine);
  if (incident === undefined) throw new Error('no incident stands');

  await retry(world.engine, incident);
  await expect(formvault.exited).resolves.toBe(KILLED);
  const again = await startPoisoned('leading');
  await eventually(async () => {
    const [task] = await readOpenTasks(world.engine);
    // The lock of the worker that ended is over, or another has taken the task since and is through with it.
    expect(task).toBeDefined();
    expect(Date.parse(task?.lockExpirationTime ?? '') > Date.now()).toBe(false);
  }, BEYOND_LOCKS);
  await submitSiteVisits(world, source, ['ada']);
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('ada')), SOON);
  const standing = await eventually(async () => {
    const incidents = await readIncidents(world.engine);
    expect(incidents).toMatchObject([{ incidentMessage: incident.incidentMessage }]);
    return incidents;
  }, SOON);
  await eventually(async () => expect(await readIncidentsOn(world.engine, source)).toHaveLength(1), SOON);
  await again.stop();
  await expect(again.exited).resolves.toBe(0);

  await world.startFormvault();
  for (const each of standing) await retry(world.engine, each);
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('ada', 'poison')), SOON);
  await eventually(async () => expect(await readIncidents(world.engine)).toEqual([]), SOON);
  await expect(readIncidentsOn(world.engine, source)).resolves.toEqual([]);
});

test('with DISPATCH=queue a change that ends its worker each time is an incident after it ended two; all others are kept', async () => {
  const leader = await world.startFormvault({ ROLES: 'feed', DISPATCH: 'queue' });
  await submitSiteVisits(world, source, innocent.slice(0, 15));
  await world.engine.setVariable(source, 'poison', siteVisitVariable('poison', { said: POISON }));
  await submitSiteVisits(world, source, innocent.slice(15));
  await eventually(async () => expect(await readOpenTasks(world.engine)).toHaveLength(innocent.length + 1), SOON);

  const startWorker = () =>
    world.startFormvault({ ROLES: 'worker', CONCURRENCY: '8' }, { ...POISONED, until: 'started' });
  let worker = await startWorker();
  let deaths = 0;
  await eventually(
    async () => {
      const isDead = await Promise.race([worker.exited, false]);
      if (isDead !== false && ++deaths < MOST_LIVES) worker = await startWorker();
      expect(await readIncidents(world.engine)).toHaveLength(1);
      expect(await keptKeys()).toEqual(keysOf(...innocent));
    },
    { withinMs: 200_000, everyMs: 200 },
  );

  expect(deaths).toBe(2);
  const [incident] = await readIncidents(world.engine);
  expect(incident?.incidentMessage).toMatch(/^UNEXPECTED: could not keep what Formvault had in hand when it ended \(/);
  await Promise.all([leader.stop(), worker.stop()]);
});
