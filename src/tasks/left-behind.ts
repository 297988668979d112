/**
 * Tasks that a worker before us on this machine had in hand when it ended without a word.
 *
 * One of them may be what ended it, and would end us too. So each has that counted the first time that it is fetched again, and
 * comes back at a time of its own, where it takes no others along. What has ended two workers is an incident; what did not,
 * is kept at the next attempt. A task that is reported or retried meanwhile has other retries than before, and is not meant.
 */
import type { EngineExternalTasks } from '../engine/engine-external-tasks.ts';
import type { LockedTask } from './topic-worker.ts';

export type LeftBehind = ReturnType<typeof createLeftBehind>;

export function createLeftBehind(options: {
  externalTasks: Pick<EngineExternalTasks, 'findLocked'>;
  topics: readonly string[];
  /** Whether a worker was one of this machine whose process is no more. */
  hasEndedHere(workerId: string): boolean;
}) {
  const { externalTasks, topics, hasEndedHere } = options;
  const retriesOf = new Map<string, number | null>();

  return {
    /** To be called before the first task is fetched. @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED */
    async find(signal: AbortSignal): Promise<number> {
      for (const topic of topics) {
        for await (const task of externalTasks.findLocked(topic, signal)) {
          if (hasEndedHere(task.workerId)) retriesOf.set(task.id, task.retries);
        }
      }
      return retriesOf.size;
    },

    /** Whether this one was left behind; true once. */
    take({ id, retries }: Pick<LockedTask, 'id' | 'retries'>): boolean {
      const before = retriesOf.get(id);
      if (before === undefined) return false;
      retriesOf.delete(id);
      return before === retries;
    },
  };
}
