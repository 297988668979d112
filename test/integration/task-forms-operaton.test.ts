import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createEngineCalls, fileVariable, jsonVariable } from '../../dev/clients/engine-calls.ts';
import { type RunningEngine, startEngine } from '../../dev/servers/engine.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { untilFeedHasPassed } from '../support/marker.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(150_000);

let world: World;

/** `null` where Maven cannot fetch it, which this test says and leaves it at that. */
const operaton: RunningEngine | null = await startEngine({ product: 'operaton', heapMb: 512 }).catch(
  (error: unknown) => {
    if (!String(error).includes('mvn')) throw error;
    process.stderr.write(`Operaton cannot be fetched, so nothing is tried on it: ${error}\n`);
    return null;
  },
);
const testOnOperaton = operaton === null ? test.skip : test;

beforeAll(async () => {
  if (operaton === null) return;
  world = { ...createWorld({ ENGINE_URL: operaton.url }), engine: createEngineCalls(operaton.url) };
  await world.startFormvault();
});
afterAll(async () => {
  await world?.end();
  await operaton?.stop();
});

testOnOperaton('forms of an Operaton engine are kept by its own names for them', async () => {
  const claims = aProcess({
    namespace: 'operaton',
    properties: { product: 'permits' },
    steps: [
      { userTask: 'byRef', formRef: 'claim', assignee: 'grace' },
      { userTask: 'byKey', formKey: 'operaton-forms:deployment:visit.form', assignee: 'grace' },
      { userTask: 'byFields', formFields: [{ id: 'city' }], properties: { product: 'cities' } },
      { userTask: 'byConvention', formKey: 'embedded:app:unused' },
      { userTask: 'notKept', formKey: 'not-kept', properties: { disableExplicitFormDataS3Save: 'true' } },
    ],
  });
  await world.engine.deploy(claims.files);
  const caseId = world.newCase();
  const { id } = await world.engine.start(claims.id, { businessKey: caseId });
  const complete = async (task: string, variables = {}) =>
    world.engine.complete((await world.engine.task(id, task)).id, variables);
  await complete('byRef', { photo: fileVariable('photo.jpg', 'image/jpeg', Buffer.from('photo')) });
  await complete('byKey', { answer: { type: 'Integer', value: 42 } });
  await complete('byFields', { city: { type: 'String', value: 'Oslo' } });
  const form = { name: 'convention', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' };
  await complete('byConvention', { visit: jsonVariable({ form }) });
  await complete('notKept');

  const kept = (product: string) => world.kept(caseId, `${world.environment}-${product}`);
  await eventually(async () => {
    const names = (await kept('permits')).map(({ key }) => key.replace(/-\d{8}T\d{6}/, ''));
    expect(names).toEqual([
      `${caseId}/claim/grace.json`,
      `${caseId}/claim/grace/attachments/photo/photo.jpg`,
      `${caseId}/convention/ada.json`,
      `${caseId}/visit.form/grace.json`,
    ]);
    expect(await kept('cities')).toMatchObject([{ metadata: { name: 'byFields', submittedby: 'unknown' } }]);
  });
  const [, photo, , visit] = await kept('permits');
  expect(photo).toMatchObject({ contentType: 'image/jpeg', text: 'photo' });
  expect(JSON.parse(visit?.text ?? '')).toMatchObject({ data: { answer: 42 }, form: { submittedBy: 'grace' } });
  await untilFeedHasPassed(world);
  await expect(kept('permits')).resolves.toHaveLength(4);
});
