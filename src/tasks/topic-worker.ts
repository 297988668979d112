/**
 * Works on the external tasks of the two topics.
 *
 *   poll --> a place for each task --> handler, its lock kept --> one report --> the place is free
 *
 * A stop ends the polls, gives back what an open poll still brings, and lets handlers end. At the deadline they are aborted
 * and their tasks given back.
 */
import type { EngineExternalTasks } from '../engine/engine-external-tasks.ts';
import type { Log } from '../observability/log.ts';
import type { Topic } from '../pipeline/prepare-changes.ts';
import { pause } from '../time/pause.ts';
import { TaskPoller } from './task-poller.ts';
import { createTaskRuns } from './task-runs.ts';
import { untilAborted } from './until-aborted.ts';
import { newWorkerId } from './worker-id.ts';

/** An external task whose lock this worker holds. */
export type LockedTask = {
  id: string;
  topic: Topic;
  executionId: string;
  processInstanceId: string;
  processDefinitionKey: string;
  businessKey: string | null;
  tenantId: string | null;
  /** `null` before the first failure. */
  retries: number | null;
  errorMessage: string | null;
  /** The variable `source` as it was written. */
  source: string | null;
};

/** What the engine is told about a task. */
export type TaskReport =
  | { kind: 'complete' }
  | { kind: 'fail'; errorMessage: string; errorDetails: string; retries: number; retryTimeoutMs: number }
  /** The lock is given up, and the task can be fetched at once. */
  | { kind: 'release' }
  /** Nothing: the lock is lost. */
  | { kind: 'drop' };

export type TopicWorkerOptions = {
  /** Base of the engine's REST API. */
  url: string;
  /** The value of the header; `null` where the engine asks for none. */
  authorization(signal: AbortSignal): Promise<string | null>;
  /** The engine has refused this value. */
  onUnauthorized(value: string): void;
  topics: readonly Topic[];
  /** Without it a new one. */
  workerId?: string;
  externalTasks: EngineExternalTasks;
  concurrency: number;
  longPollMs: number;
  /** What a poll may take beyond `longPollMs`. */
  graceMs?: number;
  lockMs?: number;
  /** The signal aborts when the lock is lost (LOCK_LOST) and at the deadline of a stop (SHUTTING_DOWN). */
  handle(task: LockedTask, signal: AbortSignal): Promise<TaskReport>;
  /** For a handler that threw, and for a completion that the engine refused. */
  reportThrown(error: unknown, task: LockedTask): TaskReport;
  /** After the engine took a report. */
  onReported?(task: LockedTask, report: TaskReport): Promise<void> | void;
  onLockLost(topic: Topic): void;
  log: Log;
};

export type TopicWorker = {
  workerId: string;
  start(): void;
  /** For good. Takes no longer than the deadline and a moment. */
  stop(deadline: AbortSignal): Promise<void>;
  /** When there was an answer last, by `performance.now`; how many polls have failed since; tasks in work. */
  state(): { lastPollMs: number | null; failures: number; active: number };
};

const LOCK_MS = 30_000;
const POLL_GRACE_MS = 30_000;
/** Behind the deadline, to give tasks back. */
const LAST_WORDS_MS = 2_000;

export function createTopicWorker(options: TopicWorkerOptions): TopicWorker {
  const { lockMs = LOCK_MS, graceMs = POLL_GRACE_MS } = options;
  const { workerId = newWorkerId() } = options;
  const abort = new AbortController();
  const fallSilent = new AbortController();
  const active = new Set<Promise<void>>();
  let isStopping = false;

  const runs = createTaskRuns({ ...options, lockMs, workerId }, { abort: abort.signal, silence: fallSilent.signal });
  const poller = new TaskPoller({
    ...options,
    workerId,
    lockMs,
    graceMs,
    async onTask(task) {
      const run = isStopping ? runs.giveBack(task) : runs.run(task);
      active.add(run);
      await run;
      active.delete(run);
    },
  });

  async function drain(): Promise<void> {
    poller.stop();
    const ended = (async () => {
      await poller.settled(fallSilent.signal);
      await Promise.allSettled(active);
    })();
    if ((await untilAborted(ended, abort.signal)) !== 'aborted') return;
    const inTime = new AbortController();
    // The engine hands a task that is given back to an open poll of our own, and to a poll that was cut off for nobody.
    if (active.size > 0) await Promise.race([ended, pause(LAST_WORDS_MS, inTime.signal)]);
    inTime.abort();
    fallSilent.abort();
  }

  let drained: Promise<void> | null = null;
  return {
    workerId,
    start: () => poller.start(),
    state: () => poller.state(),
    async stop(deadline) {
      isStopping = true;
      const abortWork = () => abort.abort();
      deadline.addEventListener('abort', abortWork, { once: true });
      if (deadline.aborted) abortWork();
      drained ??= drain();
      await drained;
      deadline.removeEventListener('abort', abortWork);
    },
  };
}
