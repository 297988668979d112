import { describe, expect, test } from '@jest/globals';
import { XMLParser } from 'fast-xml-parser';
import type { DeployedVersion, Deployment } from '../../../src/engine/engine-processes.ts';
import { deployOwnProcess, readOwnProcess } from '../../../src/own-process/deploy-own-process.ts';

const { signal } = new AbortController();

type Version = DeployedVersion & { text: string };

/** An engine as far as deploying goes; `duringDeploy` is what others do at that time. */
function anEngine({ mayRead = true, duringDeploy = (_: (text: string) => void) => {} } = {}) {
  const versions: Version[] = [];
  const add = (text: string): void => {
    if (versions[0]?.text === text) return;
    const version = versions.length + 1;
    const versionTag = /versionTag="(.*?)"/.exec(text)?.[1] ?? null;
    versions.unshift({ id: `p:${version}`, version, versionTag, deploymentId: `d-${version}`, text });
  };
  return {
    versions,
    deployments: [] as Deployment[],
    findDefinitions: async () => (mayRead ? [...versions] : []),
    findText: async (id: string) => versions.find((version) => version.id === id)?.text ?? null,
    async deploy(deployment: Deployment) {
      this.deployments.push(deployment);
      add(deployment.text);
      duringDeploy(add);
    },
    add,
  };
}

describe('deploying the own process', () => {
  test('makes the first version, under a fixed name', async () => {
    const engine = anEngine();

    await expect(deployOwnProcess(engine, 'dev', signal)).resolves.toEqual({ outcome: 'deployed', version: 1 });

    expect(engine.versions).toMatchObject([{ versionTag: 'dev' }]);
    expect(engine.deployments).toMatchObject([
      { name: 'formvault', source: 'formvault', fileName: 'formvault-persist.bpmn' },
    ]);
  });

  test('asks for nothing that needs a permission to deploy when the newest version is the same', async () => {
    const engine = anEngine();
    await deployOwnProcess(engine, 'dev', signal);

    await expect(deployOwnProcess(engine, 'dev', signal)).resolves.toEqual({ outcome: 'unchanged', version: 1 });

    expect(engine.deployments).toHaveLength(1);
  });

  test('makes a further version of a process that changed', async () => {
    const engine = anEngine();
    engine.add('<process versionTag="dev" of="an earlier Formvault" />');

    await expect(deployOwnProcess(engine, 'dev', signal)).resolves.toEqual({ outcome: 'deployed', version: 2 });
  });

  test.each([
    ['of another environment', '<process versionTag="prod" />', 'prod'],
    ['without an environment', '<process />', 'none'],
  ])('refuses an engine with a version %s, also an old one, and deploys nothing', async (_, text, tag) => {
    const engine = anEngine();
    engine.add(text);
    engine.add(readOwnProcess('dev'));

    await expect(deployOwnProcess(engine, 'dev', signal)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      context: { environment: 'dev', deployedEnvironment: tag, deploymentId: 'd-1' },
      hint: expect.stringMatching(/ENVIRONMENT.*delete the deployment `formvault`/),
    });
    expect(engine.deployments).toEqual([]);
  });

  test('refuses an engine that another environment took at the same time', async () => {
    const engine = anEngine({ duringDeploy: (add) => add(readOwnProcess('prod')) });

    await expect(deployOwnProcess(engine, 'dev', signal)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      context: { environment: 'dev', deployedEnvironment: 'prod' },
    });
  });

  test('does not go on with a process that its user may not see', async () => {
    await expect(deployOwnProcess(anEngine({ mayRead: false }), 'dev', signal)).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      hint: expect.stringContaining('READ on PROCESS_DEFINITION formvault-persist'),
    });
  });
});

describe('the own process', () => {
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', htmlEntities: true });
  const read = (environment: string) => parser.parse(readOwnProcess(environment))['bpmn:definitions']['bpmn:process'];

  test('is an executable process that people do not start and whose history ends', () => {
    expect(read('dev')).toMatchObject({
      id: 'formvault-persist',
      isExecutable: 'true',
      'camunda:historyTimeToLive': 'P30D',
      'camunda:isStartableInTasklist': 'false',
    });
  });

  test('has one external task for each topic', () => {
    const tasks: Record<string, string>[] = read('dev')['bpmn:serviceTask'];

    expect(tasks.map((task) => [task['camunda:type'], task['camunda:topic']])).toEqual([
      ['external', 'user-task-completed'],
      ['external', 'convention-variable'],
    ]);
  });

  test('says what it is to people who meet it', () => {
    expect(read('dev')['bpmn:documentation']).toContain('Mend the cause, then press retry');
  });

  test('has no code, no listeners and no jobs', () => {
    expect(readOwnProcess('dev')).not.toMatch(/script|Listener|async|camunda:(class|expression|delegateExpression)/i);
  });

  test.each(['dev', `a&b<c>"d"'e'`, '$&'])('carries the environment %s as its version tag', (environment) => {
    expect(read(environment)['camunda:versionTag']).toBe(environment);
  });
});
