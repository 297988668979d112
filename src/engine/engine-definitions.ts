import { type FailureContext, failureCodeOf } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { isAbsent, type ProcessInstance, parseProcessInstance, parseRows, text } from './history-rows.ts';

/** Process definitions and running instances, over the engine's REST API. Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED. */
export type EngineDefinitions = ReturnType<typeof createEngineDefinitions>;

/** Of an instance. What stands in a form may be anything, and web servers refuse much of it in an address. */
const ID = /^\w[\w.:-]{0,63}$/;
/** What the engine's column holds. */
const MAX_BUSINESS_KEY_LENGTH = 255;

export function createEngineDefinitions(http: HttpClient) {
  return {
    /** The BPMN as it was deployed; `null` when its deployment is gone. It never changes for one id. */
    async findXml(processDefinitionId: string, signal: AbortSignal): Promise<string | null> {
      const request = http.request({
        method: 'GET',
        path: `/process-definition/${encodeURIComponent(processDefinitionId)}/xml`,
        signal,
        attempted: 'could not read the BPMN of a process definition',
        accept: [404],
      });
      const answer = await request.catch((error: unknown) => {
        if (isAbsenceOfOld(error)) return null;
        throw error;
      });
      return answer === null || isAbsent(answer)
        ? null
        : text((answer.data as Record<string, unknown> | null)?.bpmn20Xml);
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
      if (!ID.test(id)) return null;
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
      if (!canBeBusinessKey(businessKey)) return null;
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

/** Older engines answer 400 where newer ones answer 404: `ProcessDefinitionResourceImpl.getProcessDefinitionBpmn20Xml`. */
function isAbsenceOfOld(error: unknown): boolean {
  const { status, type } = (error as { context?: FailureContext } | null)?.context ?? {};
  return failureCodeOf(error) === 'ENGINE_REJECTED' && status === 400 && type === 'InvalidRequestException';
}

/** PostgreSQL takes no NUL in a text; asked for one, the engine answers with a fault of its database each time. */
function canBeBusinessKey(text: string): boolean {
  return !text.includes('\0') && [...text].length <= MAX_BUSINESS_KEY_LENGTH;
}
