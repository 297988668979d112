import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { readUpdates } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readReportedFailures } from '../support/external-tasks.ts';
import { readHandedOver, readOpenTasks } from '../support/handed-over.ts';
import { siteVisitKey, siteVisitVariable, submitSiteVisits } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(180_000);

const SOON = { withinMs: 60_000, everyMs: 200 };
const people = Array.from({ length: 60 }, (_, each) => `person-${each}`);

const waiting = aProcess({ steps: [{ message: 'never' }] });
const visit = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form', assignee: 'inspector' }] });
const chat = aProcess({ steps: [{ userTask: 'chat' }] });

let world: World;
let caseId: string;
let source: string;
beforeEach(async () => {
  world = createWorld({ DISPATCH: 'queue', CONCURRENCY: '4', LONG_POLL_MS: '2000' });
  for (const { files } of [waiting, visit, chat]) await world.engine.deploy(files);
  caseId = world.newCase();
  source = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
});
afterEach(() => world.end());

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...submitters: string[]) => submitters.map((person) => siteVisitKey(caseId, person)).sort();
const countKept = (formvault: RunningFormvault) => formvault.logs().match(/"msg":"submission kept"/g)?.length ?? 0;

async function complete(processId: string, variables: Parameters<World['engine']['complete']>[1] = {}) {
  const { id } = await world.engine.start(processId, { businessKey: caseId });
  const task = await world.engine.task(id);
  await world.engine.complete(task.id, variables);
  return { instanceId: id, taskId: task.id };
}

test('with DISPATCH=queue every change is an external task: two workers share them, and the leader keeps none', async () => {
  const leader = await world.startFormvault({ ROLES: 'feed' });
  const workers = await Promise.all(
    ['first', 'second'].map(() => world.startFormvault({ ROLES: 'worker' }, { until: 'started' })),
  );
  for (let at = 0; at < people.length; at += 10) await submitSiteVisits(world, source, people.slice(at, at + 10));
  const withForm = await complete(visit.id);
  const withData = await complete(visit.id, { visit: siteVisitVariable('ada') });
  const updates = [
    ...(await readUpdates(world.engine, source)),
    ...(await readUpdates(world.engine, withData.instanceId)),
  ];
  const refs = [...updates.map(({ id }) => `detail/${id}`), `task/${withForm.taskId}`];
  expect(refs).toHaveLength(people.length + 2);

  await eventually(async () => expect(await keptKeys()).toHaveLength(refs.length), SOON);
  await eventually(async () => expect(await readOpenTasks(world.engine)).toEqual([]), SOON);
  expect(await keptKeys()).toEqual(expect.arrayContaining(keysOf('ada', ...people)));
  await expect(readHandedOver(world.engine)).resolves.toEqual(refs.sort());
  await expect(readReportedFailures(world.engine)).resolves.toEqual([]);
  expect(countKept(leader)).toBe(0);
  for (const worker of workers) expect(countKept(worker)).toBeGreaterThan(0);
  expect(workers.map(countKept).reduce((sum, kept) => sum + kept)).toBe(refs.length);
});

test('with DISPATCH=queue what holds nothing to keep is no external task', async () => {
  await world.startFormvault();
  await world.engine.setVariable(source, 'settings', jsonVariable({ colour: 'green' }));
  await complete(chat.id, { said: { type: 'String', value: 'hello' } });
  await submitSiteVisits(world, source, ['ada']);
  const [visitOfAda] = await readUpdates(world.engine, source, 'visit_ada');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('ada')), SOON);

  await submitSiteVisits(world, source, ['grace']);
  const [visitOfGrace] = await readUpdates(world.engine, source, 'visit_grace');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('ada', 'grace')), SOON);
  const expected = [visitOfAda, visitOfGrace].map((update) => `detail/${update?.id}`);
  await expect(readHandedOver(world.engine)).resolves.toEqual(expected.sort());
});
