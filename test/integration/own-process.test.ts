import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createEngineCalls, type EngineCalls } from '../../dev/clients/engine-calls.ts';
import { deleteOwnDeployments } from '../../dev/clients/own-deployments.ts';
import { projectDir } from '../../dev/servers/cache.ts';
import { type EngineOptions, type EngineProduct, startEngine } from '../../dev/servers/engine.ts';
import { settingsFor } from '../../dev/servers/formvault.ts';
import { startProcess } from '../../dev/servers/process.ts';
import { createEngineProcesses, type EngineProcesses } from '../../src/engine/engine-processes.ts';
import type { Auth } from '../../src/http/auth.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import { deployOwnProcess } from '../../src/own-process/deploy-own-process.ts';
import { engineHttp } from '../support/engine-http.ts';
import { eventually } from '../support/eventually.ts';
import { testServers } from '../support/servers.ts';
import { createWorld } from '../support/world.ts';

jest.setTimeout(120_000);

const KEY = 'formvault-persist';
const { signal } = new AbortController();

let engine: EngineCalls;
let http: HttpClient;
let processes: EngineProcesses;
beforeEach(async () => {
  const { engineUrl } = testServers();
  engine = createEngineCalls(engineUrl);
  http = connect(engineUrl);
  processes = createEngineProcesses(http);
  await deleteOwnDeployments(engine, () => true);
});
afterEach(async () => {
  await deleteOwnDeployments(engine, () => true);
  http.close();
});

function connect(baseUrl: string, auth: Auth = { kind: 'none' }): HttpClient {
  return engineHttp({ baseUrl, auth });
}

const aBusinessKey = () => `detail/${randomBytes(5).toString('hex')}`;
const aSource = (topic: string) => ({ source: { type: 'Json', value: JSON.stringify({ topic, taskId: null }) } });
const tagsOf = async () => (await processes.findDefinitions(KEY, signal)).map(({ versionTag }) => versionTag);

/** With an engine of its own, for what the shared one does not have. */
async function withEngine(options: EngineOptions, work: (url: string) => Promise<void>): Promise<void> {
  const own = await startEngine({ heapMb: 512, ...options });
  try {
    await work(own.url);
  } finally {
    await own.stop();
  }
}

describe('the own process', () => {
  test('is deployed once: the same again makes no second version', async () => {
    await expect(deployOwnProcess(processes, 'dev', signal)).resolves.toEqual({ outcome: 'deployed', version: 1 });
    await expect(deployOwnProcess(processes, 'dev', signal)).resolves.toEqual({ outcome: 'unchanged', version: 1 });

    await expect(tagsOf()).resolves.toEqual(['dev']);
  });

  test('is deployed once by two Formvaults that start at the same time: by the one that leads', async () => {
    const world = createWorld();
    try {
      const both = await Promise.all([1, 2].map(() => world.startFormvault({}, { until: 'started' })));
      for (const formvault of both) {
        const hasBegun = () => expect(formvault.logs()).toMatch(/leading the feed|another instance leads/);
        await eventually(hasBegun, { withinMs: 30_000 });
      }
      await expect(tagsOf()).resolves.toEqual([world.environment]);
    } finally {
      await world.end();
    }
  });

  test('has one version also when the engine gets the same deployment again', async () => {
    await deployOwnProcess(processes, 'dev', signal);
    const [{ id = '' } = {}] = await processes.findDefinitions(KEY, signal);
    const text = (await processes.findText(id, signal)) ?? '';

    await processes.deploy({ name: 'formvault', source: 'formvault', fileName: `${KEY}.bpmn`, text }, signal);

    await expect(tagsOf()).resolves.toEqual(['dev']);
  });

  test('refuses an engine of another environment until that deployment is deleted', async () => {
    await deployOwnProcess(processes, 'dev', signal);
    const refused = { code: 'CONFIG_INVALID', context: { environment: 'prod', deployedEnvironment: 'dev' } };

    await expect(deployOwnProcess(processes, 'prod', signal)).rejects.toMatchObject(refused);
    await expect(deployOwnProcess(processes, 'prod', signal)).rejects.toMatchObject(refused);
    await expect(tagsOf()).resolves.toEqual(['dev']);

    await deleteOwnDeployments(engine, (environment) => environment === 'dev');
    await expect(deployOwnProcess(processes, 'prod', signal)).resolves.toMatchObject({ outcome: 'deployed' });
  });

  test('never serves two environments that start at the same time', async () => {
    const ends = await Promise.allSettled([
      deployOwnProcess(processes, 'dev', signal),
      deployOwnProcess(processes, 'prod', signal),
    ]);

    const refused = ends.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(1);
    for (const end of refused) expect(end).toMatchObject({ reason: { code: 'CONFIG_INVALID' } });
  });
});

