import { createHttpConnection } from './http-connection.ts';
import { benchBpmn, type ProcessKey } from './processes.ts';
import { conventionVariables } from './site-visit.ts';

/** An open user task that waits to be completed. */
export type OpenTask = { id: string; businessKey: string; number: number };

export type EngineLoad = ReturnType<typeof createEngineLoad>;

const STARTING_CLIENTS = 12;

/** The people at the engine: they start process instances and complete user tasks. */
export function createEngineLoad(engineUrl: string, signal: AbortSignal) {
  const connection = createHttpConnection();
  let formsSoFar = 0;

  async function ask(method: string, path: string, body?: string): Promise<string> {
    const headers = { 'Content-Type': 'application/json' };
    const options = body === undefined ? { signal } : { signal, body, headers };
    const { status, text } = await connection.request(method, `${engineUrl}${path}`, options);
    if (status >= 300) throw new Error(`the engine answered ${status} to ${method} ${path}: ${text.slice(0, 300)}`);
    return text;
  }

  async function startInstance(processKey: ProcessKey, businessKey: string): Promise<string> {
    const answer = await ask('POST', `/process-definition/key/${processKey}/start`, JSON.stringify({ businessKey }));
    return JSON.parse(answer).id;
  }

  /** @returns when the answer came, as `performance.now()` */
  async function complete(
    task: OpenTask,
    variables: (number: number) => string = conventionVariables,
  ): Promise<number> {
    await ask('POST', `/task/${task.id}/complete`, variables(task.number));
    return performance.now();
  }

  return {
    async deploy(): Promise<void> {
      const boundary = 'formvault-bench';
      const part = (name: string, value: string) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
      const file = `--${boundary}\r\nContent-Disposition: form-data; name="bpmn"; filename="bench.bpmn"\r\n\r\n${benchBpmn()}\r\n`;
      const { status, text } = await connection.request('POST', `${engineUrl}/deployment/create`, {
        body: `${part('deployment-name', 'bench')}${file}--${boundary}--\r\n`,
        headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
        signal,
      });
      if (status >= 300) throw new Error(`could not deploy: ${text}`);
    },

    async version(): Promise<string> {
      return JSON.parse(await ask('GET', '/version')).version;
    },

    /** Starts process instances and returns their user tasks, in the order in which they were started. */
    async startStock(name: string, processKey: ProcessKey, count: number): Promise<OpenTask[]> {
      const open = new Map<string, Omit<OpenTask, 'id'>>();
      let next = 0;
      const startSome = async (): Promise<void> => {
        while (next < count) {
          const number = next++;
          const businessKey = `${name}-${String(number).padStart(5, '0')}`;
          open.set(await startInstance(processKey, businessKey), { businessKey, number: formsSoFar + number });
        }
      };
      await Promise.all(Array.from({ length: STARTING_CLIENTS }, startSome));
      formsSoFar += count;
      const query = JSON.stringify({ processDefinitionKey: processKey, processInstanceBusinessKeyLike: `${name}-%` });
      const rows: { id: string; processInstanceId: string }[] = JSON.parse(
        await ask('POST', `/task?maxResults=${count}`, query),
      );
      const tasks = rows.flatMap(({ id, processInstanceId }) => {
        const instance = open.get(processInstanceId);
        return instance === undefined ? [] : [{ id, ...instance }];
      });
      if (tasks.length !== count) throw new Error(`expected ${count} open tasks, found ${tasks.length}`);
      return tasks.sort((a, b) => a.number - b.number);
    },

    complete,

    /** One person from the start of a process instance to the form that is handed in. */
    async submit(processKey: ProcessKey, businessKey: string, variables: string): Promise<void> {
      const processInstanceId = await startInstance(processKey, businessKey);
      const [task]: { id: string }[] = JSON.parse(await ask('POST', '/task', JSON.stringify({ processInstanceId })));
      await ask('POST', `/task/${task?.id}/complete`, variables);
    },

    /** Closed loop: each client completes the next task as soon as the engine has answered. */
    async completeAll(
      tasks: readonly OpenTask[],
      clients: number,
      onCompleted: (task: OpenTask) => void = () => undefined,
    ): Promise<{ startedMs: number; endedMs: number }> {
      const startedMs = performance.now();
      let next = 0;
      const completeSome = async (): Promise<void> => {
        for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) {
          await complete(task);
          onCompleted(task);
        }
      };
      await Promise.all(Array.from({ length: clients }, completeSome));
      return { startedMs, endedMs: performance.now() };
    },

    close: () => connection.close(),
  };
}
