import type { EngineCalls } from '../../dev/clients/engine-calls.ts';

/** A write to a variable as the engine recorded it. */
export type Update = { id: string; variableName: string; revision: number; at: string; activityInstanceId: string };

/** The writes to the variables of an instance, or to one of them, oldest first. */
export async function readUpdates(engine: EngineCalls, processInstanceId: string, name?: string): Promise<Update[]> {
  const params = {
    processInstanceId,
    variableUpdates: true,
    deserializeValues: false,
    sortBy: 'time',
    sortOrder: 'asc',
  };
  const { data } = await engine.http.get<(Update & { time: string })[]>('/history/detail', { params });
  return data
    .map((row) => ({ ...row, at: new Date(row.time).toISOString() }))
    .filter(({ variableName }) => name === undefined || variableName === name);
}

/** The only write to a variable. */
export async function readUpdate(engine: EngineCalls, processInstanceId: string, name: string): Promise<Update> {
  const [update, ...others] = await readUpdates(engine, processInstanceId, name);
  if (update === undefined || others.length > 0) throw new Error(`${name} was not written exactly once`);
  return update;
}

export type PastTask = { id: string; startTime: string; endTime: string; activityInstanceId: string };

/** A user task that has ended; its times in ISO 8601 UTC. */
export async function readPastTask(engine: EngineCalls, taskId: string): Promise<PastTask> {
  const { data } = await engine.http.get<PastTask[]>('/history/task', { params: { taskId } });
  const [task] = data;
  if (task === undefined) throw new Error('the history does not have the task');
  const iso = (time: string) => new Date(time).toISOString();
  return { ...task, startTime: iso(task.startTime), endTime: iso(task.endTime) };
}

/** The engine's own time, as FEED_START takes it. */
export async function readEngineTime(engine: EngineCalls): Promise<string> {
  const { headers } = await engine.http.get('/engine');
  return new Date(String(headers.date)).toISOString();
}
