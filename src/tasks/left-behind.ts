/**
 * Tasks that a worker before us on this machine had in hand when it ended without a word.
 *
 * One of them may be what ended it, and would end us too. So each has that counted the first time that it is fetched again, and
 * comes back at a time of its own, where it takes no others along. What has ended two workers is an incident; what did not,
 * is kept at the next attempt. A task that is reported or retried meanwhile has other retries than before, and is not meant.
 *
 * For the engine a task that waits for its next attempt is locked as well, by whoever reported it. Its retries tell such a one
 * from one that is being run.
 */
import type { EngineExternalTasks } from '../engine/engine-external-tasks.ts';
import type { LockedTask } from './topic-worker.ts';

export const IN_HAND_AT_THE_END = 'could not keep what Formvault had in hand when it ended';
/** Of a task that was in hand: while it waits, and while it is run. */
export const RETRIES_WAITING = 2;
export const RETRIES_RUNNING = 1;

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
          const isWaiting = wasInHand(task) && task.retries === RETRIES_WAITING;
          if (hasEndedHere(task.workerId) && !isWaiting) retriesOf.set(task.id, task.retries);
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

/** Whether a task was in hand when a worker ended, by what was reported of it last. */
export function wasInHand({ errorMessage }: Pick<LockedTask, 'errorMessage'>): boolean {
  return errorMessage?.includes(IN_HAND_AT_THE_END) ?? false;
}
