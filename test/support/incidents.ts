import { expect } from '@jest/globals';
import type { EngineCalls } from '../../dev/clients/engine-calls.ts';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { eventually } from './eventually.ts';
import { readIncidents, readIncidentsOn, readOpenTasks, type StandingIncident } from './handed-over.ts';

type Calls = Pick<EngineCalls, 'http'>;

/** One attempt at an external task that failed, as the engine recorded it. */
export type Attempt = { errorMessage: string; retriesBefore: number | null };

/** Until an attempt in place, those in the engine and a busy machine are done with. */
const STANDING = { withinMs: 60_000, everyMs: 100 };

/** The incident at Formvault's own process about this case; there is no other. */
export function untilIncidentOf(engine: Calls, caseId: string): Promise<StandingIncident> {
  return eventually(async () => {
    const about = (await readIncidents(engine)).filter(({ incidentMessage }) =>
      incidentMessage.includes(`case ${caseId})`),
    );
    expect(about).toHaveLength(1);
    return about[0] as StandingIncident;
  }, STANDING);
}

/** The only incident on a process instance: a mark, or that of a checkpoint. */
export function untilIncidentOn(engine: Calls, processInstanceId: string): Promise<StandingIncident> {
  return eventually(async () => {
    const standing = await readIncidentsOn(engine, processInstanceId);
    expect(standing).toHaveLength(1);
    return standing[0] as StandingIncident;
  }, STANDING);
}

/** The attempts at an external task that failed, oldest first. */
export async function readFailedAttempts({ http }: Calls, externalTaskId: string): Promise<Attempt[]> {
  const params = { externalTaskId, failureLog: true, sortBy: 'timestamp', sortOrder: 'asc' };
  const { data } = await http.get<{ errorMessage: string; retries: number | null }[]>('/history/external-task-log', {
    params,
  });
  return data.map(({ errorMessage, retries }) => ({ errorMessage, retriesBefore: retries }));
}

/** What the link in Cockpit opens. */
export async function readErrorDetails({ http }: Calls, externalTaskId: string): Promise<string> {
  return (await http.get<string>(`/external-task/${externalTaskId}/errorDetails`)).data;
}

/** The task is over, and with it its incident and the mark on the source. */
export function untilTraceless(engine: Calls, incident: StandingIncident, source: string): Promise<void> {
  return eventually(async () => {
    const open = (await readOpenTasks(engine)).map(({ id }) => id);
    expect(open).not.toContain(incident.configuration);
    expect(await readIncidentsOn(engine, incident.processInstanceId)).toEqual([]);
    expect(await readIncidentsOn(engine, source)).toEqual([]);
  }, STANDING);
}

/** Everything that Formvault writes for other people to read. */
export async function readWhatIsTold(
  engine: Calls,
  formvault: RunningFormvault,
  web: { url: string; strangePath: string },
): Promise<Record<string, string>> {
  const own = { processDefinitionKey: 'formvault-persist', deserializeValues: false };
  const get = async (path: string, params: object = {}) => (await engine.http.get(path, { params })).data as unknown;
  const incidents = (await get('/history/incident')) as { incidentMessage: string }[];
  const tasks = (await get('/external-task')) as { id: string; errorMessage: string | null }[];
  const failed = (await get('/history/external-task-log', { failureLog: true })) as { id: string }[];
  const details = tasks.filter(({ errorMessage }) => errorMessage !== null);
  const told: Record<string, string> = {
    'the log': formvault.logs(),
    incidents: JSON.stringify(incidents.map(({ incidentMessage }) => incidentMessage)),
    'error details': JSON.stringify(await Promise.all(details.map(({ id }) => readErrorDetails(engine, id)))),
    'earlier error details': JSON.stringify(
      await Promise.all(failed.map(({ id }) => get(`/history/external-task-log/${id}/error-details`))),
    ),
    'variables of the own process': JSON.stringify(await get('/history/variable-instance', own)),
  };
  for (const path of ['/metrics', '/health/live', '/health/ready', web.strangePath]) {
    told[path] = await (await fetch(`${web.url}${path}`)).text();
  }
  return told;
}
