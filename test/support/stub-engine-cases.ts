import type { CaseInstance, EngineCases, OpenTask, TaskScope } from '../../src/engine/engine-cases.ts';

export type StubTask = OpenTask & { isEnded: boolean };

/** What an engine would say of some process instances and user tasks; `fault` is thrown by every question. */
export function createStubEngineCases(instances: CaseInstance[] = [], tasks: StubTask[] = []) {
  const asked: string[] = [];
  const control: { fault: unknown; onAsked: () => Promise<void> } = { fault: null, onAsked: async () => undefined };
  async function ask<T>(question: string, answer: () => T): Promise<T> {
    asked.push(question);
    await control.onAsked();
    if (control.fault !== null) throw control.fault;
    return answer();
  }
  const isOf = (task: StubTask, scopes: readonly TaskScope[]) =>
    scopes.some((scope) =>
      'processInstanceId' in scope
        ? task.processInstanceId === scope.processInstanceId
        : instances.find(({ id }) => id === task.processInstanceId)?.businessKey === scope.processInstanceBusinessKey,
    );
  const engine: EngineCases = {
    readInstances: (ids) =>
      ask(`instances ${ids.join()}`, () => {
        const found = instances.filter(({ id }) => ids.includes(id));
        return new Map(found.map((each) => [each.id, each]));
      }),
    readInstancesOfCase: (businessKey) =>
      ask(`instances of ${businessKey}`, () => instances.filter((each) => each.businessKey === businessKey)),
    readOpenTasks: (scopes) =>
      ask(`open tasks of ${scopes.map((scope) => Object.values(scope)).join()}`, () =>
        tasks.filter((task) => !task.isEnded && isOf(task, scopes)),
      ),
    countEndedTasks: (scopes) =>
      ask(
        `ended tasks of ${scopes.map((scope) => Object.values(scope)).join()}`,
        () => tasks.filter((task) => task.isEnded && isOf(task, scopes)).length,
      ),
  };
  return { engine, asked, control };
}

export function aCaseInstance(fields: Partial<CaseInstance> = {}): CaseInstance {
  return {
    id: 'instance-1',
    key: 'site-visit',
    name: 'Visit of a site',
    definitionId: 'site-visit:2:f64b29c4',
    businessKey: 'CASE-1',
    startDate: '2026-11-21T08:00:00.000Z',
    endDate: null,
    state: 'ACTIVE',
    tenantId: null,
    rootProcessInstanceId: 'instance-1',
    superProcessInstanceId: null,
    ...fields,
  };
}

export function aStubTask(fields: Partial<StubTask> = {}): StubTask {
  return {
    id: 'task-1',
    processInstanceId: 'instance-1',
    name: 'Describe the site',
    definitionKey: 'describeSite',
    assignee: 'anna',
    created: '2026-11-21T08:00:01.000Z',
    due: null,
    isEnded: false,
    ...fields,
  };
}
