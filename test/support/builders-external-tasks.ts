import type { FailedTask } from '../../src/engine/engine-external-tasks.ts';
import type { LockedTask } from '../../src/tasks/topic-worker.ts';

/** A task of our own process, at its first attempt. */
export function aLockedTask(given: Partial<LockedTask> = {}): LockedTask {
  return {
    id: 'task-1',
    topic: 'convention-variable',
    executionId: 'e-1',
    processInstanceId: 'own-1',
    processDefinitionKey: 'formvault-persist',
    businessKey: 'detail/d-1',
    tenantId: null,
    retries: null,
    errorMessage: null,
    source: JSON.stringify({ processInstanceId: 'p-1', form: 'site-visit', case: 'BF-1' }),
    ...given,
  };
}

export function aFailedTask(given: Partial<FailedTask> = {}): FailedTask {
  return {
    id: 'task-1',
    topic: 'convention-variable',
    executionId: 'e-1',
    processInstanceId: 'own-1',
    processDefinitionKey: 'formvault-persist',
    businessKey: 'detail/d-1',
    errorMessage: '',
    retries: 0,
    lockExpirationMs: null,
    tenantId: null,
    ...given,
  };
}
