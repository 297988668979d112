/**
 * One instance leads the feed; the others watch its lease (F10).
 *
 * While it leads, the lease is renewed three times in its life, and the position is saved with it. A leader that cannot reach the
 * state bucket goes on, and its position stays where it was; one whose lease was taken steps down: its runs are aborted,
 * and the new leader reads again what they did not finish. A stop saves the position last and gives the lease up.
 */
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Change } from '../submission/change.ts';
import { backOffMs } from '../time/back-off.ts';
import type { EngineClock } from '../time/engine-clock.ts';
import { pause } from '../time/pause.ts';
import type { FeedStatus } from './feed-status.ts';
import { createFeedTrack, type FeedSource } from './feed-track.ts';
import { followFeed, type Tracks } from './follow-feed.ts';
import type { PositionStore, Positions } from './position-store.ts';
import { submitWithCare } from './submit-with-care.ts';

type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>;

export type FeedOptions = {
  variableUpdates: FeedSource<Of<'variable'>>;
  /** `null` where only convention data is kept. */
  finishedTasks: FeedSource<Of<'task'>> | null;
  positionStore: PositionStore;
  pipeline: Pipeline;
  clock: EngineClock;
  /** Where the very first start begins. */
  firstPositionMs(signal: AbortSignal): Promise<number>;
  /** What only the leader may do before it begins. @throws what no waiting mends, and ENGINE_UNAVAILABLE */
  prepare?(signal: AbortSignal): Promise<void>;
  settleSeconds: number;
  pollMs: number;
  leaseSeconds: number;
  status: FeedStatus;
  onRows?(feed: 'variable_updates' | 'finished_tasks', counts: { new: number; seen: number; foreign: number }): void;
  /** Rows asked for at once. */
  pageRows?: { first: number; most: number };
  log: Log;
};

/** `stop`: no more noticing, runs reach an outcome. `abort`: the deadline is over. */
export type FeedSignals = { stop: AbortSignal; abort: AbortSignal };

const DEFAULT_PAGE_ROWS = { first: 50, most: 200 };
const RENEWALS_IN_A_LEASE = 3;
const LAST_SAVE_MS = 3_000;
/** `Date` headers have whole seconds. */
const CLOCK_BEHIND_MS = 1_000;
const LOG_FAILURES_EVERY_MS = 60_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** Failures at the start that no waiting mends. */
const FATAL = new Set(['CONFIG_INVALID', 'BUCKET_MISSING', 'HISTORY_LEVEL_TOO_LOW', 'ENGINE_REJECTED']);

/** Leads whenever it can, until it is stopped. @throws FormvaultError CONFIG_INVALID, BUCKET_MISSING */
export async function leadFeed(options: FeedOptions, signals: FeedSignals): Promise<void> {
  for (let failures = 0; !signals.stop.aborted; ) {
    try {
      const positions = await acquireLease(options, signals.stop);
      await options.prepare?.(signals.stop);
      failures = 0;
      options.status.leaseFailures = 0;
      await leadFrom(positions, options, signals);
    } catch (err) {
      if (signals.stop.aborted) break;
      if (FATAL.has(failureCodeOf(err))) throw err;
      failures++;
      options.status.leaseFailures = failures;
      options.log.warn({ err, failures, part: 'feed' }, 'feed cannot be led; trying again');
      await pause(backOffMs(failures - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), signals.stop);
    }
  }
  options.status.state = 'stopped';
}

function acquireLease(
  { positionStore, firstPositionMs, status, log }: FeedOptions,
  signal: AbortSignal,
): Promise<Positions> {
  const first = async (): Promise<Positions> => {
    const timeMs = await firstPositionMs(signal);
    return { variableUpdates: timeMs, finishedTasks: timeMs };
  };
  const onWaiting = (): void => {
    status.state = 'waiting';
    status.leaseFailures = 0;
    log.info({ part: 'feed' }, 'another instance leads; waiting');
  };
  return positionStore.acquire(first, onWaiting, signal);
}

