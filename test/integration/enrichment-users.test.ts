import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createEngineCalls, type EngineCalls, jsonVariable } from '../../dev/clients/engine-calls.ts';
import { type RunningEngine, startEngine } from '../../dev/servers/engine.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(150_000);

/** People sign in to this engine, so that it knows who did what. */
let signedIn: RunningEngine;
let world: World;
let ada: EngineCalls;
const people = { ada: 'ada-secret', grace: 'grace-secret' };
const process = aProcess({
  steps: [{ userTask: 'claim', formKey: 'claim', assignee: 'somebody-else' }, { message: 'never' }],
});

beforeAll(async () => {
  signedIn = await startEngine({ restAuth: true, heapMb: 512 });
  const engine = createEngineCalls(signedIn.url, { username: 'demo', password: 'demo' });
  const settings = { ENGINE_URL: signedIn.url, ENGINE_USERNAME: 'demo', ENGINE_PASSWORD: 'demo' };
  world = { ...createWorld(settings), engine };
  for (const [person, password] of Object.entries(people)) await engine.createUser(person, 'A', 'Person', password);
  ada = createEngineCalls(signedIn.url, { username: 'ada', password: people.ada });
  await engine.deploy(process.files);
  await world.startFormvault();
});
afterAll(async () => {
  await world?.end();
  await signedIn?.stop();
});

async function submittersOf(caseId: string, count: number) {
  return eventually(async () => {
    const objects = await world.kept(caseId);
    expect(objects).toHaveLength(count);
    return objects.map(({ text, metadata }) => [
      metadata.name,
      metadata.submittedby,
      JSON.parse(text).form.submittedBy,
    ]);
  });
}

test('a task submission belongs to who completed the task, not to its assignee', async () => {
  const caseId = world.newCase();
  const instance = await world.engine.start(process.id, { businessKey: caseId });
  await ada.complete((await ada.task(instance.id)).id, { city: { type: 'String', value: 'Oslo' } });
  await expect(submittersOf(caseId, 1)).resolves.toEqual([['claim', 'ada', 'ada']]);
});

test('convention data that names nobody belongs to who wrote it, in a task or outside', async () => {
  const caseId = world.newCase();
  const instance = await ada.start(process.id, { businessKey: caseId });
  const grace = createEngineCalls(signedIn.url, {
    username: 'grace',
    password: people.grace,
  });
  await grace.complete((await grace.task(instance.id)).id, { one: jsonVariable({ form: { name: 'in-task' } }) });
  await ada.setVariable(instance.id, 'two', jsonVariable({ form: { name: 'outside' } }));
  await grace.setVariable(instance.id, 'two', jsonVariable({ form: { name: 'outside' } }));
  const named = { form: { name: 'named', submittedBy: 'lin' }, shiftDetailsContext: { email: 'shift' } };
  await ada.setVariable(instance.id, 'three', jsonVariable(named));

  await expect(submittersOf(caseId, 3)).resolves.toEqual([
    ['in-task', 'grace', 'grace'],
    ['named', 'lin', 'lin'],
    ['outside', 'ada', 'ada'],
  ]);
});

test('wrong credentials for the engine end the start with the name of the setting to look at', async () => {
  const formvault = await world.startFormvault({ ENGINE_PASSWORD: 'wrong' }, { until: 'started' });
  await expect(formvault.exited).resolves.toBe(78);
  expect(formvault.logs()).toContain('ENGINE_REJECTED');
  expect(formvault.logs()).toContain('ENGINE_USERNAME');
});
