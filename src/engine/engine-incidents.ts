/** Incidents and what stands around them, over the engine's REST API. Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED. */
import { FormvaultError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { isAbsent, parseRows, text } from './history-rows.ts';

export type Incident = {
  id: string;
  type: string;
  processInstanceId: string | null;
  executionId: string | null;
  processDefinitionId: string | null;
  configuration: string | null;
  message: string | null;
};

export type NewIncident = { type: string; configuration: string; message: string };

export type EngineIncidents = ReturnType<typeof createEngineIncidents>;

type Json = Record<string, unknown>;

const PAGE_ROWS = 500;
const MAX_CONFLICTS = 8;
const FIRST_CONFLICT_PAUSE_MS = 50;
const LONGEST_CONFLICT_PAUSE_MS = 1_000;
/** The type of the engine's own incidents on external tasks; their configuration is the task's id. */
export const EXTERNAL_TASK_FAILED = 'failedExternalTask';

export function createEngineIncidents(http: HttpClient) {
  async function list(filter: Record<string, string | undefined>, firstResult: number, signal: AbortSignal) {
    const answer = await http.request({
      method: 'GET',
      path: '/incident',
      query: { ...filter, sortBy: 'incidentId', sortOrder: 'asc', firstResult, maxResults: PAGE_ROWS },
      signal,
      attempted: 'could not read the incidents',
    });
    return parseRows(answer.data).map(parseIncident);
  }

  return {
    /** `gone`: the execution has ended; `no-activity`: the engine wants one that stands in an activity. Makes a second one if called twice. */
    async create(
      executionId: string,
      { type, configuration, message }: NewIncident,
      signal: AbortSignal,
    ): Promise<'created' | 'gone' | 'no-activity'> {
      const attempted = 'could not create an incident';
      const { status, data } = await withoutConflict(signal, () =>
        http.request({
          method: 'POST',
          path: `/execution/${encodeURIComponent(executionId)}/create-incident`,
          body: { incidentType: type, configuration, message },
          signal,
          attempted,
          accept: [400],
        }),
      );
      if (status !== 400) return 'created';
      const reason = text((data as Json | null)?.message) ?? '';
      if (/cannot find an execution/i.test(reason)) return 'gone';
      if (/must be related to an activity/i.test(reason)) return 'no-activity';
      throw new FormvaultError('ENGINE_REJECTED', attempted, { context: { status } });
    },

    findByConfiguration(configuration: string, signal: AbortSignal): Promise<Incident[]> {
      return list({ configuration }, 0, signal);
    },

    /** Page by page; one that is passed over because others went away meanwhile is found the next time. */
    async *findOfType(
      incidentType: string,
      { processDefinitionKey }: { processDefinitionKey?: string },
      signal: AbortSignal,
    ): AsyncGenerator<Incident> {
      for (let firstResult = 0; ; firstResult += PAGE_ROWS) {
        const page = await list({ incidentType, processDefinitionKeyIn: processDefinitionKey }, firstResult, signal);
        yield* page;
        if (page.length < PAGE_ROWS) return;
      }
    },

    /** The engine removes every incident with the same configuration along with it, on whatever instance. */
    async remove(incidentId: string, signal: AbortSignal): Promise<'done' | 'gone'> {
      const answer = await http.request({
        method: 'DELETE',
        path: `/incident/${encodeURIComponent(incidentId)}`,
        signal,
        attempted: 'could not remove an incident',
        accept: [404],
      });
      return isAbsent(answer) ? 'gone' : 'done';
    },

    /** An execution that stands in an activity, where an incident can be; `null` when the instance is over. */
    async findLeafExecution(processInstanceId: string, signal: AbortSignal): Promise<string | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/process-instance/${encodeURIComponent(processInstanceId)}/activity-instances`,
        signal,
        attempted: 'could not read where a process instance stands',
        accept: [404],
      });
      return isAbsent(answer) ? null : leafExecution(answer.data as Json | null);
    },

    /** Whether the external task behind an incident waits for a person, runs, or is over. */
    async readRetriesLeft(externalTaskId: string, signal: AbortSignal): Promise<'none' | 'some' | 'gone'> {
      const answer = await http.request({
        method: 'GET',
        path: `/external-task/${encodeURIComponent(externalTaskId)}`,
        signal,
        attempted: 'could not read an external task',
        accept: [404],
      });
      if (isAbsent(answer)) return 'gone';
      return (answer.data as Json | null)?.retries === 0 ? 'none' : 'some';
    },
  };
}

/** Of incidents that are made on one execution at the same time the engine takes one, and rolls the others back. */
async function withoutConflict<T>(signal: AbortSignal, create: () => Promise<T>): Promise<T> {
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await create();
    } catch (error) {
      const { type } = (error as Partial<FormvaultError> | null)?.context ?? {};
      if (type !== 'OptimisticLockingException' || conflicts === MAX_CONFLICTS || signal.aborted) throw error;
      await pause(backOffMs(conflicts, FIRST_CONFLICT_PAUSE_MS, LONGEST_CONFLICT_PAUSE_MS), signal);
    }
  }
}

function parseIncident(row: Json): Incident {
  return {
    id: text(row.id) ?? '',
    type: text(row.incidentType) ?? '',
    processInstanceId: text(row.processInstanceId),
    executionId: text(row.executionId),
    processDefinitionId: text(row.processDefinitionId),
    configuration: text(row.configuration),
    message: text(row.incidentMessage),
  };
}

/** Inner activities first. A called process is no part of the tree: there the call activity is the leaf. */
function leafExecution(node: Json | null): string | null {
  if (node === null) return null;
  const children = parseRows(node.childActivityInstances ?? []);
  const waiting = parseRows(node.childTransitionInstances ?? []);
  for (const child of children) {
    const found = leafExecution(child);
    if (found !== null) return found;
  }
  for (const { executionId } of waiting) {
    if (typeof executionId === 'string') return executionId;
  }
  return Array.isArray(node.executionIds) ? text(node.executionIds[0]) : null;
}
