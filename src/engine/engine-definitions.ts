import type { HttpClient } from '../http/http-client.ts';
import { isAbsent, type ProcessInstance, parseProcessInstance, parseRows, text } from './history-rows.ts';

/** Process definitions and running instances, over the engine's REST API. Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED. */
export type EngineDefinitions = ReturnType<typeof createEngineDefinitions>;

export function createEngineDefinitions(http: HttpClient) {
  return {
    /** The BPMN as it was deployed; `null` when its deployment is gone. It never changes for one id. */
    async findXml(processDefinitionId: string, signal: AbortSignal): Promise<string | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/process-definition/${encodeURIComponent(processDefinitionId)}/xml`,
        signal,
        attempted: 'could not read the BPMN of a process definition',
        accept: [404],
      });
      return isAbsent(answer) ? null : text((answer.data as Record<string, unknown> | null)?.bpmn20Xml);
    },

    /** The newest version of a definition; `null` when there is none any more. */
    async findLatestId(key: string, tenantId: string | null, signal: AbortSignal): Promise<string | null> {
      const tenant = tenantId === null ? { withoutTenantId: true } : { tenantIdIn: tenantId };
      const answer = await http.request({
        method: 'GET',
        path: '/process-definition',
        query: { key, latestVersion: true, ...tenant, maxResults: 1 },
        signal,
        attempted: 'could not read the newest version of a process definition',
      });
      return text(parseRows(answer.data)[0]?.id);
    },

    async findRunningInstance(id: string, signal: AbortSignal): Promise<ProcessInstance | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/process-instance/${encodeURIComponent(id)}`,
        signal,
        attempted: 'could not read a process instance',
        accept: [404],
      });
      return isAbsent(answer) ? null : parseProcessInstance(answer.data as Record<string, unknown>);
    },

    async findRunningInstanceByBusinessKey(businessKey: string, signal: AbortSignal): Promise<ProcessInstance | null> {
      const answer = await http.request({
        method: 'GET',
        path: '/process-instance',
        query: { businessKey, maxResults: 1, firstResult: 0 },
        signal,
        attempted: 'could not read a process instance by its business key',
      });
      const row = parseRows(answer.data)[0];
      return row === undefined ? null : parseProcessInstance(row);
    },
  };
}
