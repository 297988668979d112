/**
 * Whether the engine keeps variable updates, which it does at history level FULL only (F9).
 *
 * No call tells the level on all engines. An update in the history proves FULL; variables without a single update prove less.
 * On an engine that has neither yet, a task of our own that belongs to no process gets a variable and is deleted again.
 */
import { randomUUID } from 'node:crypto';
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { parseRows } from './history-rows.ts';

export type HistoryLevel = 'full' | 'unknown';

type Query = Record<string, string | number | boolean>;

/**
 * `unknown` when the engine has no history yet and does not let us try.
 * @throws FormvaultError HISTORY_LEVEL_TOO_LOW, ENGINE_UNAVAILABLE, ENGINE_REJECTED
 */
export async function readHistoryLevel(http: HttpClient, signal: AbortSignal): Promise<HistoryLevel> {
  const has = async (path: string, query: Query): Promise<boolean> => {
    const answer = await http.request({
      method: 'GET',
      path,
      query: { ...query, firstResult: 0, maxResults: 1, deserializeValues: false },
      signal,
      attempted: 'could not read the history level of the engine',
    });
    return parseRows(answer.data).length > 0;
  };
  const hasUpdate = () => has('/history/detail', { variableUpdates: true, sortBy: 'time', sortOrder: 'desc' });
  if (await hasUpdate()) return 'full';
  if (await has('/history/variable-instance', {})) {
    // The first variable of all may have been written between the two questions: it comes with its update or without.
    if (await hasUpdate()) return 'full';
    throw tooLow();
  }

  const taskId = `formvault-probe-${randomUUID()}`;
  const attempted = 'could not try out the history level of the engine';
  try {
    await http.request({
      method: 'POST',
      path: '/task/create',
      body: { id: taskId, name: 'Formvault: try-out' },
      signal,
      attempted,
    });
  } catch (error) {
    if (failureCodeOf(error) === 'ENGINE_REJECTED') return 'unknown';
    throw error;
  }
  try {
    const body = { value: true, type: 'Boolean' };
    await http.request({ method: 'PUT', path: `/task/${taskId}/localVariables/probe`, body, signal, attempted });
    if (await has('/history/detail', { variableUpdates: true, taskId })) return 'full';
    throw tooLow();
  } finally {
    await http.request({ method: 'DELETE', path: `/task/${taskId}`, signal, attempted }).catch(() => undefined);
  }
}

function tooLow(): FormvaultError {
  return new FormvaultError('HISTORY_LEVEL_TOO_LOW', 'could not find variable updates in the history of the engine');
}
