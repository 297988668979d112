import nock from 'nock';
import { createEngineDefinitions } from '../../../src/engine/engine-definitions.ts';
import { createEngineForms } from '../../../src/engine/engine-forms.ts';
import { createFormDefinitions, type FormQuestion, type FoundDefinition } from '../../../src/forms/find-definition.ts';
import { createHttpClient } from '../../../src/http/http-client.ts';

export const ENGINE = 'http://engine.test/engine-rest';
export const FORM_API = 'http://forms.test/api';
export const SUBMITTED_AT_MS = Date.parse('2026-11-21T08:53:07.057Z');

const signal = new AbortController().signal;

export function aFinder({
  hasFormApi = true,
  ...options
}: {
  hasFormApi?: boolean;
  patienceMs?: number;
  now?: () => number;
} = {}) {
  const client = (baseUrl: string, service: 'ENGINE' | 'FORM_API') =>
    createHttpClient({
      baseUrl,
      auth: { kind: 'none' },
      timeoutMs: 2_000,
      codes: { unavailable: `${service}_UNAVAILABLE`, rejected: `${service}_REJECTED` },
      maxSockets: 4,
    });
  const engine = client(ENGINE, 'ENGINE');
  const definitions = createFormDefinitions({
    formApi: hasFormApi ? client(FORM_API, 'FORM_API') : null,
    engine: createEngineForms(engine),
    definitions: createEngineDefinitions(engine),
    ...options,
  });
  return {
    find: (question: Partial<FormQuestion> = {}, by: AbortSignal = signal): Promise<FoundDefinition> =>
      definitions.find({ ...TASK, ...question }, by),
  };
}

export const TASK: FormQuestion = {
  formVersionId: null,
  formName: 'claim',
  processDefinitionId: 'claims:2:abc',
  activityId: 'fill',
  taskId: 't1',
  submittedAtMs: SUBMITTED_AT_MS,
  kind: 'task',
};

export const VERSION: Partial<FormQuestion> = {
  formVersionId: 'v1',
  kind: 'convention',
  processDefinitionId: null,
  taskId: null,
};

/** What a definition asks, by the labels of its fields. */
export function labelsOf(found: FoundDefinition): string[] {
  if (found.kind !== 'definition') return [found.kind === 'none' ? 'none' : `unavailable: ${found.what}`];
  return found.definition.parts.flatMap((part) => (part.kind === 'field' ? [part.label] : []));
}

export function formApi(id = 'v1') {
  return nock(FORM_API).get(`/form/version/${id}`);
}

export function formioForm(label: string) {
  return { name: 'claim', title: 'Claim', components: [{ type: 'textfield', key: 'a', label }] };
}

export function camundaForm(id: string, label: string): string {
  return JSON.stringify({ id, type: 'default', components: [{ type: 'textfield', key: 'a', label }] });
}

/** The process definition and its BPMN, each asked for once. */
export function aDefinition(
  userTask: string,
  { id = TASK.processDefinitionId, tenantId = null as string | null } = {},
) {
  const xml = `<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
    <b:process id="claims"><b:userTask id="fill" ${userTask} /></b:process></b:definitions>`;
  const path = `/process-definition/${encodeURIComponent(id ?? '')}`;
  nock(ENGINE).get(path).reply(200, { id, key: 'claims', version: 2, deploymentId: 'd2', tenantId });
  nock(ENGINE).get(`${path}/xml`).reply(200, { id, bpmn20Xml: xml });
}

/** A deployment whose files are each asked for once; those that are `null` are only listed. */
export function aDeployment(id: string, files: Record<string, string | null>): void {
  const rows = Object.keys(files).map((name) => ({ id: `${id}-${name}`, name, deploymentId: id }));
  nock(ENGINE).get(`/deployment/${id}/resources`).reply(200, rows);
  for (const [name, text] of Object.entries(files)) {
    if (text === null) continue;
    const headers = { 'content-type': 'application/octet-stream' };
    nock(ENGINE).get(`/deployment/${id}/resources/${id}-${name}/data`).reply(200, text, headers);
  }
}

/** The engine's list of deployments before the submission, asked for once. */
export function deployments(
  order: 'desc' | 'asc',
  ids: string[],
  { first = 0, tenant = {} as object, ms = SUBMITTED_AT_MS } = {},
) {
  const owner = Object.keys(tenant).length === 0 ? { withoutTenantId: 'true' } : tenant;
  const before = new Date(ms + 1).toISOString().replace('Z', '+0000');
  const sorting = { sortBy: 'deploymentTime', sortOrder: order, firstResult: String(first), maxResults: '50' };
  const query = { before, ...owner, ...sorting };
  nock(ENGINE)
    .get('/deployment')
    .query(query)
    .reply(
      200,
      ids.map((id) => ({ id, name: id })),
    );
}
