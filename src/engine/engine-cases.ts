/**
 * What the engine says of cases: their process instances, running or over, and their user tasks.
 *
 * Everything is read from the history, so that what Formvault may read for keeping forms is all it needs here. Every query is
 * bounded; unknown filters are ignored by the engine, so only those are used that every version knows.
 * Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED, SHUTTING_DOWN.
 */
import pLimit from 'p-limit';
import { FormvaultError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { isoOfEngineTime } from './engine-time.ts';
import { OWN_PROCESS_KEY, parseRows, text } from './history-rows.ts';

export type CaseInstance = {
  id: string;
  key: string | null;
  name: string | null;
  definitionId: string | null;
  businessKey: string | null;
  /** ISO 8601, UTC. */
  startDate: string | null;
  /** `null` while it runs. */
  endDate: string | null;
  /** The engine's own word, such as `ACTIVE` or `EXTERNALLY_TERMINATED`. */
  state: string | null;
  tenantId: string | null;
  rootProcessInstanceId: string | null;
  superProcessInstanceId: string | null;
};

export type OpenTask = {
  id: string;
  processInstanceId: string | null;
  name: string | null;
  definitionKey: string | null;
  assignee: string | null;
  /** ISO 8601, UTC. */
  created: string | null;
  due: string | null;
};

/** Whose tasks: those of every instance with a business key in one go, or those of one instance. */
export type TaskScope = { processInstanceBusinessKey: string } | { processInstanceId: string };

export type EngineCases = ReturnType<typeof createEngineCases>;

type Row = Record<string, unknown>;

const PAGE_SIZE = 200;
const LOOKUP_SIZE = 200;
/** Of one reader, so that one large case does not take all connections. */
const IN_FLIGHT = 6;

export function createEngineCases(http: HttpClient) {
  /** All pages in the order of a unique column, which does not shift but for what begins meanwhile. */
  async function readAll(path: string, body: Row, sortBy: string, attempted: string, signal: AbortSignal) {
    const found = new Map<string, Row>();
    for (let firstResult = 0; ; firstResult += PAGE_SIZE) {
      const answer = await http.request({
        method: 'POST',
        path,
        query: { firstResult, maxResults: PAGE_SIZE },
        body: { ...body, sorting: [{ sortBy, sortOrder: 'asc' }] },
        signal,
        attempted,
      });
      const rows = parseRows(answer.data);
      for (const row of rows) found.set(required(row, 'id'), row);
      if (rows.length < PAGE_SIZE) return [...found.values()];
    }
  }

  async function readInstancePages(body: Row, signal: AbortSignal): Promise<CaseInstance[]> {
    const attempted = 'could not read the process instances of cases';
    const rows = await readAll('/history/process-instance', body, 'instanceId', attempted, signal);
    return rows.map(parseInstance).filter(({ key }) => key !== OWN_PROCESS_KEY);
  }

  return {
    /** By id; what the engine no longer has is left out. */
    async readInstances(ids: readonly string[], signal: AbortSignal): Promise<Map<string, CaseInstance>> {
      const found = new Map<string, CaseInstance>();
      for (let at = 0; at < ids.length; at += LOOKUP_SIZE) {
        const some = ids.slice(at, at + LOOKUP_SIZE);
        for (const instance of await readInstancePages({ processInstanceIds: some }, signal)) {
          found.set(instance.id, instance);
        }
      }
      return found;
    },

    readInstancesOfCase: (businessKey: string, signal: AbortSignal) =>
      readInstancePages({ processInstanceBusinessKey: businessKey }, signal),

    /** Oldest first. */
    async readOpenTasks(scopes: readonly TaskScope[], signal: AbortSignal): Promise<OpenTask[]> {
      const attempted = 'could not read the open tasks of a case';
      const limit = pLimit(IN_FLIGHT);
      const pages = await limit.map(scopes, (scope) =>
        readAll('/history/task', { ...scope, unfinished: true }, 'taskId', attempted, signal),
      );
      const tasks = pages.flat().map(parseOpenTask);
      return tasks.sort((a, b) => (a.created ?? '').localeCompare(b.created ?? ''));
    },

    /** However they ended. */
    async countEndedTasks(scopes: readonly TaskScope[], signal: AbortSignal): Promise<number> {
      const limit = pLimit(IN_FLIGHT);
      const counts = await limit.map(scopes, async (scope) => {
        const answer = await http.request({
          method: 'GET',
          path: '/history/task/count',
          query: { ...scope, finished: true },
          signal,
          attempted: 'could not count the tasks of a case',
        });
        return parseCount(answer.data);
      });
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}

function parseInstance(row: Row): CaseInstance {
  return {
    id: required(row, 'id'),
    key: text(row.processDefinitionKey),
    name: text(row.processDefinitionName),
    definitionId: text(row.processDefinitionId),
    businessKey: text(row.businessKey),
    startDate: isoOrNull(row.startTime),
    endDate: isoOrNull(row.endTime),
    state: text(row.state),
    tenantId: text(row.tenantId),
    rootProcessInstanceId: text(row.rootProcessInstanceId),
    superProcessInstanceId: text(row.superProcessInstanceId),
  };
}

function parseOpenTask(row: Row): OpenTask {
  return {
    id: required(row, 'id'),
    processInstanceId: text(row.processInstanceId),
    name: text(row.name),
    definitionKey: text(row.taskDefinitionKey),
    assignee: text(row.assignee),
    created: isoOrNull(row.startTime),
    due: isoOrNull(row.due),
  };
}

function parseCount(answer: unknown): number {
  const count = (answer as Row | null)?.count;
  if (typeof count === 'number') return count;
  throw new FormvaultError('ENGINE_UNAVAILABLE', 'expected a count from the engine');
}

function isoOrNull(value: unknown): string | null {
  const time = text(value);
  return time === null ? null : isoOfEngineTime(time);
}

function required(row: Row, field: string): string {
  const found = text(row[field]);
  if (found !== null) return found;
  throw new FormvaultError('ENGINE_UNAVAILABLE', `expected the field ${field} in an answer of the engine`);
}
