import type { FeedStatus } from './feed/feed-status.ts';
import type { HttpClient } from './http/http-client.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Outages } from './pipeline/outages.ts';
import type { Health } from './web/health.ts';

type CasesState = {
  index: { state: string; waiting: number; failures: number };
  audit: { failures: number };
};
type WorkerState = { lastPollMs: number | null; failures: number; watchdogFailures: number; openIncidents: number };

/** A loop that did not come round for so long hangs; requests time out long before. */
const HANGS_AFTER_MS = 300_000;
/** Longer than any time-out of a single request. */
const STALE_AFTER_MS = 60_000;

/** What each part says of itself, for `/health` and `/metrics`. */
export function addParts(
  health: Health,
  metrics: Metrics,
  parts: {
    engine: HttpClient;
    outages: Outages;
    /** `null` without that role. */
    feed: FeedStatus | null;
    worker(): { state(): WorkerState } | null;
    hasWorker: boolean;
    /** `null` where no cases are shown. */
    cases: { state(): CasesState } | null;
    /** Without them nothing works; another one that fails is told, and leaves the rest ready. */
    neededBuckets: readonly string[];
  },
): void {
  const { engine, outages, feed, worker, hasWorker, cases, neededBuckets } = parts;
  const since = (ms: number | null): number => (ms === null ? Number.POSITIVE_INFINITY : performance.now() - ms);

  const isEngineThere = (): boolean => engine.gate?.isOpen() ?? true;
  /** While something is away, the loop waits for it; a restart would not help. */
  let waitedMs = Number.NEGATIVE_INFINITY;

  if (feed !== null) {
    health.add('feed', {
      live: () => {
        if (outages.stand() !== null || feed.failures > 0 || !isEngineThere()) waitedMs = performance.now();
        const isHanging = Math.min(since(feed.readMs), since(waitedMs)) > HANGS_AFTER_MS;
        return { ok: !(feed.state === 'leading' && isHanging), state: feed.state };
      },
      ready: () => {
        const stand = outages.stand();
        const lagSeconds = feed.lagSeconds();
        const details = { lagSeconds: lagSeconds === null ? null : Math.round(lagSeconds * 10) / 10 };
        if (stand !== null) {
          const { code, target } = stand.cause;
          return { ok: false, state: 'standing still', details: { ...details, code, target, held: outages.held() } };
        }
        if (feed.failures > 0) return { ok: false, state: 'failing', details: { ...details, failures: feed.failures } };
        const isRead = feed.state === 'waiting' || (feed.state === 'leading' && since(feed.readMs) < STALE_AFTER_MS);
        return { ok: isRead, state: isRead || feed.state !== 'leading' ? feed.state : 'late', details };
      },
    });
    health.add('lease', {
      ready: () => ({ ok: feed.leaseFailures === 0, state: feed.leaseFailures === 0 ? 'ok' : 'failing' }),
    });
  }
  health.add('engine', {
    ready: () => {
      const isOpen = isEngineThere();
      return { ok: isOpen, state: isOpen ? 'ok' : 'away' };
    },
  });
  health.add('vault', {
    ready: () => {
      const out = outages.out();
      const ok = !neededBuckets.some((bucket) => out.includes(bucket));
      return { ok, state: out.length === 0 ? 'ok' : 'failing', details: { failing: out.join(', ') } };
    },
  });
  if (hasWorker) {
    health.add('worker', {
      ready: () => {
        const state = worker()?.state() ?? null;
        if (state === null) return { ok: false, state: 'starting' };
        const details = { openIncidents: state.openIncidents };
        const isPolling = state.failures === 0 && since(state.lastPollMs) < HANGS_AFTER_MS;
        return { ok: isPolling, state: isPolling ? 'polling' : state.failures > 0 ? 'failing' : 'starting', details };
      },
    });
  }
  if (cases !== null) {
    // Told, and no reason to send nobody here: forms are kept without it.
    health.add('cases', {
      ready: () => {
        const { index, audit } = cases.state();
        const state = audit.failures > 0 ? 'audit failing' : index.state;
        return { ok: true, state, details: { waiting: index.waiting } };
      },
    });
  }
  metrics.watch({
    feedLagSeconds: () => feed?.lagSeconds() ?? null,
    openIncidents: () => worker()?.state().openIncidents ?? null,
    isLeader: () => feed?.state === 'leading',
    consecutiveFailures: () => ({
      feed: feed?.failures ?? 0,
      lease: feed?.leaseFailures ?? 0,
      worker: worker()?.state().failures ?? 0,
      watchdog: worker()?.state().watchdogFailures ?? 0,
      index: cases?.state().index.failures ?? 0,
      audit: cases?.state().audit.failures ?? 0,
    }),
  });
}
