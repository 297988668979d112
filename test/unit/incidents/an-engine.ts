import type { FailedTask } from '../../../src/engine/engine-external-tasks.ts';
import type { EngineIncidents, Incident } from '../../../src/engine/engine-incidents.ts';
import { FormvaultError } from '../../../src/errors.ts';

type Task = FailedTask & { retries: number; source: string | null; lockedBy: string | null };

/** External tasks, incidents and source instances as the engine ties them together: by the configuration. */
export type StubEngine = ReturnType<typeof anEngine>;

export function anEngine() {
  const tasks = new Map<string, Task>();
  const sources = new Map<string, string[]>();
  let incidents: Incident[] = [];
  let made = 0;
  const requests: string[] = [];
  const failing = new Set<string>();

  function request(name: string, about = ''): void {
    requests.push(name);
    if (failing.has(name) || failing.has(`${name} ${about}`)) throw new FormvaultError('ENGINE_UNAVAILABLE', name);
  }

  function add(processInstanceId: string, executionId: string, type: string, configuration: string, message: string) {
    const id = `incident-${++made}`;
    incidents.push({ id, type, processInstanceId, executionId, processDefinitionId: null, configuration, message });
  }

  const dropConfigurations = (dropped: (incident: Incident) => boolean): void => {
    const configurations = new Set(incidents.filter(dropped).map(({ configuration }) => configuration));
    incidents = incidents.filter(({ configuration }) => !configurations.has(configuration));
  };
  const instanceOf = (executionId: string): string | null =>
    [...sources].find(([, executions]) => executions.includes(executionId))?.[0] ??
    [...tasks.values()].find((task) => task.executionId === executionId)?.processInstanceId ??
    null;

  return {
    requests,
    /** Names of requests that fail, or a name and what it is about. */
    failing,
    incidents: () => incidents,
    incidentsOn: (processInstanceId: string) =>
      incidents.filter((each) => each.processInstanceId === processInstanceId),

    startSource(id: string, executions: string[]): void {
      sources.set(id, executions);
    },
    endExecution(executionId: string): void {
      for (const [id, executions] of sources) {
        const left = executions.filter((each) => each !== executionId);
        if (left.length > 0) sources.set(id, left);
        else sources.delete(id);
      }
      dropConfigurations((incident) => incident.executionId === executionId);
    },
    /** A task that has just run out of retries, with the incident of the engine on its own instance. */
    failTask(
      id: string,
      { source = null, processKey = 'formvault-persist' }: { source?: string | null; processKey?: string } = {},
    ) {
      const task: Task = {
        id,
        topic: 'user-task-completed',
        executionId: `execution-of-${id}`,
        processInstanceId: `instance-of-${id}`,
        processDefinitionKey: processKey,
        businessKey: null,
        errorMessage: `${id} failed`,
        retries: 0,
        lockExpirationMs: null,
        tenantId: null,
        source,
        lockedBy: null,
      };
      tasks.set(id, task);
      add(task.processInstanceId, task.executionId, 'failedExternalTask', id, task.errorMessage);
      return task;
    },
    retry(id: string): void {
      const task = tasks.get(id);
      if (task !== undefined) task.retries = 1;
      dropConfigurations(({ configuration }) => configuration === id);
    },
    completeTask(id: string): void {
      dropConfigurations((incident) => incident.executionId === tasks.get(id)?.executionId);
      tasks.delete(id);
    },
    dropIncidents(configuration: string): void {
      dropConfigurations((incident) => incident.configuration === configuration);
    },
    lockedTasks: () => [...tasks.values()].filter(({ lockedBy }) => lockedBy !== null),

    externalTasks: {
      async *findFailed({ topic }: { topic: string }) {
        request('findFailed');
        yield* [...tasks.values()].filter((task) => task.retries === 0 && task.topic === topic);
      },
      async lock(id: string, workerId: string) {
        request('lock', id);
        const task = tasks.get(id);
        if (task === undefined || (task.lockedBy ?? workerId) !== workerId) return 'lost' as const;
        task.lockedBy = workerId;
        return 'done' as const;
      },
      async unlock(id: string) {
        request('unlock', id);
        const task = tasks.get(id);
        if (task !== undefined) task.lockedBy = null;
        return 'done' as const;
      },
    },
    processes: {
      async readVariable(processInstanceId: string) {
        request('readVariable', processInstanceId);
        return [...tasks.values()].find((task) => task.processInstanceId === processInstanceId)?.source ?? null;
      },
    },
    engineIncidents: {
      async create(executionId, { type, configuration, message }) {
        request('create', executionId);
        const processInstanceId = instanceOf(executionId);
        if (processInstanceId === null) return 'gone';
        add(processInstanceId, executionId, type, configuration, message);
        return 'created';
      },
      async findByConfiguration(configuration) {
        request('findByConfiguration', configuration);
        return incidents.filter((incident) => incident.configuration === configuration);
      },
      async *findOfType(type, { processDefinitionKey }) {
        request('findOfType', type);
        const isOf = ({ executionId }: Incident) =>
          processDefinitionKey === undefined ||
          [...tasks.values()].some(
            (task) => task.executionId === executionId && task.processDefinitionKey === processDefinitionKey,
          );
        yield* incidents.filter((incident) => incident.type === type && isOf(incident));
      },
      async remove(incidentId) {
        request('remove', incidentId);
        const incident = incidents.find(({ id }) => id === incidentId);
        if (incident === undefined) return 'gone';
        if (incident.type === 'failedExternalTask') throw new FormvaultError('ENGINE_REJECTED', 'remove');
        dropConfigurations((each) => each === incident);
        return 'done';
      },
      async findLeafExecution(processInstanceId) {
        request('findLeafExecution', processInstanceId);
        return sources.get(processInstanceId)?.[0] ?? null;
      },
      async readRetriesLeft(id) {
        request('readRetriesLeft', id);
        const task = tasks.get(id);
        if (task === undefined) return 'gone';
        return task.retries === 0 ? 'none' : 'some';
      },
    } satisfies EngineIncidents,
  };
}

export const sourceVariable = (processInstanceId: string | null): string => JSON.stringify({ processInstanceId });
