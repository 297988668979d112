import type { FailedTask } from '../../src/engine/engine-external-tasks.ts';
import { FormvaultError } from '../../src/errors.ts';
import { createOutages } from '../../src/pipeline/outages.ts';
import { createOpenIncidents } from '../../src/tasks/open-incidents.ts';
import type { createRecovery, Recovery } from '../../src/tasks/recovery.ts';
import { aFailedTask } from './builders-external-tasks.ts';
import { createRememberingLog } from './builders-log.ts';
import type { VirtualTime } from './builders-time.ts';

export const LOCK_MS = 30_000;

/** External tasks of an engine, and buckets that answer or not. */
export function aRecoveryWorld(create: typeof createRecovery, time: VirtualTime, running: AbortController[]) {
  const tasks = new Map<string, FailedTask>();
  const retried: string[] = [];
  const unlocked: string[] = [];
  const probed: string[] = [];
  const away = new Set<string>();
  const faults: { onRead: unknown; onRetry: unknown } = { onRead: null, onRetry: null };
  let reads = 0;
  const outages = createOutages({
    limit: 50,
    onRecovered: (target) => recovery.noteRecovered(target),
    onStandStill() {},
    onGoesOn() {},
    nowMs: () => time.nowMs(),
  });
  const openIncidents = createOpenIncidents({
    limit: 50,
    read: async () => [...tasks.values()].filter(({ retries }) => retries === 0),
    nowMs: () => time.nowMs(),
  });
  const log = createRememberingLog();
  const recovery: Recovery = create({
    topics: ['user-task-completed', 'convention-variable'],
    externalTasks: {
      async *findFailed({ topic, retriesLeft }) {
        reads++;
        if (faults.onRead !== null) throw faults.onRead;
        for (const task of [...tasks.values()]) {
          if (task.topic === topic && (task.retries !== 0) === retriesLeft) yield task;
        }
      },
      async setRetries(ids, retries) {
        if (faults.onRetry !== null && ids.length > 0) throw faults.onRetry;
        for (const id of ids) {
          retried.push(id);
          const task = tasks.get(id);
          if (task !== undefined) tasks.set(id, { ...task, retries });
        }
      },
      async unlock(id) {
        unlocked.push(id);
        return 'done';
      },
    },
    outages,
    openIncidents,
    async probe(target) {
      probed.push(target);
      await outages.attempt(target, async () => {
        if (away.has(target)) throw new FormvaultError('VAULT_UNAVAILABLE', 'could not look');
      });
    },
    lockMs: LOCK_MS,
    log,
    nowMs: () => time.nowMs(),
  });
  const add = (id: string, errorMessage: string, given: Partial<FailedTask> = {}) =>
    tasks.set(id, aFailedTask({ id, errorMessage, ...given }));
  return {
    ...recovery,
    outages,
    openIncidents,
    log,
    retried,
    unlocked,
    probed,
    away,
    faults,
    reads: () => reads,
    addIncident: add,
    /** Without an incident, locked for so long. */
    addWaiting: (id: string, errorMessage: string, lockedMs: number) =>
      add(id, errorMessage, { retries: 1, lockExpirationMs: time.nowMs() + lockedMs }),
    failAgain(id: string): void {
      const task = tasks.get(id);
      if (task !== undefined) tasks.set(id, { ...task, retries: 0 });
    },
    observeAll: () => recovery.observe([...tasks.values()].filter(({ retries }) => retries === 0)),
    start(): AbortController {
      const stop = new AbortController();
      running.push(stop);
      void recovery.run(stop.signal);
      return stop;
    },
  };
}
