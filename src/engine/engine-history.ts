/**
 * What Formvault reads from the engine's history, over the documented REST API.
 *
 * Every query is bounded: an unbounded one can end the engine. Times are closed windows in the engine's clock.
 * Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED.
 */
import type { HttpClient } from '../http/http-client.ts';
import type { TaskChange, UserTask, VariableChange } from '../submission/change.ts';
import type { EngineClock } from '../time/engine-clock.ts';
import type { Window } from '../time/window.ts';
import { formatEngineTime } from './engine-time.ts';
import {
  type EndOfTask,
  isAbsent,
  OWN_PROCESS_KEY,
  type ProcessInstance,
  parseEndOfTask,
  parseProcessInstance,
  parseRows,
  parseTaskChange,
  parseUserTask,
  parseVariableChange,
  parseVariableUpdate,
  parseWithNumberTexts,
  text,
  type VariableUpdate,
} from './history-rows.ts';

/** One page in the order of time. `change` is `null` for a row that is no change of ours. */
export type Page<T> = { rows: { id: string; timeMs: number; change: T | null }[]; bytes: number };

/** What a person did: everything in one request, or the completion of a task. */
export type UserOperation = { processInstanceId: string; operationId: string } | { taskId: string };

export type EngineHistory = ReturnType<typeof createEngineHistory>;

type Json = Record<string, unknown>;

const JSON_TYPES = ['json', 'spin://application/json'];
const LOOKUP_SIZE = 200;
/** A scan of 100 MB over a line of 2 Mbit/s. */
const LONGEST_FILE_MS = 600_000;

