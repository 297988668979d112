import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createEngineCalls, jsonVariable } from '../../dev/clients/engine-calls.ts';
import { createEngineExternalTasks } from '../../src/engine/engine-external-tasks.ts';
import { createEngineIncidents } from '../../src/engine/engine-incidents.ts';
import { createEngineProcesses } from '../../src/engine/engine-processes.ts';
import { OWN_PROCESS_KEY } from '../../src/engine/history-rows.ts';
import { createSourceIncidents, type SourceIncidentMode } from '../../src/incidents/source-incidents.ts';
import { createWatchdog } from '../../src/incidents/watchdog.ts';
import { aProcess, type Step } from '../support/a-process.ts';
import { createRememberingLog } from '../support/builders-log.ts';
import { engineHttp } from '../support/engine-http.ts';
import { testServers } from '../support/servers.ts';

jest.setTimeout(30_000);

type IncidentRow = Record<'incidentType' | 'incidentMessage' | 'configuration' | 'activityId', string>;
type Failed = Record<'id' | 'executionId' | 'processInstanceId', string>;

const { signal } = new AbortController();
const { engineUrl } = testServers();
const engine = createEngineCalls(engineUrl);
const http = engineHttp({ baseUrl: engineUrl });
const incidents = createEngineIncidents(http);
const externalTasks = createEngineExternalTasks(http);
const processes = createEngineProcesses(http);
const deployments: string[] = [];
/** Of the stand-in for our own process, so that no worker of another test takes its tasks. */
const topic = `topic-${randomBytes(5).toString('hex')}`;
const MESSAGE = 'VAULT_REJECTED: could not write an object in bucket b (form f, case c). Check it.';
const BRANCHES: Step[] = [{ parallel: [{ userTask: 'a' }, { userTask: 'b' }] }];

beforeAll(async () => {
  await deploy([{ topic }], OWN_PROCESS_KEY);
});

afterAll(async () => {
  for (const id of deployments) await engine.deleteDeployment(id);
  http.close();
});

function aKeeper(mode: SourceIncidentMode = 'mirror') {
  const log = createRememberingLog();
  const sourceIncidents = createSourceIncidents({ mode, incidents, log });
  const workerId = `watchdog-${randomBytes(5).toString('hex')}`;
  const options = { externalTasks, incidents, processes, sourceIncidents, mode, topics: [topic], workerId, log };
  const watchdog = createWatchdog(options);
  return {
    log,
    mark: (task: Failed, source: string, message = MESSAGE) =>
      sourceIncidents.mark(task, { processInstanceId: source }, message, signal),
    clear: (task: Failed) => sourceIncidents.clear(task, signal),
    pass: () => watchdog.pass(signal),
  };
}

async function deploy(steps: Step[], id?: string): Promise<string> {
  const process = aProcess({ steps, ...(id !== undefined && { id }) });
  deployments.push((await engine.deploy(process.files)).id);
  return process.id;
}

const startSource = async (steps: Step[]): Promise<string> => (await engine.start(await deploy(steps))).id;

async function fetchTask(): Promise<Failed | undefined> {
  const topics = [{ topicName: topic, lockDuration: 20_000 }];
  const body = { workerId: 'worker', maxTasks: 1, topics };
  return (await engine.http.post<Failed[]>('/external-task/fetchAndLock', body)).data[0];
}

async function fail(task: Failed, errorMessage = MESSAGE): Promise<void> {
  const report = { errorMessage, errorDetails: `the stack of ${task.id}`, retries: 0, retryTimeoutMs: 0 };
  await externalTasks.fail(task.id, 'worker', report, signal);
}

/** A task of our own that ran out of retries. */
async function failTask(source: string): Promise<Failed> {
  await engine.start(OWN_PROCESS_KEY, { variables: { source: jsonVariable({ processInstanceId: source }) } });
  const task = await fetchTask();
  if (task === undefined) throw new Error('no task was there to fail');
  await fail(task);
  return task;
}

