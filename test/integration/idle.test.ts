import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { aProcess } from '../support/a-process.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { testServers } from '../support/servers.ts';
import { siteVisitVariable } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const FORMS = 60;
const SETTLE_SECONDS = 3;
const CLOCK_REQUESTS = 40;

const visit = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form' }] });

let world: World;
let engine: CountingProxy;
beforeEach(async () => {
  engine = await startCountingProxy(testServers().engineUrl);
  world = createWorld({ ENGINE_URL: engine.url, LONG_POLL_MS: '5000' });
});
afterEach(async () => {
  await world.end();
  await engine.close();
});

test('F8: an idle Formvault asks the engine at most twice a second', async () => {
  await world.startFormvault();
  const { requests } = engine;
  // What came late is counted by several requests at once while it is still busy.
  const isIdle = (): boolean => {
    const last = requests.slice(-5);
    const seconds = ((last.at(-1)?.atMs ?? 0) - (last[0]?.atMs ?? 0)) / 1_000;
    return seconds > 2 && last.every(({ path }) => /\/count|fetchAndLock/.test(path));
  };
  await eventually(() => expect(isIdle()).toBe(true), { withinMs: 15_000 });

  const first = requests.length;
  await eventually(() => expect(requests.length).toBeGreaterThan(first + 20), { withinMs: 20_000 });
  const seconds = ((requests[first + 20]?.atMs ?? 0) - (requests[first]?.atMs ?? 0)) / 1_000;
  expect(20 / seconds).toBeLessThanOrEqual(2);
});

test('F8: a row is read at most three times from its first appearance until it has settled', async () => {
  await world.startFormvault({ FEED_SETTLE_SECONDS: String(SETTLE_SECONDS) });
  await world.engine.deploy(visit.files);
  // The engine tells its time in whole seconds: only after some answers it is known well enough to look a tenth of one back.
  const asked = engine.requests.length;
  await eventually(
    async () => {
      await completeForm(world.newCase(), 0);
      expect(engine.requests.length).toBeGreaterThan(asked + CLOCK_REQUESTS);
    },
    { withinMs: 20_000, everyMs: 130 },
  );
  const caseId = world.newCase();
  const refs: string[] = [];
  for (let number = 0; number < FORMS; number++) refs.push(...(await completeForm(caseId, number)));

  const readingsOf = (ref: string) => engine.readings.get(ref) ?? 0;
  await eventually(
    async () => {
      await completeForm(world.newCase(), 0);
      expect(await world.vault.list(world.bucket, `${caseId}/`)).toHaveLength(FORMS);
      expect(refs.filter((ref) => readingsOf(ref) < 2)).toEqual([]);
    },
    { withinMs: 30_000, everyMs: 500 },
  );
  expect(refs.filter((ref) => readingsOf(ref) > 3).map((ref) => [ref, readingsOf(ref)])).toEqual([]);
});

/** Convention data and task forms by turns; the rows of both feeds that come of it. */
async function completeForm(caseId: string, number: number): Promise<string[]> {
  const instance = await world.engine.start(visit.id, { businessKey: caseId });
  const task = await world.engine.task(instance.id);
  if (number % 2 === 1) {
    await world.engine.complete(task.id, { answer: { value: 'yes' } });
    return [`task/${task.id}`];
  }
  await world.engine.complete(task.id, { answer: siteVisitVariable(`person-${number}`) });
  const updates = await readUpdates(world.engine, instance.id);
  return [`task/${task.id}`, ...updates.map(({ id }) => `detail/${id}`)];
}
