import { setTimeout as timeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { fileVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { readPastTask } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { siteVisitKey, siteVisitVariable } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const LATE_SECONDS = [1, 5, 20, 60];
const OTHERS = 300;
const OTHERS_EVERY_MS = 190;

const slow = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form' }, { sleepMs: 'lateMs' }] });
const quick = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form' }] });

let world: World;
beforeAll(async () => {
  world = createWorld();
  await world.engine.deploy({ ...slow.files, ...quick.files });
  await world.startFormvault();
});
afterAll(() => world.end());

/** Completes a task whose transaction commits late; the time from the commit until something is kept of it. */
async function measureLateForm(lateSeconds: number, variables: Parameters<World['engine']['complete']>[1]) {
  const caseId = world.newCase();
  const lateMs = { type: 'Long', value: lateSeconds * 1000 };
  const instance = await world.engine.start(slow.id, { businessKey: caseId, variables: { lateMs } });
  const task = await world.engine.task(instance.id);
  await world.engine.complete(task.id, variables);
  const committedMs = performance.now();
  const stampedMs = Date.parse((await readPastTask(world.engine, task.id)).endTime);
  expect(Date.now() - stampedMs).toBeGreaterThan(lateSeconds * 1_000);
  await eventually(async () => expect(await world.vault.list(world.bucket, `${caseId}/`)).not.toEqual([]), {
    withinMs: 20_000,
    everyMs: 100,
  });
  return { lateSeconds, caseId, afterMs: performance.now() - committedMs };
}

async function completeQuickForm(caseId: string, person: string): Promise<void> {
  const instance = await world.engine.start(quick.id, { businessKey: caseId });
  const task = await world.engine.task(instance.id);
  await world.engine.complete(task.id, { visit: siteVisitVariable(person) });
}

test('F2: forms whose transactions commit up to a minute late are kept once, soon after the commit, among 300 others', async () => {
  const conventions = LATE_SECONDS.map((late) => measureLateForm(late, { visit: siteVisitVariable('late') }));
  const taskForms = LATE_SECONDS.map((late) =>
    measureLateForm(late, { plan: fileVariable('plan.txt', 'text/plain', Buffer.from('plan')) }),
  );
  const busyCase = world.newCase();
  const people = Array.from({ length: OTHERS }, (_, i) => `person-${i}`);
  const others = people.map((person, i) =>
    timeout(i * OTHERS_EVERY_MS).then(() => completeQuickForm(busyCase, person)),
  );

  // none may be left behind when another one fails
  await Promise.allSettled([...conventions, ...taskForms, ...others]);
  const late = await Promise.all([...conventions, ...taskForms]);
  await Promise.all(others);
  for (const { lateSeconds, afterMs } of late) {
    expect({ lateSeconds, isInTime: afterMs < (lateSeconds <= 30 ? 2_000 : 15_000), afterMs }).toMatchObject({
      isInTime: true,
    });
  }

  await completeQuickForm(busyCase, 'last');
  const expected = [...people, 'last'].map((person) => siteVisitKey(busyCase, person)).sort();
  await eventually(async () => expect(await world.vault.list(world.bucket, `${busyCase}/`)).toEqual(expected));
  for (const { caseId } of late) {
    const keys = await world.vault.list(world.bucket, `${caseId}/`);
    expect(keys.filter((key) => !key.includes('/attachments/'))).toHaveLength(1);
  }
});
