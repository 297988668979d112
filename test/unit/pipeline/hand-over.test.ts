import { describe, expect, test } from '@jest/globals';
import { FormvaultError } from '../../../src/errors.ts';
import { createHandOver } from '../../../src/pipeline/hand-over.ts';
import { aTaskChange, aVariableChange } from '../../support/builders.ts';
import { createStartedProcesses } from '../../support/builders-pipeline.ts';

const { signal } = new AbortController();
const details = {
  topic: 'user-task-completed',
  activityId: 'fillIn',
  taskId: 't-1',
  form: 'visit',
  caseId: 'BF-1',
} as const;

function aWorld() {
  const engine = createStartedProcesses();
  return { ...engine, ...createHandOver(engine.processes) };
}

describe('handing a change over', () => {
  test('starts one instance, which says what it is about', async () => {
    const { handOver, started } = aWorld();
    await handOver(aTaskChange(), details, signal);
    expect([...started]).toEqual([
      [
        'task/t-1',
        {
          key: 'formvault-persist',
          source: {
            topic: 'user-task-completed',
            processInstanceId: 'p-1',
            processDefinitionKey: 'visit',
            activityId: 'fillIn',
            taskId: 't-1',
            form: 'visit',
            case: 'BF-1',
          },
        },
      ],
    ]);
  });

  test('twice starts one instance', async () => {
    const { handOver, starts } = aWorld();
    await handOver(aVariableChange(), details, signal);
    await handOver(aVariableChange(), details, signal);
    expect(starts()).toBe(1);
  });

  test('again after an answer that got lost starts none', async () => {
    const { handOver, starts, faults } = aWorld();
    faults.onAnswer = new FormvaultError('ENGINE_UNAVAILABLE', 'could not start a process');
    await expect(handOver(aVariableChange(), details, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await expect(handOver(aVariableChange(), details, signal)).resolves.toBeUndefined();
    expect(starts()).toBe(1);
  });

  test('starts nothing while it cannot be told whether it was done before', async () => {
    const { handOver, starts, faults } = aWorld();
    faults.onLook = new FormvaultError('ENGINE_UNAVAILABLE', 'could not look');
    await expect(handOver(aVariableChange(), details, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(starts()).toBe(0);
  });

  test('never takes what was typed along', async () => {
    const { handOver, started } = aWorld();
    await handOver(aVariableChange({ json: { form: { name: 'visit' }, answer: 'Mrs Smith' } }), details, signal);
    expect(JSON.stringify([...started])).not.toContain('Smith');
  });
});
