import { describe, expect, test } from '@jest/globals';
import { createSourceIncidents, type SourceIncidentMode } from '../../../src/incidents/source-incidents.ts';
import { createWatchdog } from '../../../src/incidents/watchdog.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { anEngine, type StubEngine, sourceVariable } from './an-engine.ts';

const { signal } = new AbortController();
const TOPICS = ['user-task-completed', 'convention-variable'];

function aWatchdog(
  engine: StubEngine,
  mode: SourceIncidentMode = 'mirror',
  more: { nowMs?: () => number; workerId?: string } = {},
) {
  const log = createRememberingLog();
  const sourceIncidents = createSourceIncidents({ mode, incidents: engine.engineIncidents, log });
  const { externalTasks, processes, engineIncidents: incidents } = engine;
  const given = { externalTasks, processes, incidents, sourceIncidents, mode, topics: TOPICS, log };
  const watchdog = createWatchdog({ ...given, workerId: `worker-${Math.random()}`, ...more });
  return {
    log,
    sourceIncidents,
    pass: () => watchdog.pass(signal),
    passWith: (each: AbortSignal) => watchdog.pass(each),
  };
}

/** A task whose failure stands on its source, as the worker leaves it. */
async function aMarkedTask(engine: StubEngine, mode: SourceIncidentMode = 'mirror', id = 'task') {
  engine.startSource('source', ['leaf-a', 'leaf-b']);
  const task = engine.failTask(id, { source: sourceVariable('source') });
  const dog = aWatchdog(engine, mode);
  await dog.sourceIncidents.mark(task, { processInstanceId: 'source' }, task.errorMessage, signal);
  return { task, ...dog };
}

async function requestsOf(engine: StubEngine, work: () => Promise<unknown>): Promise<string[]> {
  const before = engine.requests.length;
  await work();
  return engine.requests.slice(before);
}

describe('an incident that went away with its mark', () => {
  test('stands again, with its mark on what is left of the source', async () => {
    const engine = anEngine();
    const { task, pass, log } = await aMarkedTask(engine);
    engine.endExecution('leaf-a');
    expect(engine.incidents()).toEqual([]);

    await expect(pass()).resolves.toMatchObject([{ id: 'task' }]);
    const incident = { type: 'failedExternalTask', configuration: 'task', message: 'task failed' };
    expect(engine.incidentsOn(task.processInstanceId)).toMatchObject([incident]);
    expect(engine.incidentsOn('source')).toMatchObject([{ ...incident, executionId: 'leaf-b' }]);
    expect(engine.lockedTasks()).toEqual([]);
    expect(log.lines).toMatchObject([{ level: 'info', fields: { externalTaskId: 'task' } }]);
  });

  test('stands again by itself when the source is over', async () => {
    const engine = anEngine();
    const { task, pass } = await aMarkedTask(engine);
    engine.endExecution('leaf-a');
    engine.endExecution('leaf-b');
    await pass();
    expect(engine.incidents()).toMatchObject([{ processInstanceId: task.processInstanceId }]);
  });

  test('is made by one of two watchdogs that look at the same time', async () => {
    const engine = anEngine();
    const { task, pass } = await aMarkedTask(engine);
    engine.endExecution('leaf-a');
    await Promise.all([pass(), aWatchdog(engine).pass(), aWatchdog(engine).pass()]);
    expect(engine.incidentsOn(task.processInstanceId)).toHaveLength(1);
    expect(engine.incidentsOn('source')).toHaveLength(1);
  });

  test('is not made for a task that was tried again after it was read', async () => {
    const engine = anEngine();
    const { pass } = await aMarkedTask(engine);
    engine.endExecution('leaf-a');
    const { lock } = engine.externalTasks;
    engine.externalTasks.lock = async (...given) => {
      engine.retry('task');
      return lock(...given);
    };
    await pass();
    expect(engine.incidents()).toEqual([]);
  });

  test.each([
    ['tried again', 0, (engine: StubEngine) => engine.retry('task')],
    [
      'tried again and fails again',
      1,
      (engine: StubEngine) => {
        engine.retry('task');
        engine.failTask('task');
      },
    ],
  ])('does not stand twice when its task is %s while it is put back', async (_, standing, meanwhile) => {
    const engine = anEngine();
    const { task, pass } = await aMarkedTask(engine);
    engine.endExecution('leaf-a');
    engine.endExecution('leaf-b');
    const { create } = engine.engineIncidents;
    let isFirst = true;
    engine.engineIncidents.create = async (...given) => {
      if (isFirst) meanwhile(engine);
      isFirst = false;
      return create(...given);
    };
    await pass();
    expect(engine.incidentsOn(task.processInstanceId)).toEqual([]);
    await pass();
    expect(engine.incidentsOn(task.processInstanceId)).toHaveLength(standing);
  });

  test('leaves a task to the worker of the same process that has taken it meanwhile', async () => {
    const engine = anEngine();
    const task = engine.failTask('task');
    engine.dropIncidents(task.id);
    task.lockedBy = 'worker';
    await aWatchdog(engine, 'mirror', { workerId: 'worker' }).pass();
    expect(engine.lockedTasks()).toMatchObject([{ id: 'task', lockedBy: 'worker' }]);
    expect(engine.incidents()).toEqual([]);
  });

  test('leaves a lock alone that may be over', async () => {
    const engine = anEngine();
    await aMarkedTask(engine);
    engine.endExecution('leaf-a');
    let ms = 0;
    const { pass } = aWatchdog(engine, 'mirror', { nowMs: () => (ms += 6_000) });
    await expect(requestsOf(engine, pass)).resolves.not.toContain('unlock');
  });
});

