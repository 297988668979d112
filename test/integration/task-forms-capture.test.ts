import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { untilFeedHasPassed } from '../support/marker.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const form = { name: 'convention', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' };
const process = aProcess({
  steps: [
    { userTask: 'withForm', formKey: 'withForm' },
    { userTask: 'formless' },
    { userTask: 'silent' },
    { userTask: 'convention' },
  ],
});

let world: World;
beforeEach(async () => {
  world = createWorld();
  await world.engine.deploy(process.files);
});
afterEach(() => world.end());

/** Completes all tasks of one instance, some with variables. */
async function runThrough(): Promise<string> {
  const { engine } = world;
  const caseId = world.newCase();
  const { id } = await engine.start(process.id, { businessKey: caseId });
  const city = { type: 'String', value: 'Oslo' };
  await engine.complete((await engine.task(id, 'withForm')).id, { city });
  await engine.complete((await engine.task(id, 'formless')).id, { city });
  await engine.complete((await engine.task(id, 'silent')).id);
  await engine.complete((await engine.task(id, 'convention')).id, { visit: jsonVariable({ form }) });
  return caseId;
}

test.each([
  { capture: 'convention', forms: ['convention'], what: 'convention data only' },
  { capture: 'forms', forms: ['convention', 'withForm'], what: 'tasks with a form too' },
  {
    capture: 'all',
    forms: ['convention', 'formless', 'withForm'],
    what: 'also tasks without a form that wrote variables',
  },
])('CAPTURE=$capture keeps $what', async ({ capture, forms }) => {
  await world.startFormvault({ CAPTURE: capture });
  const caseId = await runThrough();
  const keptForms = async () => (await world.kept(caseId)).map(({ key }) => key.split('/')[1]);
  await eventually(async () => expect(await keptForms()).toEqual(forms));
  if (capture !== 'convention') await untilFeedHasPassed(world);
  await expect(keptForms()).resolves.toEqual(forms);
});
