import { readFileSync } from 'node:fs';
import axios, { type AxiosInstance } from 'axios';

export type EngineVariable = { value: unknown; type?: string; valueInfo?: Record<string, unknown>; local?: boolean };
export type EngineVariables = Record<string, EngineVariable>;
export type EngineTask = {
  id: string;
  name: string;
  taskDefinitionKey: string;
  processInstanceId: string;
  executionId: string;
  assignee: string | null;
};
export type StartedInstance = { id: string; definitionId: string; businessKey: string | null };
export type Deployment = { id: string; definitionIds: Record<string, string> };
export type StartOptions = { businessKey?: string; variables?: EngineVariables; tenantId?: string };
export type Message = {
  messageName: string;
  businessKey?: string;
  processInstanceId?: string;
  processVariables?: EngineVariables;
};

/** What people and systems do with an engine: the REST calls that tests, demo and bench make in their place. */
export type EngineCalls = {
  /** Text of each file by its name. */
  deploy(files: Record<string, string>, options?: { tenantId?: string }): Promise<Deployment>;
  deleteDeployment(id: string): Promise<void>;
  start(processKey: string, options?: StartOptions): Promise<StartedInstance>;
  cancel(processInstanceId: string): Promise<void>;
  isRunning(processInstanceId: string): Promise<boolean>;
  tasks(processInstanceId: string): Promise<EngineTask[]>;
  /** The only open task of an instance, or the one with this definition key. */
  task(processInstanceId: string, definitionKey?: string): Promise<EngineTask>;
  assign(taskId: string, person: string): Promise<void>;
  complete(taskId: string, variables?: EngineVariables): Promise<void>;
  /** As Tasklist sends a form. */
  submitForm(taskId: string, variables?: EngineVariables): Promise<void>;
  endByBpmnError(taskId: string, errorCode: string): Promise<void>;
  setVariable(processInstanceId: string, name: string, variable: EngineVariable): Promise<void>;
  setTaskVariables(taskId: string, variables: EngineVariables): Promise<void>;
  correlate(message: Message): Promise<void>;
  createUser(id: string, firstName: string, lastName: string, password: string): Promise<void>;
  createTenant(id: string): Promise<void>;
  /** For every other call; addresses are relative to the REST API. */
  http: AxiosInstance;
};

export function createEngineCalls(url: string, auth?: { username: string; password: string }): EngineCalls {
  const http = axios.create({ baseURL: url, timeout: 150_000, ...(auth === undefined ? {} : { auth }) });
  http.interceptors.response.use(undefined, (error: unknown) => Promise.reject(withAnswer(error)));
  const get = async <T>(path: string, params?: object): Promise<T> => (await http.get<T>(path, { params })).data;
  const post = async <T>(path: string, body: object = {}): Promise<T> => (await http.post<T>(path, body)).data;
  const tasks = (processInstanceId: string) => get<EngineTask[]>('/task', { processInstanceId });

  return {
    http,
    tasks,
    async deploy(files, { tenantId } = {}) {
      const form = new FormData();
      form.set('deployment-name', Object.keys(files).join(', '));
      if (tenantId !== undefined) form.set('tenant-id', tenantId);
      for (const [name, text] of Object.entries(files)) form.set(name, new Blob([text]), name);
      type Answer = { id: string; deployedProcessDefinitions: Record<string, { key: string }> | null };
      const answer = await post<Answer>('/deployment/create', form);
      const definitions = Object.entries(answer.deployedProcessDefinitions ?? {});
      return { id: answer.id, definitionIds: Object.fromEntries(definitions.map(([id, { key }]) => [key, id])) };
    },
    async deleteDeployment(id) {
      await http.delete(`/deployment/${id}`, { params: { cascade: true } });
    },
    start(processKey, { tenantId, ...body } = {}) {
      const tenant = tenantId === undefined ? '' : `/tenant-id/${encodeURIComponent(tenantId)}`;
      return post(`/process-definition/key/${processKey}${tenant}/start`, body);
    },
    async cancel(processInstanceId) {
      await http.delete(`/process-instance/${processInstanceId}`);
    },
    async isRunning(processInstanceId) {
      const { count } = await get<{ count: number }>('/process-instance/count', {
        processInstanceIds: processInstanceId,
      });
      return count > 0;
    },
    async task(processInstanceId, definitionKey) {
      const open = (await tasks(processInstanceId)).filter(
        (task) => definitionKey === undefined || task.taskDefinitionKey === definitionKey,
      );
      const [task] = open;
      if (task === undefined || open.length > 1) throw new Error(`${open.length} open tasks where one was expected`);
      return task;
    },
    assign: (taskId, person) => post(`/task/${taskId}/assignee`, { userId: person }),
    complete: (taskId, variables = {}) => post(`/task/${taskId}/complete`, { variables }),
    submitForm: (taskId, variables = {}) => post(`/task/${taskId}/submit-form`, { variables }),
    endByBpmnError: (taskId, errorCode) => post(`/task/${taskId}/bpmnError`, { errorCode }),
    async setVariable(processInstanceId, name, variable) {
      await http.put(`/process-instance/${processInstanceId}/variables/${encodeURIComponent(name)}`, variable);
    },
    setTaskVariables: (taskId, modifications) => post(`/task/${taskId}/variables`, { modifications }),
    correlate: (message) => post('/message', message),
    createUser: (id, firstName, lastName, password) =>
      post('/user/create', { profile: { id, firstName, lastName }, credentials: { password } }),
    createTenant: (id) => post('/tenant/create', { id, name: id }),
  };
}

export function jsonVariable(value: unknown): EngineVariable {
  return { type: 'Json', value: JSON.stringify(value) };
}

/** A Java object that the engine serialises as JSON, which is how many clients write it. */
export function objectVariable(value: unknown): EngineVariable {
  const valueInfo = { objectTypeName: 'java.util.LinkedHashMap', serializationDataFormat: 'application/json' };
  return { type: 'Object', value: JSON.stringify(value), valueInfo };
}

export function fileVariable(filename: string, mimeType: string, bytes: Uint8Array): EngineVariable {
  return { type: 'File', value: Buffer.from(bytes).toString('base64'), valueInfo: { filename, mimeType } };
}

/** The files with these paths, as `deploy` wants them. */
export function readFilesToDeploy(dir: string, names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, readFileSync(`${dir}/${name}`, 'utf8')]));
}

/** Axios says only the status; what went wrong stands in the body. */
function withAnswer(error: unknown): unknown {
  if (!axios.isAxiosError(error) || error.response === undefined) return error;
  const { method, url } = error.config ?? {};
  const failure = new Error(`${method} ${url}: ${error.response.status} ${JSON.stringify(error.response.data)}`);
  return Object.assign(failure, { status: error.response.status });
}
