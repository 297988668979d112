import type { HttpClient } from '../http/http-client.ts';
import { formatEngineTime } from './engine-time.ts';
import { isAbsent, parseRows, text } from './history-rows.ts';

/** What the engine has of the forms of user tasks: definitions and the files they were deployed with. None of it ever changes. */
export type EngineForms = ReturnType<typeof createEngineForms>;

export type DeployedDefinition = { key: string; deploymentId: string; tenantId: string | null };
export type DeployedFile = { id: string; name: string };
export type DeploymentPage = {
  beforeMs: number;
  /** Newest or oldest first. */
  order: 'desc' | 'asc';
  /** Deployments of this tenant and those of none; without one only those of none. */
  tenantId: string | null;
  first: number;
  size: number;
};

const TIMEOUT_MS = 4_000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED; a file above 4 MB is `isTooLarge`. */
export function createEngineForms(http: HttpClient) {
  return {
    /** `null` when its deployment is gone. */
    async findDefinition(processDefinitionId: string, signal: AbortSignal): Promise<DeployedDefinition | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/process-definition/${encodeURIComponent(processDefinitionId)}`,
        signal,
        attempted: 'could not read a process definition',
        accept: [404],
        timeoutMs: TIMEOUT_MS,
      });
      if (isAbsent(answer)) return null;
      const row = answer.data as Record<string, unknown> | null;
      const [key, deploymentId] = [text(row?.key), text(row?.deploymentId)];
      return key === null || deploymentId === null ? null : { key, deploymentId, tenantId: text(row?.tenantId) };
    },

    /** Where in which process a task was, by its id; `null` when its history is gone. */
    async findTask(taskId: string, signal: AbortSignal) {
      const answer = await http.request({
        method: 'GET',
        path: '/history/task',
        query: { taskId, firstResult: 0, maxResults: 1 },
        signal,
        attempted: 'could not read the task of a form',
        timeoutMs: TIMEOUT_MS,
      });
      const row = parseRows(answer.data)[0];
      const [processDefinitionId, activityId] = [text(row?.processDefinitionId), text(row?.taskDefinitionKey)];
      return processDefinitionId === null || activityId === null ? null : { processDefinitionId, activityId };
    },

    /** The files of a deployment; none when it is gone. */
    async readFiles(deploymentId: string, signal: AbortSignal): Promise<DeployedFile[]> {
      const answer = await http.request({
        method: 'GET',
        path: `/deployment/${encodeURIComponent(deploymentId)}/resources`,
        signal,
        attempted: 'could not read the files of a deployment',
        accept: [404],
        timeoutMs: TIMEOUT_MS,
      });
      if (isAbsent(answer)) return [];
      return parseRows(answer.data).flatMap((row) => {
        const [id, name] = [text(row.id), text(row.name)];
        return id === null || name === null ? [] : [{ id, name }];
      });
    },

    /** `null` when it is gone. */
    async findFile(deploymentId: string, fileId: string, signal: AbortSignal): Promise<string | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/deployment/${encodeURIComponent(deploymentId)}/resources/${encodeURIComponent(fileId)}/data`,
        signal,
        attempted: 'could not read a deployed form',
        responseType: 'text',
        accept: [404],
        maxBytes: MAX_FILE_BYTES,
        timeoutMs: TIMEOUT_MS,
      });
      return answer.status === 404 ? null : answer.data;
    },

    /** The ids of deployments in the order of time. */
    async readDeployments(page: DeploymentPage, signal: AbortSignal): Promise<string[]> {
      const ofTenant = { tenantIdIn: page.tenantId, includeDeploymentsWithoutTenantId: true };
      const answer = await http.request({
        method: 'GET',
        path: '/deployment',
        query: {
          before: formatEngineTime(page.beforeMs),
          ...(page.tenantId === null ? { withoutTenantId: true } : ofTenant),
          sortBy: 'deploymentTime',
          sortOrder: page.order,
          firstResult: page.first,
          maxResults: page.size,
        },
        signal,
        attempted: 'could not look for deployments',
        timeoutMs: TIMEOUT_MS,
      });
      return parseRows(answer.data).flatMap((row) => text(row.id) ?? []);
    },
  };
}
