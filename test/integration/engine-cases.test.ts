import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createAskEngine } from '../../src/cases/ask-engine.ts';
import { readCase } from '../../src/cases/read-case.ts';
import { createEngineCases } from '../../src/engine/engine-cases.ts';
import { aProcess } from '../support/a-process.ts';
import { createRememberingLog } from '../support/builders-log.ts';
import { engineHttp } from '../support/engine-http.ts';
import { anIndexEntry, createMemoryCaseIndex } from '../support/memory-case-index.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const { signal } = new AbortController();
const http = engineHttp({ baseUrl: testServers().engineUrl });
const engineCases = createEngineCases(http);

const called = aProcess({ name: 'Called process', steps: [{ userTask: 'inner' }] });
const outer = aProcess({
  name: 'Outer process',
  steps: [
    { userTask: 'first', name: 'Describe the site', assignee: 'anna' },
    { call: called.id },
    { userTask: 'last' },
  ],
});

let world: World;
let caseId: string;
let deployments: string[];
beforeEach(async () => {
  world = createWorld();
  caseId = world.newCase();
  deployments = [];
  await deploy({ ...called.files, ...outer.files });
});
afterEach(async () => {
  for (const id of deployments) await world.engine.deleteDeployment(id);
  await world.end();
});
afterAll(() => http.close());

async function deploy(files: Record<string, string>): Promise<void> {
  deployments.push((await world.engine.deploy(files)).id);
}

function read(...entries: ReturnType<typeof anIndexEntry>[]) {
  const askEngine = createAskEngine({ engine: engineCases, log: createRememberingLog(), limitMs: 20_000 });
  return readCase(
    { index: createMemoryCaseIndex(...entries), askEngine },
    { caseId, excludes: [] },
    'everything',
    signal,
  );
}

async function findCalled(instanceId: string): Promise<string> {
  const { data } = await world.engine.http.get<{ id: string }[]>('/process-instance', {
    params: { superProcessInstance: instanceId },
  });
  return data[0]?.id ?? '';
}

describe('a case of a real engine', () => {
  test('holds the instances of its business key with tasks and figures, and called ones that the vault knows', async () => {
    const running = await world.engine.start(outer.id, { businessKey: caseId });
    const over = await world.engine.start(outer.id, { businessKey: caseId });
    await world.engine.complete((await world.engine.task(over.id)).id);
    const inner = await findCalled(over.id);
    const form = anIndexEntry({ caseId, processInstanceId: inner });

    await expect(read(form)).resolves.toMatchObject({
      metrics: {
        noOfRunningProcessInstances: 3,
        noOfCompletedProcessInstances: 0,
        noOfOpenUserTasks: 2,
        noOfCompletedUserTasks: 1,
      },
      away: [],
    });

    await world.engine.complete((await world.engine.task(inner)).id);
    await world.engine.complete((await world.engine.task(over.id)).id);
    const found = await read(form);
    expect(found?.processInstances).toEqual([
      expect.objectContaining({
        id: inner,
        key: called.id,
        name: 'Called process',
        state: 'ended',
        endDate: expect.stringMatching(/Z$/),
        formReferences: [expect.objectContaining({ dataPath: form.key })],
      }),
      expect.objectContaining({ id: over.id, name: 'Outer process', state: 'ended', openTasks: [] }),
      expect.objectContaining({
        id: running.id,
        state: 'running',
        startDate: expect.stringMatching(/^\d{4}-.*Z$/),
        openTasks: [
          {
            id: expect.any(String),
            name: 'Describe the site',
            assignee: 'anna',
            created: expect.stringMatching(/^\d{4}-.*Z$/),
          },
        ],
      }),
    ]);
    expect(found?.metrics).toMatchObject({
      noOfRunningProcessInstances: 1,
      noOfCompletedProcessInstances: 2,
      noOfOpenUserTasks: 1,
      noOfCompletedUserTasks: 3,
    });
  });

  test('is still there when its history was deleted, from the vault alone', async () => {
    const instance = await world.engine.start(outer.id, { businessKey: caseId });
    await world.engine.cancel(instance.id);
    await world.engine.http.delete(`/history/process-instance/${instance.id}`);
    const definitionId = instance.definitionId;
    await expect(
      read(anIndexEntry({ caseId, processInstanceId: instance.id, processDefinitionId: definitionId })),
    ).resolves.toMatchObject({
      processInstances: [{ id: instance.id, key: outer.id, name: outer.id, state: 'gone', startDate: null }],
    });
    await expect(read()).resolves.toBeNull();
  });

  test('without a business key is known by the id of its root instance', async () => {
    const instance = await world.engine.start(outer.id);
    caseId = instance.id;
    await expect(read()).resolves.toMatchObject({
      businessKey: instance.id,
      processInstances: [{ id: instance.id, openTasks: [{ name: 'Describe the site' }] }],
    });
  });

  test('of many instances is read to the last one', async () => {
    const single = aProcess({ steps: [{ userTask: 'only' }] });
    await deploy(single.files);
    for (let each = 0; each < 210; each++) await world.engine.start(single.id, { businessKey: caseId });
    const found = await read();
    expect(found?.processInstances).toHaveLength(210);
    expect(found?.processInstances.every(({ openTasks }) => openTasks.length === 1)).toBe(true);
    expect(found?.metrics).toMatchObject({ noOfRunningProcessInstances: 210, noOfOpenUserTasks: 210 });
  });
});
