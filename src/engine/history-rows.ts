/** Rows of the engine's history as they come over the wire -> our words. Unknown fields are passed over. */
import { FormvaultError } from '../errors.ts';
import type { ChangeRef, TaskChange, UserTask, VariableChange } from '../submission/change.ts';
import { parseEngineTime } from './engine-time.ts';

/** A number with its own text, which JavaScript's numbers would round. */
export type NumberText = { numberText: string };

/** One write to a variable, of any type. Files and bytes have no value here; `readFile` reads them. */
export type VariableUpdate = {
  id: string;
  timeMs: number;
  name: string;
  /** The engine's name of the type: `Json`, `String`, `Long`, `File`, … */
  type: string;
  activityInstanceId: string | null;
  value: string | NumberText | boolean | null;
  serializationFormat: string | null;
  fileName: string | null;
  mimeType: string | null;
};

export type ProcessInstance = {
  id: string;
  businessKey: string | null;
  rootProcessInstanceId: string | null;
  processDefinitionId: string | null;
};

type Row = Record<string, unknown>;

const JSON_FORMAT = 'application/json';
export const OWN_PROCESS_KEY = 'formvault-persist';

export function parseRows(answer: unknown): Row[] {
  if (!Array.isArray(answer) || !answer.every((row) => typeof row === 'object' && row !== null)) {
    throw new FormvaultError('ENGINE_UNAVAILABLE', 'expected a list of rows from the engine');
  }
  return answer;
}

/**
 * Whether an answer says that there is no such thing. Engine and proxies also answer 404 while they start; only the engine's own
 * errors have a type.
 */
export function isAbsent({ status, data }: { status: number; data: unknown }): boolean {
  if (status !== 404) return false;
  if (typeof (data as Row | null)?.type === 'string') return true;
  throw new FormvaultError('ENGINE_UNAVAILABLE', 'expected an answer of the engine itself', { context: { status } });
}

/** Keeps the text of the numbers called `value`, so that a Long beyond 2^53 stays what it was. */
export function parseWithNumberTexts(text: string): unknown {
  type Context = { source?: string };
  const revive = (key: string, value: unknown, context?: Context): unknown =>
    key === 'value' && typeof value === 'number' ? { numberText: context?.source ?? String(value) } : value;
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

export function parseVariableChange(row: Row): VariableChange {
  return {
    kind: 'variable',
    ref: `detail/${requiredText(row, 'id')}`,
    timeMs: requiredTime(row, 'time'),
    ...parsePlace(row),
    variableName: requiredText(row, 'variableName'),
    variableInstanceId: requiredText(row, 'variableInstanceId'),
    revision: typeof row.revision === 'number' ? row.revision : 0,
    userOperationId: text(row.userOperationId),
    text: text(row.value) ?? '',
  };
}

export function parseVariableUpdate(row: Row): VariableUpdate {
  const info = (typeof row.valueInfo === 'object' && row.valueInfo !== null ? row.valueInfo : {}) as Row;
  return {
    id: requiredText(row, 'id'),
    timeMs: requiredTime(row, 'time'),
    name: requiredText(row, 'variableName'),
    type: text(row.variableType) ?? '',
    activityInstanceId: text(row.activityInstanceId),
    value: parseValue(row.value),
    serializationFormat: text(info.serializationDataFormat),
    fileName: text(info.filename),
    mimeType: text(info.mimeType),
  };
}

/** Whether a variable holds JSON: type `Json`, or an object that was serialised as JSON. */
export function isJson(update: VariableUpdate): boolean {
  return update.type.toLowerCase() === 'json' || update.serializationFormat?.toLowerCase() === JSON_FORMAT;
}

/** `null` for a task that is not completed, or that ended in another way (cancelled, by a BPMN error). */
export function parseTaskChange(row: Row): TaskChange | null {
  const endTimeMs = parseEngineTime(row.endTime);
  if (row.deleteReason !== 'completed' || endTimeMs === null) return null;
  const task = parseUserTask(row);
  return {
    kind: 'task',
    ref: `task/${task.id}`,
    timeMs: endTimeMs,
    ...parsePlace(row),
    task: { ...task, endTime: new Date(endTimeMs).toISOString() },
  };
}

/** A task that ended in another way; it counts as a row and is no change. */
export type EndOfTask = { ref: ChangeRef; timeMs: number };

export function parseEndOfTask(row: Row): EndOfTask {
  return { ref: `task/${requiredText(row, 'id')}`, timeMs: requiredTime(row, 'endTime') };
}

export function parseUserTask(row: Row): UserTask {
  const endTimeMs = parseEngineTime(row.endTime);
  return {
    id: requiredText(row, 'id'),
    definitionKey: text(row.taskDefinitionKey) ?? '',
    name: text(row.name),
    assignee: text(row.assignee),
    startTime: new Date(requiredTime(row, 'startTime')).toISOString(),
    endTime: endTimeMs === null ? null : new Date(endTimeMs).toISOString(),
  };
}

export function parseProcessInstance(row: Row): ProcessInstance {
  return {
    id: requiredText(row, 'id'),
    businessKey: text(row.businessKey),
    rootProcessInstanceId: text(row.rootProcessInstanceId),
    processDefinitionId: text(row.processDefinitionId) ?? text(row.definitionId),
  };
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function parsePlace(row: Row) {
  return {
    processInstanceId: text(row.processInstanceId),
    rootProcessInstanceId: text(row.rootProcessInstanceId),
    processDefinitionId: text(row.processDefinitionId),
    processDefinitionKey: text(row.processDefinitionKey),
    activityInstanceId: text(row.activityInstanceId),
    tenantId: text(row.tenantId),
  };
}

function parseValue(value: unknown): VariableUpdate['value'] {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return { numberText: String(value) };
  if (typeof value === 'object' && value !== null && typeof (value as NumberText).numberText === 'string') {
    return value as NumberText;
  }
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function requiredText(row: Row, field: string): string {
  const found = text(row[field]);
  if (found === null) throw unreadable(field);
  return found;
}

function requiredTime(row: Row, field: string): number {
  const found = parseEngineTime(row[field]);
  if (found === null) throw unreadable(field);
  return found;
}

function unreadable(field: string): FormvaultError {
  return new FormvaultError('ENGINE_UNAVAILABLE', `expected the field ${field} in a row of the engine's history`, {
    hint: 'Check that ENGINE_URL leads to the REST API of the engine itself, and that nothing between changes its answers.',
  });
}
