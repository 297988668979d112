import { LRUCache } from 'lru-cache';
import type { EngineHistory } from '../engine/engine-history.ts';
import type { TaskChange, UserTask, VariableWriting } from '../submission/change.ts';

/** The user tasks behind activity instances; those that the feed brought along cost no request. */
export type UserTasks = ReturnType<typeof createUserTasks>;

const REMEMBERED = 5_000;

export function createUserTasks(history: Pick<EngineHistory, 'readUserTasks'>) {
  const completed = new LRUCache<string, UserTask>({ max: REMEMBERED });

  return {
    remember({ activityInstanceId, task }: TaskChange): void {
      if (activityInstanceId !== null) completed.set(activityInstanceId, task);
    },

    /** The user task in whose activity instance each variable was written; the others are left out. */
    async readAll(changes: VariableWriting[], signal: AbortSignal): Promise<Map<string, UserTask>> {
      const found = new Map<string, UserTask>();
      const unknown = new Set<string>();
      for (const { activityInstanceId, processInstanceId } of changes) {
        // What is written at the start or outside of any activity carries the process instance's own id.
        if (activityInstanceId === null || activityInstanceId === processInstanceId) continue;
        const task = completed.get(activityInstanceId);
        if (task === undefined) unknown.add(activityInstanceId);
        else found.set(activityInstanceId, task);
      }
      if (unknown.size === 0) return found;
      for (const [id, task] of await history.readUserTasks([...unknown], signal)) found.set(id, task);
      return found;
    },
  };
}