async function incidentsOn(processInstanceId: string): Promise<IncidentRow[]> {
  return (await engine.http.get<IncidentRow[]>('/incident', { params: { processInstanceId } })).data;
}

/** As the button in Cockpit does. */
const retry = (task: { id: string }) => engine.http.put(`/external-task/${task.id}/retries`, { retries: 1 });

async function succeed(task: Failed): Promise<void> {
  await expect(fetchTask()).resolves.toMatchObject({ id: task.id });
  await externalTasks.complete(task.id, 'worker', signal);
}

async function expectTraceless(task: Failed, source: string): Promise<void> {
  await expect(incidentsOn(task.processInstanceId)).resolves.toEqual([]);
  await expect(incidentsOn(source)).resolves.toEqual([]);
}

describe('mirror', () => {
  test('shows message, stack trace and retry on the source process instance', async () => {
    const source = await startSource([{ userTask: 'a' }]);
    const task = await failTask(source);
    await aKeeper().mark(task, source);

    const [incident] = await incidentsOn(source);
    expect(incident).toMatchObject({
      incidentType: 'failedExternalTask',
      incidentMessage: MESSAGE,
      configuration: task.id,
      activityId: 'a',
    });
    const details = await engine.http.get(`/external-task/${incident?.configuration}/errorDetails`);
    expect(details.data).toBe(`the stack of ${task.id}`);
    await retry({ id: incident?.configuration ?? '' });
    await expectTraceless(task, source);
    await succeed(task);
    await expectTraceless(task, source);
  });

  test('marks a source whose own execution has no activity, in a branch', async () => {
    const source = await startSource(BRANCHES);
    const task = await failTask(source);
    await aKeeper().mark(task, source);
    await expect(incidentsOn(source)).resolves.toHaveLength(1);
    await retry(task);
    await succeed(task);
  });

  test('marks a source that waits for a job to start its next activity', async () => {
    const processDefinitionKey = await deploy([{ asyncPoint: true }, { userTask: 'a' }]);
    const suspended = { processDefinitionKey, includeJobs: true, suspended: true };
    await engine.http.put('/job-definition/suspended', suspended);
    const source = (await engine.start(processDefinitionKey)).id;
    const task = await failTask(source);
    await aKeeper().mark(task, source);
    await expect(incidentsOn(source)).resolves.toHaveLength(1);
    await retry(task);
    await succeed(task);
  });

  test('marks a source that waits for a process it called, at its own call activity', async () => {
    const source = await startSource([{ call: await deploy([{ userTask: 'a' }]) }]);
    const task = await failTask(source);
    await aKeeper().mark(task, source);
    await expect(incidentsOn(source)).resolves.toMatchObject([{ activityId: 'step_0' }]);
    await retry(task);
    await succeed(task);
  });

  test('keeps two failures of one source apart', async () => {
    const source = await startSource(BRANCHES);
    const first = await failTask(source);
    const second = await failTask(source);
    const { mark } = aKeeper();
    await mark(first, source);
    await mark(second, source);
    await expect(incidentsOn(source)).resolves.toHaveLength(2);

    await retry(first);
    await succeed(first);
    await expect(incidentsOn(source)).resolves.toMatchObject([{ configuration: second.id }]);
    await expect(incidentsOn(second.processInstanceId)).resolves.toHaveLength(1);
    await retry(second);
    await succeed(second);
    await expectTraceless(second, source);
  });

  test('marks once, and a source that was over before the failure not at all', async () => {
    const source = await startSource([{ userTask: 'a' }]);
    const task = await failTask(source);
    const { mark, log } = aKeeper();
    await mark(task, source);
    await mark(task, source);
    await expect(incidentsOn(source)).resolves.toHaveLength(1);

    await engine.cancel(source);
    await mark(task, source);
    expect(log.lines).toEqual([]);
    await retry(task);
    await succeed(task);
  });

  test('leaves nothing behind where the task was tried again before the mark stood', async () => {
    const source = await startSource(BRANCHES);
    const task = await failTask(source);
    await retry(task);
    await aKeeper().mark(task, source);
    await expectTraceless(task, source);
    await succeed(task);
    await aKeeper().mark(task, source);
    await expectTraceless(task, source);
  });
});

