/**
 * Many failures with one cause are an outage, and are not handed to the engine one by one.
 *
 * Up to OUTAGE_LIMIT changes of one cause are handed over. What fails beyond that is held as long as nothing can be kept at
 * all: the feed comes to a stand behind it, and one held change after the other finds out whether the cause is gone. As soon as
 * anything is kept again, only some fail: then the held ones go to the engine as well, where they wait without an incident.
 *
 * A target that did not answer for a while is asked by one at a time, with pauses between; the others get its last failure at
 * once, so that a server which lets everybody wait does not hold all places.
 */
import { type FailureCode, failureCodeOf } from '../errors.ts';
import type { Cause } from '../incidents/incident-message.ts';
import { backOffMs } from '../time/back-off.ts';

export type Outages = ReturnType<typeof createOutages>;

/** What to do with a change that failed here: over to the engine, or one more attempt; `stopped` when the signal aborted. */
export type Verdict = 'hand-over' | 'try-again' | 'stopped';

type Failing = { sinceMs: number; probes: number; nextProbeMs: number; error: unknown };
type Held = { cause: Cause; release(verdict: Verdict): void };
type Stand = { cause: Cause; sinceMs: number };

/** How long passing faults are tried again in place. */
export const IN_PLACE_MS = 8_000;
/** Something was kept so recently, and since the failures began, that not everything fails. */
const FRESH_MS = 10_000;
const FIRST_PROBE_MS = 500;
const LONGEST_PROBE_MS = 5_000;
/** The target of a failure that names none: nothing tells that it answers again. */
const NOWHERE = '';
/** What says that a target is away or refuses, rather than that one submission is wrong. */
const AT_TARGET = new Set<FailureCode>([
  'VAULT_UNAVAILABLE',
  'VAULT_REJECTED',
  'BUCKET_MISSING',
  'FORM_API_UNAVAILABLE',
  'FORM_API_REJECTED',
]);

/** Whether such a failure ends by itself, when what was away or refused is back. */
export function isOutage(code: FailureCode): boolean {
  return code.endsWith('_UNAVAILABLE') || code.endsWith('_REJECTED');
}

export function createOutages(options: {
  limit: number;
  /** A target that failed before has answered. */
  onRecovered(target: string): void;
  onStandStill(cause: Cause): void;
  onGoesOn(stand: Stand): void;
  nowMs?: () => number;
}) {
  const { limit, nowMs = () => performance.now() } = options;
  const failing = new Map<string, Failing>();
  /** Targets that external tasks in the engine failed at. */
  const troubled = new Set<string>();
  /** By cause, since its target answered last. */
  const handedOver = new Map<string, { target: string; count: number; sinceMs: number }>();
  const held = new Set<Held>();
  let lastKeptMs = Number.NEGATIVE_INFINITY;
  let stand: Stand | null = null;
  let probing: NodeJS.Timeout | null = null;
  let probes = 0;

  function isOut(target: string): boolean {
    const known = failing.get(target);
    return known !== undefined && nowMs() - known.sinceMs >= IN_PLACE_MS;
  }

  function goOn(): void {
    if (stand !== null) options.onGoesOn(stand);
    stand = null;
    probes = 0;
  }

  function forgetHandedOver(target: string): void {
    for (const [key, of] of handedOver) if (of.target === target) handedOver.delete(key);
  }

  function succeeded(target: string): void {
    const hadFailed = failing.delete(target);
    if (!troubled.delete(target) && !hadFailed && held.size === 0) return;
    forgetHandedOver(target);
    if (stand?.cause.target === target) goOn();
    for (const each of held) if (each.cause.target === target) each.release('try-again');
    options.onRecovered(target);
  }

  /** Lets the first of the held ones try again, now and then. */
  function probeLater(): void {
    if (probing !== null || held.size === 0) return;
    const pauseMs = backOffMs(probes++, FIRST_PROBE_MS, LONGEST_PROBE_MS);
    probing = setTimeout(() => {
      probing = null;
      for (const first of held) {
        first.release('try-again');
        break;
      }
      probeLater();
    }, pauseMs);
    probing.unref();
  }

  function hold(cause: Cause, signal: AbortSignal): Promise<Verdict> {
    return new Promise((resolve) => {
      const stop = (): void => each.release('stopped');
      const each: Held = {
        cause,
        release(verdict) {
          held.delete(each);
          signal.removeEventListener('abort', stop);
          resolve(verdict);
        },
      };
      held.add(each);
      signal.addEventListener('abort', stop, { once: true });
      probeLater();
    });
  }

  return {
    /** Runs what needs a target, and learns from it. @throws what it throws, or the target's last failure while it is away */
    async attempt<T>(target: string, run: () => Promise<T>): Promise<T> {
      const known = failing.get(target);
      let isProbe = false;
      if (known !== undefined && isOut(target) && failureCodeOf(known.error).endsWith('_UNAVAILABLE')) {
        if (nowMs() < known.nextProbeMs) throw known.error;
        known.nextProbeMs = Number.POSITIVE_INFINITY; // until this one has its answer
        isProbe = true;
      }
      try {
        const result = await run();
        succeeded(target);
        return result;
      } catch (error) {
        const now = failing.get(target) ?? { sinceMs: nowMs(), probes: 0, nextProbeMs: 0, error };
        if (isProbe) now.nextProbeMs = nowMs() + backOffMs(now.probes++, FIRST_PROBE_MS, LONGEST_PROBE_MS);
        if (AT_TARGET.has(failureCodeOf(error))) failing.set(target, Object.assign(now, { error }));
        throw error;
      }
    },

    /** Whether a target has failed for so long that trying again in place is of no use. */
    isOut,
    succeeded,

    /** An external task in the engine failed for this cause. */
    noteTrouble: (cause: Cause): void => void troubled.add(cause.target),
    troubled: (): string[] => [...troubled],

    /** A submission was kept: whatever fails, it is not everything. */
    noteKept(): void {
      lastKeptMs = nowMs();
      forgetHandedOver(NOWHERE);
      goOn();
      for (const each of held) each.release('hand-over');
    },

    /** Waits while the feed must stand still behind this failure. `null`: a cause of its own, which is no outage. */
    async decide(cause: Cause | null, signal: AbortSignal): Promise<Verdict> {
      if (cause === null) return 'hand-over';
      const key = `${cause.code} ${cause.target}`;
      const { count, sinceMs } = handedOver.get(key) ?? { count: 0, sinceMs: nowMs() };
      const failingSinceMs = failing.get(cause.target)?.sinceMs ?? sinceMs;
      const isAnythingKept = lastKeptMs > failingSinceMs && nowMs() - lastKeptMs < FRESH_MS;
      if (count < limit || isAnythingKept) {
        handedOver.set(key, { target: cause.target, count: count + 1, sinceMs });
        return 'hand-over';
      }
      if (signal.aborted) return 'stopped';
      if (stand === null) {
        stand = { cause, sinceMs: nowMs() };
        options.onStandStill(cause);
      }
      return hold(cause, signal);
    },

    /** Targets that have failed for so long. */
    out: (): string[] => [...failing.keys()].filter(isOut),

    /** `null` while the feed does not stand still. */
    stand: () => stand,
    held: () => held.size,
  };
}
