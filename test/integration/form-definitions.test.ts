import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { EngineVariables } from '../../dev/clients/engine-calls.ts';
import { createEngineDefinitions } from '../../src/engine/engine-definitions.ts';
import { createEngineForms } from '../../src/engine/engine-forms.ts';
import { createFormDefinitions, type FormDefinitions, type FormQuestion } from '../../src/forms/find-definition.ts';
import { viewOfForm } from '../../src/forms/view-of-form.ts';
import { createHttpClient, type HttpClient } from '../../src/http/http-client.ts';
import { parseJsonTree } from '../../src/submission/json-tree.ts';
import { aProcess, type UserTaskStep } from '../support/a-process.ts';
import { readPastTask } from '../support/engine-history.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

const signal = new AbortController().signal;
const DATA = { city: 'Oslo', inWork: true };

let world: World;
let client: HttpClient;

beforeAll(() => {
  world = createWorld();
  client = createHttpClient({
    baseUrl: testServers().engineUrl,
    auth: { kind: 'none' },
    timeoutMs: 5_000,
    codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
    maxSockets: 8,
  });
});
afterAll(async () => {
  client.close();
  await world.end();
});

/** A finder that has asked for nothing yet. */
function aFinder(): FormDefinitions {
  const [engine, definitions] = [createEngineForms(client), createEngineDefinitions(client)];
  return createFormDefinitions({ formApi: null, engine, definitions });
}

const form = (id: string, label: string): string =>
  JSON.stringify({
    id,
    type: 'default',
    schemaVersion: 16,
    components: [
      { type: 'textfield', id: 'Field_1', key: 'city', label },
      { type: 'checkbox', id: 'Field_2', key: 'inWork', label: 'In work' },
    ],
  });
const html = (label: string): string =>
  `<form><label for="c">${label}</label><input id="c" type="text" cam-variable-name="city" cam-variable-type="String">
   <label><input type="checkbox" cam-variable-name="inWork" cam-variable-type="Boolean"> In work</label></form>`;

type Version = { step: Omit<UserTaskStep, 'userTask'>; binding?: string; files?: Record<string, string> };

/** Deploys one version of a process with one task. */
async function deploy(id: string, { step, binding = 'latest', files = {} }: Version, tenantId?: string): Promise<void> {
  const { xml, fileName } = aProcess({ id, steps: [{ userTask: 'fill', ...step }] });
  const bound = xml.replace('formRefBinding="latest"', `formRefBinding="${binding}"`);
  await world.engine.deploy({ [fileName]: bound, ...files }, tenantId === undefined ? {} : { tenantId });
}

/** Somebody fills in the task of a new instance: what the vault knows of it. */
async function fillIn(id: string, tenantId?: string): Promise<FormQuestion> {
  const instance = await world.engine.start(id, tenantId === undefined ? {} : { tenantId });
  const task = await world.engine.task(instance.id, 'fill');
  const variables: EngineVariables = {
    city: { type: 'String', value: 'Oslo' },
    inWork: { type: 'Boolean', value: true },
  };
  await world.engine.complete(task.id, variables);
  const { endTime } = await readPastTask(world.engine, task.id);
  return {
    formVersionId: null,
    formName: 'fill',
    processDefinitionId: instance.definitionId,
    activityId: 'fill',
    taskId: task.id,
    submittedAtMs: Date.parse(endTime ?? ''),
    kind: 'task',
  };
}

/** The labels under which the answers of a submission are shown. */
async function labelsOf(question: FormQuestion, finder = aFinder()): Promise<string[]> {
  const found = await finder.find(question, signal);
  if (found.kind !== 'definition') return [found.kind];
  const task = { id: question.taskId, definitionKey: 'fill' };
  const view = viewOfForm(found.definition, parseJsonTree(JSON.stringify({ data: DATA, form: {}, task })));
  return view.items.map(({ label }) => label);
}

test.each<[string, (label: string, id: string) => Version]>([
  [
    'a Camunda form bound to its deployment',
    (label, id) => ({ step: { formRef: id }, binding: 'deployment', files: { 'x.form': form(id, label) } }),
  ],
  ['the latest Camunda form', (label, id) => ({ step: { formRef: id }, files: { 'x.form': form(id, label) } })],
  [
    'a Camunda form by its file',
    (label, id) => ({ step: { formKey: 'camunda-forms:deployment:x.form' }, files: { 'x.form': form(id, label) } }),
  ],
  [
    'an embedded form',
    (label) => ({ step: { formKey: 'embedded:deployment:x.html' }, files: { 'x.html': html(label) } }),
  ],
  [
    'form fields',
    (label) => ({
      step: {
        formFields: [
          { id: 'city', label },
          { id: 'inWork', type: 'boolean', label: 'In work' },
        ],
      },
    }),
  ],
])('the version of %s that was filled in is found, also after a newer one was deployed', async (_form, version) => {
  const { id } = aProcess({ steps: [] });
  await deploy(id, version('City', id));
  const older = await fillIn(id);
  await deploy(id, version('Town or city', id));
  const newer = await fillIn(id);

  await expect(labelsOf(older)).resolves.toEqual(['City', 'In work']);
  await expect(labelsOf(newer)).resolves.toEqual(['Town or city', 'In work']);
});

test('the latest form is another one for two submissions of one version of a process', async () => {
  const { id } = aProcess({ steps: [] });
  await deploy(id, { step: { formRef: id }, files: { 'x.form': form(id, 'City') } });
  const earlier = await fillIn(id);
  await world.engine.deploy({ 'only-the-form.form': form(id, 'Town or city') });
  const later = await fillIn(id);

  const finder = aFinder();
  expect(later.processDefinitionId).toBe(earlier.processDefinitionId);
  await expect(labelsOf(earlier, finder)).resolves.toEqual(['City', 'In work']);
  await expect(labelsOf(later, finder)).resolves.toEqual(['Town or city', 'In work']);
});

test('a form bound to a version is that version', async () => {
  const { id } = aProcess({ steps: [] });
  for (const label of ['First', 'Second', 'Third']) await world.engine.deploy({ 'x.form': form(id, label) });
  await deploy(id, { step: { formRef: id }, binding: 'version" camunda:formRefVersion="2' });
  const question = await fillIn(id);
  await world.engine.deploy({ 'x.form': form(id, 'Fourth') });

  await expect(labelsOf(question)).resolves.toEqual(['Second', 'In work']);
});

test('the latest form of a tenant is found', async () => {
  const { id } = aProcess({ steps: [] });
  const tenant = id.replace('process_', 'tenant');
  await world.engine.createTenant(tenant);
  await deploy(id, { step: { formRef: id }, files: { 'x.form': form(id, 'City') } }, tenant);

  await expect(labelsOf(await fillIn(id, tenant))).resolves.toEqual(['City', 'In work']);
});

test('a form is none where it lies elsewhere, or nothing of it is left in the engine', async () => {
  const { id } = aProcess({ steps: [] });
  await deploy(id, { step: { formKey: 'embedded:app:forms/x.html' } });
  const elsewhere = await fillIn(id);

  await expect(labelsOf(elsewhere)).resolves.toEqual(['none']);
  await expect(labelsOf({ ...elsewhere, processDefinitionId: 'gone:1:x' })).resolves.toEqual(['none']);
  await expect(labelsOf({ ...elsewhere, activityId: 'gone' })).resolves.toEqual(['none']);
  await expect(labelsOf({ ...elsewhere, activityId: null, taskId: 'gone' })).resolves.toEqual(['none']);
});
