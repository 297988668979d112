import { FormvaultError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { isAbsent, parseRows, text } from './history-rows.ts';

/** Processes that Formvault deploys and starts itself. Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED. */
export type EngineProcesses = ReturnType<typeof createEngineProcesses>;

export type DeployedVersion = { id: string; version: number; versionTag: string | null; deploymentId: string };

export type Deployment = { name: string; source: string; fileName: string; text: string };

export type ProcessStart = {
  key: string;
  businessKey: string;
  variables: Record<string, { type: string; value: unknown }>;
};

type Row = Record<string, unknown>;

const PAGE_SIZE = 200;
const LOOKUP_SIZE = 200;

export function createEngineProcesses(http: HttpClient) {
  return {
    /** Every version that belongs to no tenant, newest first. */
    async findDefinitions(key: string, signal: AbortSignal): Promise<DeployedVersion[]> {
      const found: DeployedVersion[] = [];
      for (;;) {
        const answer = await http.request({
          method: 'GET',
          path: '/process-definition',
          query: {
            key,
            withoutTenantId: true,
            sortBy: 'version',
            sortOrder: 'desc',
            firstResult: found.length,
            maxResults: PAGE_SIZE,
          },
          signal,
          attempted: 'could not look for a deployed process',
        });
        const rows = parseRows(answer.data);
        found.push(...rows.map(parseVersion));
        if (rows.length < PAGE_SIZE) return found;
      }
    },

    /** The BPMN as it was deployed; `null` when it is gone. */
    async findText(definitionId: string, signal: AbortSignal): Promise<string | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/process-definition/${encodeURIComponent(definitionId)}/xml`,
        signal,
        attempted: 'could not read the BPMN of a deployed process',
        accept: [404],
      });
      return isAbsent(answer) ? null : text((answer.data as Row | null)?.bpmn20Xml);
    },

    /** Makes a version unless the newest one of this name and source has the same bytes; also when two do it at once. */
    async deploy({ name, source, fileName, text }: Deployment, signal: AbortSignal): Promise<void> {
      const body = new FormData();
      body.set('deployment-name', name);
      body.set('deployment-source', source);
      body.set('deploy-changed-only', 'true');
      body.set(fileName, new Blob([text], { type: 'application/octet-stream' }), fileName);
      const attempted = 'could not deploy a process';
      const { status } = await http.request({
        method: 'POST',
        path: '/deployment/create',
        body,
        signal,
        attempted,
        context: { deployment: name },
        responseType: 'text',
        accept: [403],
      });
      if (status !== 403) return;
      throw new FormvaultError('ENGINE_REJECTED', attempted, {
        context: { deployment: name, status },
        hint: 'Give the user that Formvault signs in with the permission CREATE on DEPLOYMENT, or let somebody who has it run `formvault deploy`.',
      });
    },

    /** The id of the new instance. Not to be repeated blindly: an answer may be lost after the start. */
    async start({ key, businessKey, variables }: ProcessStart, signal: AbortSignal): Promise<string> {
      const attempted = 'could not start a process';
      const answer = await http.request({
        method: 'POST',
        path: `/process-definition/key/${encodeURIComponent(key)}/start`,
        body: { businessKey, variables },
        signal,
        attempted,
        context: { processDefinitionKey: key },
        accept: [404],
      });
      if (!isAbsent(answer)) return required(answer.data as Row, 'id');
      throw new FormvaultError('ENGINE_REJECTED', attempted, {
        context: { processDefinitionKey: key, status: answer.status },
        hint: 'If the deployment was deleted, start Formvault again, which deploys it; else give its user the permission READ on that PROCESS_DEFINITION.',
      });
    },

    /** Those of the business keys that an instance has, whether it runs or is over. */
    async findStarted(key: string, businessKeys: readonly string[], signal: AbortSignal): Promise<Set<string>> {
      const found = new Set<string>();
      for (let at = 0; at < businessKeys.length; at += LOOKUP_SIZE) {
        let open = businessKeys.slice(at, at + LOOKUP_SIZE);
        for (;;) {
          const answer = await http.request({
            method: 'POST',
            path: '/history/process-instance',
            query: { firstResult: 0, maxResults: PAGE_SIZE },
            body: { processDefinitionKey: key, processInstanceBusinessKeyIn: open },
            signal,
            attempted: 'could not look for started processes',
            context: { processDefinitionKey: key },
          });
          const rows = parseRows(answer.data);
          for (const row of rows) found.add(required(row, 'businessKey'));
          // Several instances of one key can fill a page, which then hides another key.
          open = open.filter((businessKey) => !found.has(businessKey));
          if (rows.length < PAGE_SIZE || open.length === 0) break;
        }
      }
      return found;
    },

    /** The text of a JSON variable of a running instance; `null` when either is gone. */
    async readVariable(processInstanceId: string, name: string, signal: AbortSignal): Promise<string | null> {
      const answer = await http.request({
        method: 'GET',
        path: '/variable-instance',
        query: {
          processInstanceIdIn: processInstanceId,
          activityInstanceIdIn: processInstanceId,
          variableName: name,
          deserializeValues: false,
          firstResult: 0,
          maxResults: 1,
        },
        signal,
        attempted: 'could not read a variable of a process instance',
        context: { processInstanceId },
      });
      return text(parseRows(answer.data)[0]?.value);
    },
  };
}

function parseVersion(row: Row): DeployedVersion {
  return {
    id: required(row, 'id'),
    version: Number(row.version),
    versionTag: text(row.versionTag),
    deploymentId: required(row, 'deploymentId'),
  };
}

function required(row: Row, field: string): string {
  const found = text(row[field]);
  if (found !== null) return found;
  throw new FormvaultError('ENGINE_UNAVAILABLE', `expected the field ${field} in an answer of the engine`);
}
