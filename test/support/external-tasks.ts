import type { EngineCalls } from '../../dev/clients/engine-calls.ts';

type Calls = Pick<EngineCalls, 'http'>;

const OWN_PROCESS = 'formvault-persist';
const MANY = 5_000;

/** Tasks of Formvault's own process that are locked now, and by whom. */
export async function readLocks({ http }: Calls): Promise<{ id: string; workerId: string }[]> {
  type Row = { id: string; workerId: string; processDefinitionKey: string };
  const { data } = await http.get<Row[]>('/external-task', { params: { locked: true, maxResults: MANY } });
  return data
    .filter(({ processDefinitionKey }) => processDefinitionKey === OWN_PROCESS)
    .map(({ id, workerId }) => ({ id, workerId }));
}

/** What the engine was told of tasks that failed, also of those that are over by now. */
export async function readReportedFailures({ http }: Calls): Promise<string[]> {
  const params = { processDefinitionKey: OWN_PROCESS, failureLog: true, maxResults: MANY };
  const { data } = await http.get<{ errorMessage: string }[]>('/history/external-task-log', { params });
  return data.map(({ errorMessage }) => errorMessage);
}

/** As an operator does whose worker seems to hang. */
export async function unlock({ http }: Calls, taskId: string): Promise<void> {
  await http.post(`/external-task/${taskId}/unlock`);
}
