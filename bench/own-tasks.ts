/** What stands in the engine for changes that were handed over, seen and moved from outside of Formvault. */
import { createEngineCalls } from '../dev/clients/engine-calls.ts';
import { deleteOwnDeployments } from '../dev/clients/own-deployments.ts';
import { pause } from '../src/time/pause.ts';

export type OwnTasks = ReturnType<typeof createOwnTasks>;

const PROCESS = '/process-definition/key/formvault-persist';

/** Supposes that nothing else in the engine has external tasks or incidents. */
export function createOwnTasks(engineUrl: string) {
  const engine = createEngineCalls(engineUrl);
  const { http } = engine;
  const count = async (path: string, params: object = {}): Promise<number> => {
    return (await http.get<{ count: number }>(`/${path}/count`, { params })).data.count;
  };

  return {
    tasks: () => count('external-task'),
    tasksWithoutRetries: () => count('external-task', { noRetriesLeft: true }),
    /** Those on the sources too. */
    incidents: () => count('incident'),

    /** No worker gets a task until they go on. */
    async hold(): Promise<void> {
      await http.put(`${PROCESS}/suspended`, { suspended: true, includeProcessInstances: true });
    },
    async goOn(): Promise<void> {
      await http.put(`${PROCESS}/suspended`, { suspended: false, includeProcessInstances: true });
    },

    /** One more attempt for all that have none left, in one request. */
    async retryAll(): Promise<void> {
      await http.put('/external-task/retries', { retries: 1, externalTaskQuery: { noRetriesLeft: true } });
    },

    /** An engine belongs to one environment: the next Formvault on it may have another. */
    deleteAll: () => deleteOwnDeployments(engine, () => true),
  };
}

/** Looks until it is so, and says when that was (`performance.now()`). */
export async function untilSo(
  what: string,
  isSo: () => Promise<boolean>,
  { withinMs, everyMs, signal }: { withinMs: number; everyMs: number; signal: AbortSignal },
): Promise<number> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    if (await isSo()) return performance.now();
    if (performance.now() > untilMs) throw new Error(`not so within ${withinMs / 1000} s: ${what}`);
    await pause(everyMs, signal);
  }
}