describe('a mark that could not be made', () => {
  async function anUnmarkedTask(engine: StubEngine, mode: SourceIncidentMode, source = sourceVariable('source')) {
    engine.startSource('source', ['leaf']);
    engine.failTask('task', { source });
    return aWatchdog(engine, mode);
  }

  test.each(['mirror', 'custom'] as const)('is made in the second pass that sees its incident (%s)', async (mode) => {
    const engine = anEngine();
    const { pass } = await anUnmarkedTask(engine, mode);
    await pass();
    expect(engine.incidentsOn('source')).toEqual([]);
    await pass();
    expect(engine.incidentsOn('source')).toHaveLength(1);
    expect(engine.lockedTasks()).toEqual([]);
  });

  test('is made when it can be', async () => {
    const engine = anEngine();
    const { pass, log } = await anUnmarkedTask(engine, 'mirror');
    engine.failing.add('create');
    await pass();
    await pass();
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { failures: 1 } }]);
    engine.failing.clear();
    await pass();
    expect(engine.incidentsOn('source')).toHaveLength(1);
  });

  test('is looked for once', async () => {
    const engine = anEngine();
    const { pass } = await anUnmarkedTask(engine, 'mirror');
    await pass();
    await pass();
    await expect(requestsOf(engine, pass)).resolves.toEqual(['findFailed', 'findFailed', 'findOfType']);
  });

  test('is looked for again after the next failure of the task', async () => {
    const engine = anEngine();
    const { pass } = await anUnmarkedTask(engine, 'mirror');
    await pass();
    await pass();
    engine.retry('task');
    engine.failTask('task', { source: sourceVariable('source') });
    await pass();
    await pass();
    expect(engine.incidentsOn('source')).toHaveLength(1);
  });

  test.each([
    'null',
    'no JSON',
    '[]',
    '{}',
    '7',
    '{"processInstanceId":7}',
    '{"processInstanceId":""}',
    '{"processInstanceId":"over"}',
  ])('is given up where the source is %s', async (source) => {
    const engine = anEngine();
    const { pass, log } = await anUnmarkedTask(engine, 'mirror', source);
    await pass();
    await pass();
    await expect(requestsOf(engine, pass)).resolves.not.toContain('readVariable');
    expect(engine.incidentsOn('source')).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  test('is made again where a custom one ended with its activity', async () => {
    const engine = anEngine();
    const { pass } = await aMarkedTask(engine, 'custom');
    await pass();
    await pass();
    engine.endExecution('leaf-a');
    await pass();
    expect(engine.incidentsOn('source')).toMatchObject([{ executionId: 'leaf-b' }]);
  });

  test('is wanted by nobody with none', async () => {
    const engine = anEngine();
    const { pass } = await anUnmarkedTask(engine, 'none');
    await pass();
    await expect(requestsOf(engine, pass)).resolves.not.toContain('lock');
    expect(engine.incidentsOn('source')).toEqual([]);
  });
});