export function createEngineHistory(http: HttpClient, clock: EngineClock) {
  async function query(path: string, body: Json, maxResults: number, attempted: string, signal: AbortSignal) {
    const answer = await http.request({
      method: 'POST',
      path,
      query: { firstResult: 0, maxResults, deserializeValues: false },
      body,
      signal,
      attempted,
      ...(path === '/history/detail' && body.variableTypeIn === undefined ? { parse: parseWithNumberTexts } : {}),
    });
    clock.observe(answer.dateMs);
    return { rows: parseRows(answer.data), bytes: answer.bytes };
  }

  async function count(
    path: string,
    parameters: Record<string, string | boolean>,
    attempted: string,
    signal: AbortSignal,
  ) {
    const answer = await http.request({ method: 'GET', path, query: parameters, signal, attempted });
    clock.observe(answer.dateMs);
    return Number((answer.data as Json | null)?.count ?? 0);
  }

  /** Reads what belongs to many ids, some at a time; there is one row for an id at the most. */
  async function readByIds(path: string, filter: string, ids: string[], attempted: string, signal: AbortSignal) {
    const rows: Json[] = [];
    for (let at = 0; at < ids.length; at += LOOKUP_SIZE) {
      const some = ids.slice(at, at + LOOKUP_SIZE);
      rows.push(...(await query(path, { [filter]: some }, some.length, attempted, signal)).rows);
    }
    return rows;
  }

  async function readVariablePage(
    filter: Json,
    window: Window,
    maxRows: number,
    signal: AbortSignal,
  ): Promise<Page<VariableChange>> {
    const of = { variableUpdates: true, variableTypeIn: JSON_TYPES, ...filter };
    const body = { ...of, ...occurredIn(window), sorting: byTime('time') };
    const attempted = 'could not read the variable updates';
    const { rows, bytes } = await query('/history/detail', body, maxRows, attempted, signal);
    return { bytes, rows: rows.map((row) => asPageRow(parseVariableChange(row))) };
  }

  async function readTaskPage(
    filter: Json,
    window: Window,
    maxRows: number,
    signal: AbortSignal,
  ): Promise<Page<TaskChange>> {
    const of = { finished: true, taskDeleteReason: 'completed', ...filter };
    const body = { ...of, ...finishedIn(window), sorting: byTime('endTime') };
    const { rows, bytes } = await query('/history/task', body, maxRows, 'could not read the finished tasks', signal);
    return { bytes, rows: rows.map((row) => asPageRow<TaskChange>(parseTaskChange(row) ?? parseEndOfTask(row))) };
  }

  return {
    /** JSON variables and objects serialised as JSON, as they were written. */
    readVariableChanges: (window: Window, maxRows: number, signal: AbortSignal) =>
      readVariablePage({}, window, maxRows, signal),

    countVariableChanges(window: Window, signal: AbortSignal): Promise<number> {
      const parameters = { variableUpdates: true, variableTypeIn: JSON_TYPES.join(), ...occurredIn(window) };
      return count('/history/detail/count', parameters, 'could not count the variable updates', signal);
    },

    /** User tasks that were completed. */
    readTaskChanges: (window: Window, maxRows: number, signal: AbortSignal) =>
      readTaskPage({}, window, maxRows, signal),

    /** Both feeds of one process instance. */
    readVariableChangesOf: (id: string, window: Window, maxRows: number, signal: AbortSignal) =>
      readVariablePage({ processInstanceId: id }, window, maxRows, signal),
    readTaskChangesOf: (id: string, window: Window, maxRows: number, signal: AbortSignal) =>
      readTaskPage({ processInstanceId: id }, window, maxRows, signal),

    countTaskChanges(window: Window, signal: AbortSignal): Promise<number> {
      const parameters = { finished: true, taskDeleteReason: 'completed', ...finishedIn(window) };
      return count('/history/task/count', parameters, 'could not count the finished tasks', signal);
    },

    /** Everything that was written in some process instances, of any type. */
    async readUpdatesOf(
      processInstanceIds: string[],
      window: Window,
      maxRows: number,
      signal: AbortSignal,
    ): Promise<Page<VariableUpdate>> {
      const body = {
        variableUpdates: true,
        processInstanceIdIn: processInstanceIds,
        ...occurredIn(window),
        sorting: byOccurrence('asc'),
      };
      const { rows, bytes } = await query('/history/detail', body, maxRows, 'could not read the data of tasks', signal);
      const updates = rows.map(parseVariableUpdate);
      return { bytes, rows: updates.map((change) => ({ id: change.id, timeMs: change.timeMs, change })) };
    },

    /** The earlier JSON values of one variable, oldest first. */
    async readEarlierValues(
      change: VariableChange,
      window: Window,
      maxRows: number,
      signal: AbortSignal,
    ): Promise<Page<VariableChange>> {
      const body = {
        variableUpdates: true,
        variableInstanceId: change.variableInstanceId,
        variableTypeIn: JSON_TYPES,
        ...occurredIn(window),
        sorting: byTime('time'),
      };
      const attempted = 'could not read the earlier values of a variable';
      const { rows, bytes } = await query('/history/detail', body, maxRows, attempted, signal);
      return { bytes, rows: rows.map((row) => asPageRow(parseVariableChange(row))) };
    },

    /** The user tasks behind activity instances, by activity instance; others are left out. */
    async readUserTasks(activityInstanceIds: string[], signal: AbortSignal): Promise<Map<string, UserTask>> {
      const attempted = 'could not read the tasks behind variable updates';
      const rows = await readByIds('/history/task', 'activityInstanceIdIn', activityInstanceIds, attempted, signal);
      return new Map(rows.map((row) => [text(row.activityInstanceId) ?? '', parseUserTask(row)]));
    },

    async readProcessInstances(ids: string[], signal: AbortSignal): Promise<Map<string, ProcessInstance>> {
      const attempted = 'could not read process instances';
      const rows = await readByIds('/history/process-instance', 'processInstanceIds', ids, attempted, signal);
      return new Map(rows.map((row) => [text(row.id) ?? '', parseProcessInstance(row)]));
    },

    /** One change again, by its reference; `null` when the engine no longer has it. */
    async findVariableChange(id: string, signal: AbortSignal): Promise<VariableChange | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/history/detail/${encodeURIComponent(id)}`,
        query: { deserializeValue: false },
        signal,
        attempted: 'could not read a variable update',
        accept: [404],
      });
      return isAbsent(answer) ? null : parseVariableChange(answer.data as Json);
    },

    /** What a variable holds by now; the change itself when nothing was written after it. */
    async findLastValue(change: VariableChange, signal: AbortSignal): Promise<VariableChange | null> {
      const body = {
        variableUpdates: true,
        variableInstanceId: change.variableInstanceId,
        occurredAfter: formatEngineTime(change.timeMs),
        sorting: byOccurrence('desc'),
      };
      const attempted = 'could not read the last value of a variable';
      const { rows } = await query('/history/detail', { ...body, variableTypeIn: JSON_TYPES }, 1, attempted, signal);
      return rows[0] === undefined ? null : parseVariableChange(rows[0]);
    },

    async findTaskChange(id: string, signal: AbortSignal): Promise<TaskChange | null> {
      const { rows } = await query('/history/task', { taskId: id }, 1, 'could not read a finished task', signal);
      return rows[0] === undefined ? null : parseTaskChange(rows[0]);
    },

    /** Whether the engine keeps a user operation log at all; without sign-in to its REST API it does not. */
    async hasUserOperations(signal: AbortSignal): Promise<boolean> {
      const answer = await http.request({
        method: 'GET',
        path: '/history/user-operation',
        query: { sortBy: 'timestamp', sortOrder: 'desc', firstResult: 0, maxResults: 1 },
        signal,
        attempted: 'could not read the user operation log',
      });
      return parseRows(answer.data).length > 0;
    },

    /** Who did an operation, by the user operation log; `null` when it says nothing. */
    async findUser(operation: UserOperation, signal: AbortSignal): Promise<string | null> {
      const completion = { entityType: 'Task', operationType: 'Complete' };
      const answer = await http.request({
        method: 'GET',
        path: '/history/user-operation',
        query: { ...operation, ...('taskId' in operation ? completion : {}), maxResults: 1 },
        signal,
        attempted: 'could not read the user operation log',
      });
      return text(parseRows(answer.data)[0]?.userId);
    },

    /** The bytes of a file or byte variable as it was written; `null` when there are none. */
    async readFile(detailId: string, signal: AbortSignal): Promise<Uint8Array | null> {
      const answer = await http.request({
        method: 'GET',
        path: `/history/detail/${encodeURIComponent(detailId)}/data`,
        signal,
        attempted: 'could not read a file of a task',
        responseType: 'bytes',
        accept: [404],
        maxBytes: Number.MAX_SAFE_INTEGER,
        longestMs: LONGEST_FILE_MS,
      });
      return answer.status === 404 ? null : answer.data;
    },
  };
}

/** F6: what our own process writes is no change. */
function asPageRow<T extends VariableChange | TaskChange>(row: T | EndOfTask): Page<T>['rows'][number] {
  const isOurs = 'kind' in row && row.processDefinitionKey !== OWN_PROCESS_KEY;
  return { id: row.ref, timeMs: row.timeMs, change: isOurs ? row : null };
}

function occurredIn({ fromMs, toMs }: Window) {
  return { occurredAfter: formatEngineTime(fromMs), occurredBefore: formatEngineTime(toMs) };
}

function finishedIn({ fromMs, toMs }: Window) {
  return { finishedAfter: formatEngineTime(fromMs), finishedBefore: formatEngineTime(toMs) };
}

function byTime(sortBy: 'time' | 'endTime') {
  return [{ sortBy, sortOrder: 'asc' }];
}

/** One request can write a variable twice in a millisecond; `occurrence` tells which of the two came last. */
function byOccurrence(sortOrder: 'asc' | 'desc') {
  return [
    { sortBy: 'time', sortOrder },
    { sortBy: 'occurrence', sortOrder },
  ];
}
