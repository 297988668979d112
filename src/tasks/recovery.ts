/**
 * The end of an outage: what failed for it is run again without a person.
 *
 * Incidents for what was away or refused, and whatever waits without an incident, are retried when their target has answered
 * again; each once, and after a while once more should it fail again. Everything else waits for a person. Since a target may
 * come back while nothing new is submitted, the targets of such failures are asked now and then.
 */
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import type { EngineExternalTasks, FailedTask } from '../engine/engine-external-tasks.ts';
import { failureCodeOf } from '../errors.ts';
import { type Cause, causeOf } from '../incidents/incident-message.ts';
import type { Log } from '../observability/log.ts';
import { isOutage, type Outages } from '../pipeline/outages.ts';
import type { Topic } from '../pipeline/prepare-changes.ts';
import { pause } from '../time/pause.ts';
import type { OpenIncidents } from './open-incidents.ts';

const PROBE_EVERY_MS = 10_000;
const BETWEEN_ROUNDS_MS = 2_000;
/** Our clock and that of the engine. */
const CLOCKS_DIFFER_MS = 30_000;
const AT_ONCE = 8;
const REMEMBERED = 10_000;
const FIRST_AGAIN_MS = 60_000;
const LONGEST_AGAIN_MS = 3_600_000;

export type Recovery = ReturnType<typeof createRecovery>;

type Retried = { times: number; notBeforeMs: number };
type Failed = FailedTask & { cause: Cause };

export function createRecovery(options: {
  topics: readonly Topic[];
  externalTasks: Pick<EngineExternalTasks, 'findFailed' | 'setRetries' | 'unlock'>;
  outages: Outages;
  openIncidents: OpenIncidents;
  /** Asks a target something harmless through `outages.attempt`, so that an answer is learned from. */
  probe(target: string, signal: AbortSignal): Promise<void>;
  /** What is locked for longer than a worker would waits. */
  lockMs: number;
  log: Log;
  nowMs?: () => number;
}) {
  const { topics, externalTasks, outages, openIncidents, lockMs, log, nowMs = Date.now } = options;
  const retried = new LRUCache<string, Retried>({ max: REMEMBERED });
  const recovered = new Set<string>();
  let wake = new AbortController();

  async function findFailed(retriesLeft: boolean, signal: AbortSignal): Promise<Failed[]> {
    const failed: Failed[] = [];
    for (const topic of topics) {
      for await (const task of externalTasks.findFailed({ topic, retriesLeft }, signal)) {
        const cause = causeOf(task.errorMessage);
        if (cause !== null) failed.push({ ...task, cause });
      }
    }
    return failed;
  }

  const mayRetry = ({ id }: Failed): boolean => nowMs() >= (retried.get(id)?.notBeforeMs ?? 0);

  function noteRetried(id: string): void {
    const times = retried.get(id)?.times ?? 0;
    const notBeforeMs = nowMs() + Math.min(LONGEST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** times);
    retried.set(id, { times: times + 1, notBeforeMs });
  }

  async function retry(targets: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const waiting = (await findFailed(true, signal)).filter(
      ({ cause, lockExpirationMs }) =>
        targets.has(cause.target) && (lockExpirationMs ?? 0) > nowMs() + lockMs + CLOCKS_DIFFER_MS,
    );
    // Where some had to wait without an incident, it was an outage whatever the code.
    const outageKeys = new Set(waiting.map(({ cause }) => keyOf(cause)));
    const incidents = (await findFailed(false, signal)).filter(
      (task) =>
        targets.has(task.cause.target) &&
        (isOutage(task.cause.code) || outageKeys.has(keyOf(task.cause))) &&
        mayRetry(task),
    );
    if (waiting.length + incidents.length === 0) return;
    log.info(
      { changes: waiting.length + incidents.length, part: 'worker' },
      'outage is over; trying again what failed',
    );
    await externalTasks.setRetries(
      incidents.map(({ id }) => id),
      1,
      signal,
    );
    for (const { id } of incidents) {
      noteRetried(id);
      openIncidents.release(id);
    }
    const limit = pLimit(AT_ONCE);
    await Promise.all(waiting.map(({ id }) => limit(() => externalTasks.unlock(id, signal))));
  }

  return {
    /** A target has answered again. */
    noteRecovered(target: string): void {
      recovered.add(target);
      wake.abort();
    },

    /** What the watchdog saw: after a restart nobody else knows what failed for which target. */
    observe(tasks: FailedTask[]): void {
      for (const { errorMessage } of tasks) {
        const cause = causeOf(errorMessage);
        if (cause !== null && isOutage(cause.code)) outages.noteTrouble(cause);
      }
    },

    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        if (recovered.size === 0) await pause(PROBE_EVERY_MS, AbortSignal.any([signal, wake.signal]));
        wake = new AbortController();
        if (signal.aborted) return;
        const targets = new Set(recovered);
        recovered.clear();
        try {
          if (targets.size > 0) await retry(targets, signal);
          // A target that is still away says so by throwing; that is no news.
          for (const target of outages.troubled()) await options.probe(target, signal).catch(() => undefined);
          // A target that answers now and then recovers many times a second.
          if (targets.size > 0) await pause(BETWEEN_ROUNDS_MS, signal);
        } catch (err) {
          if (signal.aborted) return;
          for (const target of targets) recovered.add(target);
          log.warn(
            { err, code: failureCodeOf(err), part: 'worker' },
            'what failed in an outage cannot be tried again yet',
          );
          await pause(PROBE_EVERY_MS, signal);
        }
      }
    },
  };
}

function keyOf({ code, target }: Cause): string {
  return `${code} ${target}`;
}
