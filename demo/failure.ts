import { setTimeout as timeout } from 'node:timers/promises';
import { type EngineCalls, jsonVariable } from '../dev/clients/engine-calls.ts';
import type { FormEntry } from './form-api.ts';
import { PROCESS, type SentForm } from './story.ts';

type Incident = { configuration: string; incidentMessage: string; processInstanceId: string };

const CHANGE_OF_ADDRESS: FormEntry = {
  id: 'f-change-of-address',
  versionId: 'f-change-of-address-v1',
  name: 'change-of-address',
  title: 'Change of address',
  components: [{ type: 'textfield', key: 'street', label: 'Street' }],
};
const INCIDENT_WITHIN_MS = 30_000;

/**
 * Sends a form that the form API does not know, waits for its incident, publishes the form and presses retry, as an operator
 * would in Cockpit. `null` when there was no incident.
 */
export async function failAndMend(
  engine: EngineCalls,
  forms: FormEntry[],
  environment: string,
  tell: (line: string) => void,
): Promise<SentForm | null> {
  const caseId = 'BC-2026-0004';
  const { id } = await engine.start(PROCESS, { businessKey: caseId });
  const move = { street: '12 Mill Lane' };
  const form = { name: CHANGE_OF_ADDRESS.name, submittedBy: 'portal@example.org' };
  await engine.setVariable(id, 'move', jsonVariable({ ...move, form }));
  tell(`\nA portal sent a form that the form API does not know (case ${caseId})`);
  const incident = await findIncident(engine, id);
  if (incident === null) return null;
  tell(`  an incident stands on its process instance in Cockpit:\n    ${incident.incidentMessage}`);
  forms.push(CHANGE_OF_ADDRESS);
  await engine.http.put(`/external-task/${incident.configuration}/retries`, { retries: 1 });
  tell('  the form was published, and "retry" pressed in Cockpit');
  return {
    who: 'A portal',
    did: 'wrote a variable through REST',
    bucket: `${environment}-benefit-claims`,
    caseId,
    processInstanceId: id,
    formName: CHANGE_OF_ADDRESS.name,
    submittedBy: form.submittedBy,
    form: CHANGE_OF_ADDRESS,
    body: move,
    files: [],
  };
}

async function findIncident(engine: EngineCalls, processInstanceId: string): Promise<Incident | null> {
  const deadline = performance.now() + INCIDENT_WITHIN_MS;
  while (performance.now() < deadline) {
    const { data } = await engine.http.get<Incident[]>('/incident', { params: { processInstanceId } });
    if (data[0] !== undefined) return data[0];
    await timeout(100);
  }
  return null;
}
