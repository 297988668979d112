import type { EngineHistory } from '../engine/engine-history.ts';
import type { Circumstances } from './enrich-submission.ts';

/** Who wrote a change, by the engine's user operation log. */
export type Users = ReturnType<typeof createUsers>;

const ASK_AGAIN_MS = 60_000;

export function createUsers(
  history: Pick<EngineHistory, 'findUser' | 'hasUserOperations'>,
  nowMs: () => number = () => performance.now(),
) {
  let log = { isKept: false, untilMs: Number.NEGATIVE_INFINITY };

  /** Without sign-in to its REST API the engine keeps no such log, and asking it for each task would be in vain. */
  async function isLogKept(signal: AbortSignal): Promise<boolean> {
    if (nowMs() >= log.untilMs) {
      log = { isKept: await history.hasUserOperations(signal), untilMs: nowMs() + ASK_AGAIN_MS };
    }
    return log.isKept;
  }

  return {
    async findWriter({ change }: Circumstances, signal: AbortSignal): Promise<string | null> {
      if (change.kind === 'task') {
        return (await isLogKept(signal)) ? history.findUser({ taskId: change.task.id }, signal) : null;
      }
      const { processInstanceId, userOperationId: operationId } = change;
      if (operationId === null || processInstanceId === null) return null;
      return history.findUser({ processInstanceId, operationId }, signal);
    },
  };
}
