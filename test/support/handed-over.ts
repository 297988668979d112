import type { EngineCalls } from '../../dev/clients/engine-calls.ts';

/** As Cockpit lists it; its configuration is the external task that failed. */
export type StandingIncident = {
  id: string;
  processInstanceId: string;
  incidentType: string;
  incidentMessage: string;
  configuration: string;
};

export type OpenTask = {
  id: string;
  businessKey: string;
  retries: number | null;
  errorMessage: string | null;
  lockExpirationTime: string | null;
};

type Calls = Pick<EngineCalls, 'http'>;

const OWN_PROCESS = 'formvault-persist';
const MANY = 5_000;

/** The changes that were handed to the engine, one for each process instance that was started for them, over or not. */
export async function readHandedOver({ http }: Calls): Promise<string[]> {
  const params = { processDefinitionKey: OWN_PROCESS, maxResults: MANY };
  const { data } = await http.get<{ businessKey: string }[]>('/history/process-instance', { params });
  return data.map(({ businessKey }) => businessKey).sort();
}

/** What of it is not kept yet. */
export async function readOpenTasks({ http }: Calls): Promise<OpenTask[]> {
  const params = { processDefinitionKey: OWN_PROCESS, maxResults: MANY };
  return (await http.get<OpenTask[]>('/external-task', { params })).data;
}

/** Of Formvault's own process; marks on source process instances are not among them. */
export async function readIncidents({ http }: Calls): Promise<StandingIncident[]> {
  const params = { processDefinitionKeyIn: OWN_PROCESS, maxResults: MANY };
  return (await http.get<StandingIncident[]>('/incident', { params })).data;
}

export async function readIncidentsOn({ http }: Calls, processInstanceId: string): Promise<StandingIncident[]> {
  return (await http.get<StandingIncident[]>('/incident', { params: { processInstanceId } })).data;
}

/** The button in Cockpit. */
export async function retry({ http }: Calls, { configuration }: StandingIncident): Promise<void> {
  await http.put(`/external-task/${configuration}/retries`, { retries: 1 });
}
