import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess, type Namespace, type ProcessSpec } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidents } from '../support/handed-over.ts';
import { untilFeedHasPassed } from '../support/marker.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
beforeAll(async () => {
  world = createWorld();
  await world.startFormvault();
});
afterAll(() => world.end());

const form = (name: string) => ({ name, submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' });

/** One instance of a process whose steps are all user tasks: each is completed, with its own form or with convention data. */
async function runThrough(spec: ProcessSpec) {
  const process = aProcess(spec);
  await world.engine.deploy(process.files);
  const caseId = world.newCase();
  const variables = { opening: jsonVariable({ form: form('opening') }) };
  const instance = await world.engine.start(process.id, { businessKey: caseId, variables });
  for (const step of spec.steps) {
    if (!('userTask' in step)) throw new Error('only user tasks are run through');
    const task = await world.engine.task(instance.id, step.userTask);
    const name = `from-${step.userTask}`;
    await world.engine.complete(
      task.id,
      step.formKey === undefined ? { [name]: jsonVariable({ form: form(name) }) } : {},
    );
  }
  return caseId;
}

/** The form names that are kept of a case, by bucket without the environment. */
async function keptForms(caseId: string, products: string[]): Promise<Record<string, string[]>> {
  const entries = products.map(async (product) => {
    const keys = await world.vault.list(`${world.environment}-${product}`, `${caseId}/`);
    return [product, keys.map((key) => key.split('/')[1] ?? '')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function expectForms(caseId: string, expected: Record<string, string[]>): Promise<void> {
  await eventually(async () => expect(await keptForms(caseId, Object.keys(expected))).toEqual(expected));
}

const twoTasks = [{ userTask: 'one' }, { userTask: 'two', formKey: 'two-form' }];

test.each<{ namespace: Namespace }>([{ namespace: 'camunda' }, { namespace: 'operaton' }, { namespace: 'activiti' }])(
  'the product of a process, in the namespace $namespace, names the bucket of all its forms',
  async ({ namespace }) => {
    const product = `Permits-${namespace}`;
    const caseId = await runThrough({
      steps: twoTasks,
      properties: { ' PRODUCT ': ` ${product} ` },
      propertiesNamespace: namespace,
    });
    await expectForms(caseId, {
      [product.toLowerCase()]: ['from-one', 'opening', 'two-form'],
      'cop-case': [],
    });
  },
);

test('the product of a user task wins over the product of its process', async () => {
  const caseId = await runThrough({
    steps: [
      { userTask: 'one', properties: { product: 'special-one' } },
      { userTask: 'two', formKey: 'two-form', properties: { product: 'special-two' } },
      { userTask: 'three', formKey: 'three-form' },
    ],
    properties: { product: 'usual' },
  });
  await expectForms(caseId, {
    'special-one': ['from-one'],
    'special-two': ['two-form'],
    usual: ['opening', 'three-form'],
    'cop-case': [],
  });
});

test('the product of another process in the same file does not count', async () => {
  const neighbour = { properties: { product: 'neighbours', disableExplicitFormDataS3Save: 'true' } };
  const caseId = await runThrough({ steps: twoTasks, neighbour });
  await expectForms(caseId, { 'cop-case': ['from-one', 'opening', 'two-form'], neighbours: [] });
});

test('nothing is kept of a process that turns implicit saving off, in odd case and with blanks', async () => {
  const off = await runThrough({ steps: twoTasks, properties: { ' DisableExplicitFORMDataS3Save\t': ' TRUE\n' } });
  const both = await runThrough({
    steps: twoTasks,
    properties: { product: 'permits', disableExplicitFormDataS3Save: 'true' },
  });
  const stillOn = await runThrough({ steps: twoTasks, properties: { disableExplicitFormDataS3Save: 'yes' } });

  await expectForms(stillOn, { 'cop-case': ['from-one', 'opening', 'two-form'] });
  await untilFeedHasPassed(world);
  const nothing = { 'cop-case': [], permits: [] };
  await expectForms(off, nothing);
  await expectForms(both, nothing);
});

test('a user task turns implicit saving off for itself, or on again where its process has turned it off', async () => {
  const off = { disableExplicitFormDataS3Save: 'true' };
  const on = { disableExplicitFormDataS3Save: 'false', product: 'again' };
  const partlyOff = await runThrough({
    steps: [
      { userTask: 'one', properties: off },
      { userTask: 'two', formKey: 'two-form', properties: off },
      { userTask: 'three', formKey: 'three-form' },
    ],
  });
  const partlyOn = await runThrough({
    properties: off,
    steps: [
      { userTask: 'one', properties: on },
      { userTask: 'two', formKey: 'two-form', properties: on },
      { userTask: 'three' },
    ],
  });

  await expectForms(partlyOff, { 'cop-case': ['opening', 'three-form'] });
  await expectForms(partlyOn, { again: ['from-one', 'two-form'], 'cop-case': [] });
  await untilFeedHasPassed(world);
  await expectForms(partlyOff, { 'cop-case': ['opening', 'three-form'] });
  await expectForms(partlyOn, { again: ['from-one', 'two-form'], 'cop-case': [] });
});

test('a product that makes no bucket name is an incident that says which property of which process', async () => {
  const process = aProcess({ steps: [{ userTask: 'one', formKey: 'one-form' }], properties: { product: 'no/bucket' } });
  await world.engine.deploy(process.files);
  const instance = await world.engine.start(process.id, { businessKey: world.newCase() });
  await world.engine.complete((await world.engine.task(instance.id)).id);

  const [incident] = await eventually(
    async () => {
      const standing = await readIncidents(world.engine);
      expect(standing).toHaveLength(1);
      return standing;
    },
    { withinMs: 15_000 },
  );
  expect(incident?.incidentMessage).toMatch(/^PRODUCT_INVALID: /);
  expect(incident?.incidentMessage).toContain(`property product in the BPMN of the process ${process.id}`);
});