async function leadFrom(from: Positions, options: FeedOptions, { stop, abort }: FeedSignals): Promise<void> {
  const { pipeline, positionStore, status, clock, log } = options;
  const tracks = createTracks(from, options);
  const oldestMs = (): number => {
    const oldest = [tracks.variableUpdates.oldestPendingMs(), tracks.finishedTasks?.oldestPendingMs() ?? null];
    return Math.min(clock.nowMs(), ...oldest.filter((timeMs) => timeMs !== null));
  };
  Object.assign(status, {
    state: 'leading',
    readMs: performance.now(),
    failures: 0,
    lagSeconds: () => (clock.nowMs() - oldestMs()) / 1000,
  } satisfies Partial<FeedStatus>);
  const lost = new AbortController();
  const drained = new AbortController();
  const notice = AbortSignal.any([stop, lost.signal]);
  const term = {
    abort: AbortSignal.any([abort, lost.signal]),
    stopRetrying: notice,
    readAgainUntilMs: clock.nowMs() + CLOCK_BEHIND_MS,
  };
  const positions = (): Positions => {
    const variableUpdates = tracks.variableUpdates.positionMs();
    return { variableUpdates, finishedTasks: tracks.finishedTasks?.positionMs() ?? variableUpdates };
  };
  const finish = (change: Change): void => {
    (change.kind === 'variable' ? tracks.variableUpdates : tracks.finishedTasks)?.finish(change.ref);
  };

  log.info({ part: 'feed', from: new Date(from.variableUpdates).toISOString() }, 'leading the feed');
  const legacy = positionStore.legacy();
  const submit = legacy.endedCleanly
    ? (changes: Change[]) => pipeline.submit(changes, finish, term)
    : submitWithCare({ pipeline, positionStore, positions, legacy, finish, term, log });
  const renewals = renewLease(positions, options, lost, AbortSignal.any([abort, lost.signal, drained.signal]));
  await followFeed(
    tracks,
    {
      clock,
      pollMs: options.pollMs,
      submit,
      ...reportFailures(status, log),
      onTurn: () => {
        status.readMs = performance.now();
      },
    },
    notice,
  );
  await pipeline.drain(term.abort);
  drained.abort();
  await renewals;
  Object.assign(status, { state: 'waiting', lagSeconds: () => null } satisfies Partial<FeedStatus>);
  if (lost.signal.aborted) return;
  // Without this write the next start would wait for the lease to end; it is given a moment even behind the deadline.
  await positionStore.save(positions(), AbortSignal.timeout(LAST_SAVE_MS), true).catch((err: unknown) => {
    log.warn({ err, part: 'feed' }, 'position of the feed could not be saved; the next start reads some changes again');
  });
}

function createTracks(from: Positions, options: FeedOptions): Tracks {
  const { first, most } = options.pageRows ?? DEFAULT_PAGE_ROWS;
  const settleMs = options.settleSeconds * 1000;
  const track = <T>(feed: 'variable_updates' | 'finished_tasks', source: FeedSource<T>, startMs: number) =>
    createFeedTrack(source, {
      startMs,
      settleMs,
      pageSize: { rows: first, most },
      onRows: (counts) => options.onRows?.(feed, counts),
    });
  const { variableUpdates, finishedTasks } = options;
  return {
    variableUpdates: track('variable_updates', variableUpdates, from.variableUpdates),
    finishedTasks: finishedTasks === null ? null : track('finished_tasks', finishedTasks, from.finishedTasks),
  };
}

async function renewLease(
  positions: () => Positions,
  { positionStore, leaseSeconds, status, log }: FeedOptions,
  lost: AbortController,
  end: AbortSignal,
): Promise<void> {
  while (!end.aborted) {
    await pause((leaseSeconds * 1000) / RENEWALS_IN_A_LEASE, end);
    if (end.aborted) return;
    try {
      await positionStore.save(positions(), end);
      const { leaseFailures: failures } = status;
      if (failures > 0) log.info({ failures, part: 'feed' }, 'position of the feed is saved again');
      status.leaseFailures = 0;
    } catch (err) {
      if (end.aborted) return;
      if (failureCodeOf(err) === 'LEADERSHIP_LOST') {
        log.warn({ err, part: 'feed' }, 'another instance took the lease; stepping down');
        lost.abort(new FormvaultError('LEADERSHIP_LOST', 'stepped down'));
        return;
      }
      if (status.leaseFailures++ === 0)
        log.warn({ err, part: 'feed' }, 'position of the feed cannot be saved; it stays where it was');
    }
  }
}

/** Failure rarely, recovery always. */
function reportFailures(status: FeedStatus, log: Log) {
  let loggedMs = Number.NEGATIVE_INFINITY;
  return {
    onFailure(err: unknown, failures: number): void {
      status.failures = failures;
      if (performance.now() - loggedMs < LOG_FAILURES_EVERY_MS) return;
      loggedMs = performance.now();
      log.warn({ err, code: failureCodeOf(err), failures, part: 'feed' }, 'feed cannot be read; trying again');
    },
    onRecovery(failures: number): void {
      status.failures = 0;
      loggedMs = Number.NEGATIVE_INFINITY;
      log.info({ failures, part: 'feed' }, 'feed is read again');
    },
  };
}
