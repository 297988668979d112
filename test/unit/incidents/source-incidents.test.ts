import { describe, expect, test } from '@jest/globals';
import { createSourceIncidents, type SourceIncidentMode } from '../../../src/incidents/source-incidents.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { anEngine } from './an-engine.ts';

const { signal } = new AbortController();
const PLACE = { processInstanceId: 'source' };
const MESSAGE = 'VAULT_REJECTED: could not write';

function aScene(mode: SourceIncidentMode) {
  const engine = anEngine();
  const log = createRememberingLog();
  engine.startSource('source', ['leaf-a', 'leaf-b']);
  const task = engine.failTask('task');
  const sourceIncidents = createSourceIncidents({ mode, incidents: engine.engineIncidents, log });
  const mark = (message = MESSAGE) => sourceIncidents.mark(task, PLACE, message, signal);
  return { engine, log, task, sourceIncidents, mark };
}

describe.each([
  ['mirror', { type: 'failedExternalTask', configuration: 'task' }],
  ['custom', { type: 'formDataNotPersisted', configuration: 'formvault:task' }],
] as const)('%s', (mode, incident) => {
  test('marks the source with the message', async () => {
    const { engine, mark } = aScene(mode);
    await mark();
    expect(engine.incidentsOn('source')).toMatchObject([{ ...incident, message: MESSAGE, executionId: 'leaf-a' }]);
  });

  test('marks it once', async () => {
    const { engine, mark } = aScene(mode);
    await mark();
    await mark();
    expect(engine.incidentsOn('source')).toHaveLength(1);
  });

  test('marks it for each of two tasks', async () => {
    const { engine, mark, sourceIncidents } = aScene(mode);
    await mark();
    await sourceIncidents.mark(engine.failTask('other'), PLACE, MESSAGE, signal);
    expect(engine.incidentsOn('source')).toHaveLength(2);
  });

  test('does nothing for a source that is over, or that nobody knows', async () => {
    const { engine, log, task, sourceIncidents } = aScene(mode);
    await sourceIncidents.mark(task, { processInstanceId: 'another' }, MESSAGE, signal);
    await sourceIncidents.mark(task, { processInstanceId: null }, MESSAGE, signal);
    expect(engine.incidents()).toHaveLength(1);
    expect(log.lines).toEqual([]);
  });

  test('finds another activity when the first one ends in between', async () => {
    const { engine, task, log } = aScene(mode);
    const { findLeafExecution } = engine.engineIncidents;
    const incidents = {
      ...engine.engineIncidents,
      async findLeafExecution(id: string) {
        const found = await findLeafExecution(id);
        engine.endExecution('leaf-a');
        return found;
      },
    };
    await createSourceIncidents({ mode, incidents, log }).mark(task, PLACE, MESSAGE, signal);
    expect(engine.incidentsOn('source')).toMatchObject([{ executionId: 'leaf-b' }]);
  });

  test('leaves no mark where the task was tried again meanwhile', async () => {
    const { engine, mark } = aScene(mode);
    engine.retry('task');
    await mark();
    expect(engine.incidents()).toEqual([]);
  });

  test('leaves no mark where the task is over', async () => {
    const { engine, mark } = aScene(mode);
    engine.completeTask('task');
    await mark();
    expect(engine.incidents()).toEqual([]);
  });

  test('logs what it could not do and does not fail', async () => {
    const { engine, log, mark } = aScene(mode);
    engine.failing.add('create');
    await mark();
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { externalTaskId: 'task', processInstanceId: 'source' } },
    ]);
  });

  test('says it when no activity of a live source takes the mark', async () => {
    const { engine, log, task } = aScene(mode);
    const incidents = { ...engine.engineIncidents, create: async () => 'no-activity' as const };
    await createSourceIncidents({ mode, incidents, log }).mark(task, PLACE, MESSAGE, signal);
    expect(log.lines).toMatchObject([
      { level: 'warn', sentence: 'no activity of the source process instance to mark' },
    ]);
  });

  test('says nothing about what a stop cut off', async () => {
    const { engine, log, task, sourceIncidents } = aScene(mode);
    engine.failing.add('findByConfiguration');
    await sourceIncidents.mark(task, PLACE, MESSAGE, AbortSignal.abort());
    await sourceIncidents.clear(task, AbortSignal.abort());
    expect(log.lines).toEqual([]);
  });

  test('cuts a message to what the engine takes, on the border of a character', async () => {
    const { engine, mark } = aScene(mode);
    await mark(`${'x'.repeat(3_989)}😀`);
    expect(engine.incidentsOn('source')[0]?.message).toBe('x'.repeat(3_989));
  });
});

describe('custom', () => {
  test('is removed on success, all of it', async () => {
    const { engine, task, sourceIncidents, mark } = aScene('custom');
    await mark();
    await sourceIncidents.clear(task, signal);
    await sourceIncidents.clear(task, signal);
    expect(engine.incidentsOn('source')).toEqual([]);
  });

  test('shows the message of the latest failure', async () => {
    const { engine, mark } = aScene('custom');
    await mark('the first');
    await mark('the second');
    expect(engine.incidentsOn('source')).toMatchObject([{ message: 'the second' }]);
  });

  test('logs what could not be cleared and does not fail', async () => {
    const { engine, log, task, sourceIncidents, mark } = aScene('custom');
    await mark();
    engine.failing.add('remove');
    await sourceIncidents.clear(task, signal);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { externalTaskId: 'task' } }]);
  });
});

test('mirror leaves clearing to the engine', async () => {
  const { engine, task, sourceIncidents, mark } = aScene('mirror');
  await mark();
  const before = engine.requests.length;
  await sourceIncidents.clear(task, signal);
  expect(engine.requests).toHaveLength(before);
});

test('none asks nothing and marks nothing', async () => {
  const { engine, task, sourceIncidents, mark } = aScene('none');
  await mark();
  await sourceIncidents.clear(task, signal);
  expect(engine.requests).toEqual([]);
  expect(engine.incidentsOn('source')).toEqual([]);
});
