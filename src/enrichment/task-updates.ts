/** What was written while user tasks were open -> the data and files of their submissions. */
import type { EngineHistory } from '../engine/engine-history.ts';
import { isoOfEngineTime, parseEngineTime } from '../engine/engine-time.ts';
import { isJson, type VariableUpdate } from '../engine/history-rows.ts';
import { type PageSize, readAllRows } from '../engine/read-window.ts';
import { FormvaultError } from '../errors.ts';
import { jsonOrText, type TaskVariable } from '../submission/build-from-task.ts';
import type { TaskChange } from '../submission/change.ts';

const INSTANCES_AT_A_TIME = 50;
/** Input mappings run before the task starts, output mappings after it ends; both carry its activity instance. */
const MARGIN_MS = 60_000;
const FILE_TYPES = new Set(['file', 'bytes']);

/** All updates in the activity instances of some tasks, in the order of time, by activity instance. */
export async function readUpdatesOfTasks(
  history: Pick<EngineHistory, 'readUpdatesOf'>,
  tasks: TaskChange[],
  pageSize: PageSize,
  signal: AbortSignal,
): Promise<Map<string, VariableUpdate[]>> {
  const updates = new Map<string, VariableUpdate[]>();
  for (const { activityInstanceId } of tasks) if (activityInstanceId !== null) updates.set(activityInstanceId, []);
  const instances = [...new Set(tasks.flatMap(({ processInstanceId }) => processInstanceId ?? []))];
  for (let at = 0; at < instances.length; at += INSTANCES_AT_A_TIME) {
    const some = new Set(instances.slice(at, at + INSTANCES_AT_A_TIME));
    const theirs = tasks.filter(({ processInstanceId }) => processInstanceId !== null && some.has(processInstanceId));
    const window = {
      fromMs: Math.min(...theirs.map(({ task }) => Date.parse(task.startTime))) - MARGIN_MS,
      toMs: Math.max(...theirs.map(({ timeMs }) => timeMs)) + MARGIN_MS,
    };
    const readPage = history.readUpdatesOf.bind(history, [...some]);
    for (const { change } of await readAllRows(readPage, window, pageSize, signal)) {
      if (change !== null) updates.get(change.activityInstanceId ?? '')?.push(change);
    }
  }
  return updates;
}

/** The last value of each variable that was written after the task's start. */
export function lastValues(
  history: Pick<EngineHistory, 'readFile'>,
  { task }: TaskChange,
  updates: VariableUpdate[],
): TaskVariable[] {
  const startMs = Date.parse(task.startTime);
  // Some databases keep whole seconds: there, what was written in the first second cannot be told from an input mapping.
  const isWholeSeconds = [startMs, Date.parse(task.endTime), ...updates.map(({ timeMs }) => timeMs)].every(
    (timeMs) => timeMs % 1000 === 0,
  );
  const last = new Map<string, VariableUpdate>();
  for (const update of updates) {
    if (update.timeMs > startMs || (isWholeSeconds && update.timeMs === startMs)) last.set(update.name, update);
  }
  return [...last.values()].map((update) => asTaskVariable(history, update));
}

function asTaskVariable(history: Pick<EngineHistory, 'readFile'>, update: VariableUpdate): TaskVariable {
  const { name, value } = update;
  const type = update.type.toLowerCase();
  if (FILE_TYPES.has(type)) {
    return {
      name,
      attachment: {
        variable: name,
        fileName: update.fileName ?? `${name}.bin`,
        contentType: update.mimeType ?? 'application/octet-stream',
        read: (signal) => readFile(history, update, signal),
      },
    };
  }
  if (value === null) return { name, json: 'null' };
  if (typeof value === 'boolean') return { name, json: String(value) };
  if (typeof value === 'object') return { name, json: value.numberText };
  if (isJson(update)) return { name, json: jsonOrText(value) };
  const isDate = type === 'date' && parseEngineTime(value) !== null;
  return { name, json: JSON.stringify(isDate ? isoOfEngineTime(value) : value) };
}

async function readFile(
  history: Pick<EngineHistory, 'readFile'>,
  { id }: VariableUpdate,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await history.readFile(id, signal);
  if (bytes !== null) return bytes;
  throw new FormvaultError('SOURCE_GONE', 'could not find a file of the task in the history', {
    context: { detail: id },
  });
}
