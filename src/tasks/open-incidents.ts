/** External tasks without retries, by what they failed for; the engine knows them all, also those of other instances. */
import pLimit from 'p-limit';
import type { FailedTask } from '../engine/engine-external-tasks.ts';
import { type Cause, causeOf } from '../incidents/incident-message.ts';

export type OpenIncidents = ReturnType<typeof createOpenIncidents>;

/** Others raise incidents too: what was read is soon read again. */
const TRUSTED_MS = 1_000;
/** The lock is lost by then, and with it the right to report. */
const REPORTED_WITHIN_MS = 30_000;

export function createOpenIncidents(options: {
  limit: number;
  read(signal: AbortSignal): Promise<FailedTask[]>;
  nowMs?: () => number;
}) {
  const { nowMs = () => performance.now() } = options;
  const oneAtATime = pLimit(1);
  let byTask = new Map<string, string | null>();
  /** What was allowed and may not have reached the engine yet. */
  const claims = new Map<string, { key: string; atMs: number }>();
  let readMs = Number.NEGATIVE_INFINITY;

  function observe(tasks: Pick<FailedTask, 'id' | 'errorMessage'>[]): void {
    byTask = new Map(tasks.map(({ id, errorMessage }) => [id, keyOf(causeOf(errorMessage))]));
    readMs = nowMs();
    for (const [id, { key, atMs }] of claims) {
      if (byTask.has(id) || nowMs() - atMs > REPORTED_WITHIN_MS) claims.delete(id);
      else byTask.set(id, key);
    }
  }

  return {
    observe,

    /** Whether one more incident of this cause may stand; if so, it counts from now on. */
    claim(taskId: string, cause: Cause, signal: AbortSignal): Promise<boolean> {
      return oneAtATime(async () => {
        if (nowMs() - readMs > TRUSTED_MS) observe(await options.read(signal));
        const key = keyOf(cause);
        let others = 0;
        for (const [id, of] of byTask) if (of === key && id !== taskId) others++;
        if (others >= options.limit) return false;
        byTask.set(taskId, key);
        if (key !== null) claims.set(taskId, { key, atMs: nowMs() });
        return true;
      });
    },

    /** It is no incident any more, or will be none. */
    release(taskId: string): void {
      byTask.delete(taskId);
      claims.delete(taskId);
    },
    count: (): number => byTask.size,
  };
}

function keyOf(cause: Cause | null): string | null {
  return cause === null ? null : `${cause.code} ${cause.target}`;
}
