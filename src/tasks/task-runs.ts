/**
 * One locked task from its handler to its report.
 *
 * Each run ends in one report at the most, and never throws. A lost lock ends it without a report: somebody else has the task.
 * So does an engine that takes no report while the lock lives: the task comes back when the lock is over.
 */
import { FormvaultError, failureCodeOf } from '../errors.ts';
import { errorText } from '../observability/error-text.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { type KeptLock, keepLock } from './lock-keeper.ts';
import type { LockedTask, TaskReport, TopicWorkerOptions } from './topic-worker.ts';
import { untilAborted } from './until-aborted.ts';

export type TaskRuns = {
  run(task: LockedTask): Promise<void>;
  /** Without having worked on it. */
  giveBack(task: LockedTask): Promise<void>;
};

/** `abort`: handlers end. `silence`: nothing more is said to the engine. */
export type RunSignals = { abort: AbortSignal; silence: AbortSignal };

type RunOptions = Pick<
  TopicWorkerOptions,
  'externalTasks' | 'handle' | 'reportThrown' | 'onReported' | 'onLockLost' | 'log'
> & { workerId: string; lockMs: number };

/** Also `refused`: the engine answered, and will not take it. */
type Taken = 'done' | 'lost' | 'refused' | 'not-told';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

export function createTaskRuns(options: RunOptions, { abort, silence }: RunSignals): TaskRuns {
  const { externalTasks, workerId, lockMs, log } = options;

  async function run(task: LockedTask): Promise<void> {
    const lock = keepLock({
      lockMs,
      extend: (signal) => externalTasks.extendLock(task.id, workerId, lockMs, signal),
    });
    try {
      const report = await work(task, lock);
      lock.end();
      // A process that was frozen comes here before the lock keeper has looked at its clock.
      if (lock.signal.aborted || lock.leftMs() <= 0) return loseLock(task);
      if (report === 'aborted') return await giveBack(task);
      await tell(task, report, lock);
    } catch (err) {
      log.error({ err, ...fieldsOf(task) }, 'what follows the end of an external task failed');
    } finally {
      lock.end();
    }
  }

  async function work(task: LockedTask, lock: KeptLock): Promise<TaskReport | 'aborted'> {
    const work = new AbortController();
    const onLost = () => work.abort(lock.signal.reason);
    const onAbort = () => work.abort(new FormvaultError('SHUTTING_DOWN', 'could not end the work on an external task'));
    lock.signal.addEventListener('abort', onLost, { once: true });
    abort.addEventListener('abort', onAbort, { once: true });
    if (abort.aborted) onAbort();
    try {
      const handling = (async () => options.handle(task, work.signal))();
      return await untilAborted(handling, abort);
    } catch (error) {
      if (abort.aborted) return 'aborted';
      return lock.signal.aborted ? { kind: 'drop' } : reportThrown(error, task);
    } finally {
      lock.signal.removeEventListener('abort', onLost);
      abort.removeEventListener('abort', onAbort);
    }
  }

  function reportThrown(error: unknown, task: LockedTask): TaskReport {
    try {
      return options.reportThrown(error, task);
    } catch (err) {
      log.error({ err, ...fieldsOf(task) }, 'failure of an external task could not be put into words');
      const errorMessage = `${failureCodeOf(error)}: could not end the work on an external task.`;
      return { kind: 'fail', errorMessage, errorDetails: errorText(error), retries: 0, retryTimeoutMs: 0 };
    }
  }

  async function tell(task: LockedTask, report: TaskReport, lock: KeptLock): Promise<void> {
    const answer = await tellWhileLocked(task, report, lock);
    if (answer.taken === 'refused' && report.kind === 'complete') {
      const instead = reportThrown(answer.error, task);
      if (instead.kind !== 'complete') return tell(task, instead, lock);
    }
    if (answer.taken === 'lost') return loseLock(task);
    if (answer.taken !== 'done') {
      const { error: err } = answer;
      log.warn({ err, ...fieldsOf(task) }, 'external task could not be reported; it comes back when its lock is over');
      return;
    }
    if (report.kind !== 'drop') await options.onReported?.(task, report);
  }

  async function tellWhileLocked(
    task: LockedTask,
    report: TaskReport,
    lock: KeptLock,
  ): Promise<{ taken: Taken; error?: unknown }> {
    const over = new AbortController();
    const giveUp = () => over.abort();
    silence.addEventListener('abort', giveUp, { once: true });
    if (silence.aborted) giveUp();
    const lockOver = setTimeout(giveUp, Math.max(0, lock.leftMs()));
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          return { taken: await say(task, report, over.signal) };
        } catch (error) {
          if (over.signal.aborted) return { taken: 'not-told', error };
          if (failureCodeOf(error) !== 'ENGINE_UNAVAILABLE') return { taken: 'refused', error };
          const floorMs = (error as { retryAfterMs?: number }).retryAfterMs ?? 0;
          await pause(Math.max(floorMs, backOffMs(attempt, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)), over.signal);
          if (over.signal.aborted) return { taken: 'not-told', error };
        }
      }
    } finally {
      clearTimeout(lockOver);
      silence.removeEventListener('abort', giveUp);
    }
  }

  async function say(task: LockedTask, report: TaskReport, signal: AbortSignal): Promise<'done' | 'lost'> {
    switch (report.kind) {
      case 'complete':
        return externalTasks.complete(task.id, workerId, signal);
      case 'fail': {
        const { kind: _, ...failure } = report;
        return externalTasks.fail(task.id, workerId, failure, signal);
      }
      case 'release':
        return externalTasks.unlock(task.id, signal);
      case 'drop':
        return 'done';
      default:
        return report satisfies never;
    }
  }

  async function giveBack(task: LockedTask): Promise<void> {
    try {
      await externalTasks.unlock(task.id, silence);
    } catch (err) {
      log.warn(
        { err, ...fieldsOf(task) },
        'external task could not be given back; it comes back when its lock is over',
      );
    }
  }

  function loseLock(task: LockedTask): void {
    log.warn(fieldsOf(task), 'lock of an external task lost');
    options.onLockLost(task.topic);
  }

  return { run, giveBack };
}

function fieldsOf({ id, topic, processInstanceId }: LockedTask) {
  return { externalTaskId: id, topic, processInstanceId };
}