describe('the watchdog', () => {
  test('puts both incidents back when the activity with the mark ends; retry takes them away again', async () => {
    // A variable of its own gives the task an execution of its own, which ends with it.
    const source = await startSource([{ userTask: 'a', inputs: { own: '1' } }, { userTask: 'b' }]);
    const task = await failTask(source);
    const { mark, pass } = aKeeper();
    await mark(task, source);
    await engine.complete((await engine.task(source, 'a')).id);
    await expectTraceless(task, source);

    // Several Formvaults at once make one of each.
    const [failed] = await Promise.all([pass(), aKeeper().pass(), aKeeper().pass()]);
    expect(failed).toMatchObject([{ id: task.id, errorMessage: MESSAGE }]);
    await expect(incidentsOn(task.processInstanceId)).resolves.toMatchObject([{ incidentMessage: MESSAGE }]);
    await expect(incidentsOn(source)).resolves.toMatchObject([{ activityId: 'b', configuration: task.id }]);

    await retry(task);
    await expectTraceless(task, source);
    await succeed(task);
    await expectTraceless(task, source);
  });

  test.each(['ended', 'was cancelled'])('keeps the own incident when the source %s', async (how) => {
    const source = await startSource([{ userTask: 'a' }]);
    const task = await failTask(source);
    const { mark, pass } = aKeeper();
    await mark(task, source);
    if (how === 'ended') await engine.complete((await engine.task(source)).id);
    else await engine.cancel(source);
    await expectTraceless(task, source);

    await pass();
    await pass();
    await expect(incidentsOn(task.processInstanceId)).resolves.toMatchObject([{ incidentMessage: MESSAGE }]);
    await retry(task);
    await succeed(task);
    await expectTraceless(task, source);
  });

  test('makes a mark that could not be made', async () => {
    const source = await startSource([{ userTask: 'a' }]);
    const task = await failTask(source);
    const { pass } = aKeeper();
    await pass();
    await pass();
    await expect(incidentsOn(source)).resolves.toMatchObject([{ configuration: task.id, incidentMessage: MESSAGE }]);
    await retry(task);
    await succeed(task);
    await expectTraceless(task, source);
  });
});

describe('custom', () => {
  test('shows the latest message until the success', async () => {
    const source = await startSource(BRANCHES);
    const task = await failTask(source);
    const { mark, clear, pass } = aKeeper('custom');
    await mark(task, source);
    const incident = { incidentType: 'formDataNotPersisted', configuration: `formvault:${task.id}` };
    await expect(incidentsOn(source)).resolves.toMatchObject([{ ...incident, incidentMessage: MESSAGE }]);

    await retry(task);
    await pass();
    await expect(incidentsOn(source)).resolves.toMatchObject([incident]);
    const again = await fetchTask();
    await fail(again ?? task, 'the second message');
    await mark(task, source, 'the second message');
    await expect(incidentsOn(source)).resolves.toMatchObject([{ ...incident, incidentMessage: 'the second message' }]);

    await retry(task);
    await succeed(task);
    await clear(task);
    await expectTraceless(task, source);
  });

  test('is removed by the watchdog when its task is over', async () => {
    const source = await startSource([{ userTask: 'a' }]);
    const task = await failTask(source);
    const { mark, pass } = aKeeper('custom');
    await mark(task, source);
    await engine.cancel(task.processInstanceId);
    await pass();
    await expectTraceless(task, source);
  });
});

test('none leaves the source as it is', async () => {
  const source = await startSource([{ userTask: 'a' }]);
  const task = await failTask(source);
  const { mark, pass } = aKeeper('none');
  await mark(task, source);
  await pass();
  await pass();
  await expect(incidentsOn(source)).resolves.toEqual([]);
  await expect(incidentsOn(task.processInstanceId)).resolves.toHaveLength(1);
});