describe('a custom incident', () => {
  test('whose task is over is removed', async () => {
    const engine = anEngine();
    const { pass } = await aMarkedTask(engine, 'custom');
    engine.completeTask('task');
    await pass();
    expect(engine.incidents()).toEqual([]);
  });

  test('stays while its task is tried again', async () => {
    const engine = anEngine();
    const { pass } = await aMarkedTask(engine, 'custom');
    engine.retry('task');
    await pass();
    expect(engine.incidentsOn('source')).toHaveLength(1);
  });

  test('of somebody else stays', async () => {
    const engine = anEngine();
    engine.startSource('source', ['leaf']);
    const theirs = { type: 'formDataNotPersisted', configuration: 'theirs', message: 'theirs' };
    await engine.engineIncidents.create('leaf', theirs);
    await aWatchdog(engine, 'custom').pass();
    expect(engine.incidents()).toHaveLength(1);
  });

  test('of a former setting is removed too when its task is over', async () => {
    const engine = anEngine();
    await aMarkedTask(engine, 'custom');
    engine.completeTask('task');
    await aWatchdog(engine, 'mirror').pass();
    expect(engine.incidents()).toEqual([]);
  });
});

describe('a pass', () => {
  test.each(['mirror', 'custom', 'none'] as const)(
    'asks less than three times a minute when idle (%s)',
    async (mode) => {
      const engine = anEngine();
      const { pass } = aWatchdog(engine, mode);
      for (let i = 0; i < 10; i++) await pass();
      expect(engine.requests.length).toBeLessThan(30);
    },
  );

  test('gives checkpoints of other processes and does not mend them', async () => {
    const engine = anEngine();
    const task = engine.failTask('checkpoint', { processKey: 'theirs' });
    engine.dropIncidents(task.id);
    await expect(aWatchdog(engine).pass()).resolves.toMatchObject([{ id: 'checkpoint' }]);
    expect(engine.incidents()).toEqual([]);
  });

  test('goes on after a task that cannot be mended', async () => {
    const engine = anEngine();
    const tasks = ['bad', 'good', 'better'].map((id) => engine.failTask(id));
    for (const { id } of tasks) engine.dropIncidents(id);
    engine.failing.add('create execution-of-bad');
    const { pass, log } = aWatchdog(engine);
    await expect(pass()).resolves.toHaveLength(3);
    expect(engine.incidents().map(({ configuration }) => configuration)).toEqual(['good', 'better']);
    expect(log.lines.at(-1)).toMatchObject({ level: 'warn', fields: { failures: 1 } });
    expect(engine.lockedTasks()).toEqual([]);
  });

  test('ends with the failure when the engine is away', async () => {
    const engine = anEngine();
    for (const id of ['a', 'b', 'c', 'd', 'e']) engine.dropIncidents(engine.failTask(id).id);
    engine.failing.add('lock');
    const { pass } = aWatchdog(engine);
    await expect(pass()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(engine.requests.filter((each) => each === 'lock')).toHaveLength(3);
  });

  test('ends at once when Formvault stops', async () => {
    const engine = anEngine();
    for (const id of ['a', 'b']) engine.dropIncidents(engine.failTask(id).id);
    engine.failing.add('lock');
    await expect(aWatchdog(engine).passWith(AbortSignal.abort())).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(engine.requests.filter((each) => each === 'lock')).toHaveLength(1);
  });
});