describe.each<EngineProduct>(['camunda', 'operaton'])('an instance on %s', (product) => {
  const onEngine = (work: (url: string) => Promise<void>) =>
    product === 'camunda' ? work(testServers().engineUrl) : withEngine({ product }, work);

  test('waits at the topic that its source names; without one it takes the way of all other data', async () => {
    await onEngine(async (url) => {
      const [calls, client] = [createEngineCalls(url), connect(url)];
      const its = createEngineProcesses(client);
      await deployOwnProcess(its, 'dev', signal);
      const topicOf = async (variables: Record<string, { type: string; value: unknown }>) => {
        const id = await its.start({ key: KEY, businessKey: aBusinessKey(), variables }, signal);
        const { data } = await calls.http.get<{ topicName: string }[]>('/external-task', {
          params: { processInstanceId: id },
        });
        return data.map(({ topicName }) => topicName);
      };

      await expect(topicOf(aSource('user-task-completed'))).resolves.toEqual(['user-task-completed']);
      await expect(topicOf(aSource('convention-variable'))).resolves.toEqual(['convention-variable']);
      await expect(topicOf({})).resolves.toEqual(['convention-variable']);
      for (const value of ['{}', '{"topic":null}', 'null', null]) {
        await expect(topicOf({ source: { type: 'Json', value } })).resolves.toEqual(['convention-variable']);
      }
      client.close();
    });
  });
});

test('instances are found by their business key while they run and when they are over', async () => {
  await deployOwnProcess(processes, 'dev', signal);
  const [running, over, never] = [aBusinessKey(), aBusinessKey(), aBusinessKey()];
  const start = (businessKey: string) =>
    processes.start({ key: KEY, businessKey, variables: aSource('convention-variable') }, signal);
  await start(running);
  await engine.cancel(await start(over));

  await expect(processes.findStarted(KEY, [running, over, never], signal)).resolves.toEqual(new Set([running, over]));
});

test('the source of an instance is read as it was written, and of one that is over not at all', async () => {
  await deployOwnProcess(processes, 'dev', signal);
  const variables = aSource('user-task-completed');
  const id = await processes.start({ key: KEY, businessKey: aBusinessKey(), variables }, signal);

  await expect(processes.readVariable(id, 'source', signal)).resolves.toBe(variables.source.value);
  await expect(processes.readVariable(id, 'other', signal)).resolves.toBeNull();
  await engine.cancel(id);
  await expect(processes.readVariable(id, 'source', signal)).resolves.toBeNull();
});

test('a start after the deployment was deleted says what to do', async () => {
  const start = processes.start({ key: KEY, businessKey: aBusinessKey(), variables: {} }, signal);

  await expect(start).rejects.toMatchObject({
    code: 'ENGINE_REJECTED',
    hint: expect.stringContaining('start Formvault again'),
  });
});

test('a user who may not deploy is told the permission, and needs none once it is deployed', async () => {
  await withEngine({ restAuth: true, authorization: true }, async (url) => {
    const admin = createEngineCalls(url, { username: 'demo', password: 'demo' });
    await admin.createUser('keeper', 'Form', 'Keeper', 'secret');
    const keepers = connect(url, { kind: 'basic', username: 'keeper', password: 'secret' });
    const admins = connect(url, { kind: 'basic', username: 'demo', password: 'demo' });
    const deployAs = (client: HttpClient) => deployOwnProcess(createEngineProcesses(client), 'dev', signal);

    await expect(deployAs(keepers)).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      hint: expect.stringContaining('CREATE on DEPLOYMENT'),
    });

    await deployAs(admins);
    const PROCESS_DEFINITION = 6;
    const grant = { type: 1, userId: 'keeper', resourceType: PROCESS_DEFINITION, resourceId: KEY };
    await admin.http.post('/authorization/create', { ...grant, permissions: ['READ'] });
    await expect(deployAs(keepers)).resolves.toEqual({ outcome: 'unchanged', version: 1 });
    keepers.close();
    admins.close();
  });
});

describe('formvault deploy', () => {
  async function runDeploy(env: Record<string, string>): Promise<{ exitCode: number; said: string }> {
    const command = await startProcess({
      name: `formvault-deploy-${randomBytes(2).toString('hex')}`,
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', join(projectDir, 'src', 'main.ts'), 'deploy'],
      env: { ...settingsFor(testServers()), ...env },
      ownEnv: true,
    });
    return { exitCode: await command.exited, said: command.logText().trim() };
  }

  test('prints one line about what it did, or that there was nothing to do', async () => {
    await expect(runDeploy({ ENVIRONMENT: 'Dev' })).resolves.toEqual({
      exitCode: 0,
      said: 'deployed formvault-persist version 1 for the environment dev',
    });
    await expect(runDeploy({ ENVIRONMENT: 'dev' })).resolves.toEqual({
      exitCode: 0,
      said: 'formvault-persist version 1 for the environment dev was deployed already',
    });
  });

  test('ends with exit code 78 on an engine of another environment, and with wrong settings', async () => {
    await deployOwnProcess(processes, 'dev', signal);
    const foreign = await runDeploy({ ENVIRONMENT: 'prod' });
    const wrong = await runDeploy({ ENVIRONMENT: '' });

    expect([foreign.exitCode, wrong.exitCode]).toEqual([78, 78]);
    expect(foreign.said).toContain('environment prod, deployedEnvironment dev');
    expect(foreign.said).toContain('delete the deployment `formvault`');
    expect(wrong.said).toContain('ENVIRONMENT is missing');
  });
});
