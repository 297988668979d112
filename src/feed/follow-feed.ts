/**
 * The leader's loop: look at the tip, at what came late, at what can settle.
 *
 * While nothing happens one request a turn asks by a count whether there is news, of the one feed and the other by turns; two
 * turns a second. Any news, and both feeds are read until they have been quiet for a while; the more there is, the longer the
 * pauses, because a request costs the engine as much as some hundred rows. The variable updates go first and the tasks never run
 * ahead of them, so that a completed task mostly finds its convention data already read (F7).
 */
import type { Change, TaskChange, VariableChange } from '../submission/change.ts';
import { backOffMs } from '../time/back-off.ts';
import type { EngineClock } from '../time/engine-clock.ts';
import { pause } from '../time/pause.ts';
import type { FeedTrack } from './feed-track.ts';

export type Tracks = { variableUpdates: FeedTrack<VariableChange>; finishedTasks: FeedTrack<TaskChange> | null };

export type FollowOptions = {
  clock: EngineClock;
  pollMs: number;
  /** Takes changes on; each is finished on its track when its outcome is final. Waits while there is no room. */
  submit(changes: Change[], signal: AbortSignal): Promise<void>;
  onFailure(error: unknown, failures: number): void;
  onRecovery(failures: number): void;
  /** After each turn that read what it wanted. */
  onTurn?(): void;
  nowMs?: () => number;
};

const QUIET_AFTER_MS = 2_000;
/** Beside the long poll for external tasks, so that an idle Formvault asks the engine at most twice a second (F8). */
const IDLE_LOOK_MS = 1_200;
const RECENT_EVERY_MS = 1_000;
/** For each change a second: 100 a second are looked for as often as 250 ms allow, 400 a second as rarely as it gets. */
const PAUSE_FOR_EACH_MS = 1.5;
const LONGEST_BUSY_MS = 600;
const WHOLE_EVERY_MS = 13_000;
const SETTLE_IDLE_MS = 30_000;
const SETTLE_BUSY_MS = 2_000;
const FIRST_FAILURE_PAUSE_MS = 500;
const LONGEST_FAILURE_PAUSE_MS = 10_000;

export async function followFeed(tracks: Tracks, options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { clock, nowMs: localNowMs = () => performance.now() } = options;
  const all: FeedTrack<Change>[] = [
    tracks.variableUpdates,
    ...(tracks.finishedTasks === null ? [] : [tracks.finishedTasks]),
  ];
  let lastNewsMs = localNowMs();
  let lastRecentMs = Number.NEGATIVE_INFINITY;
  const lastWholeMs = all.map(() => localNowMs());
  /** Found since the last busy turn began. */
  let freshChanges = 0;
  let busySinceMs = localNowMs();
  let turn = 0;
  let failures = 0;

  const isBehind = (): boolean => all.some((track) => !track.isAtTip());

  async function submitFresh(): Promise<void> {
    const changes = all.flatMap((track) => track.takeFresh());
    if (changes.length === 0) return;
    lastNewsMs = localNowMs();
    freshChanges += changes.length;
    await options.submit(changes, signal);
  }

  /** From the start of one busy turn to that of the next one. */
  function busyTurnMs(startedMs: number): number {
    const perSecond = (freshChanges / Math.max(1, startedMs - busySinceMs)) * 1_000;
    busySinceMs = startedMs;
    freshChanges = 0;
    return Math.max(options.pollMs, Math.min(LONGEST_BUSY_MS, perSecond * PAUSE_FOR_EACH_MS));
  }

  /** One page of each feed; whether there is more to read at once. */
  async function readTips(): Promise<boolean> {
    const { variableUpdates, finishedTasks } = tracks;
    const areTasksBehind = finishedTasks !== null && finishedTasks.tipMs() < variableUpdates.tipMs();
    if (variableUpdates.isAtTip() || !areTasksBehind) await variableUpdates.readTip(clock.nowMs(), null, signal);
    const untilMs = variableUpdates.isAtTip() ? null : variableUpdates.tipMs();
    await finishedTasks?.readTip(clock.nowMs(), untilMs, signal);
    await submitFresh();
    return isBehind();
  }

  async function readLate(track: FeedTrack<Change>, whole: boolean): Promise<void> {
    await track.readLate(clock.nowMs(), whole, signal);
    await submitFresh();
  }

  async function settle(shortestMs: number): Promise<void> {
    for (const track of all) await track.settle(clock.nowMs(), shortestMs, signal);
    await submitFresh();
  }

  function isWholeDue(index: number): boolean {
    const isDue = localNowMs() - (lastWholeMs[index] ?? 0) >= WHOLE_EVERY_MS;
    if (isDue) lastWholeMs[index] = localNowMs();
    return isDue;
  }

  /** Asks one feed for news; both are read when it has some. */
  async function takeIdleTurn(): Promise<void> {
    const index = turn % all.length;
    const track = all[index] ?? tracks.variableUpdates;
    const whole = isWholeDue(index);
    if (await track.hasNews(clock.nowMs(), whole, signal)) {
      lastNewsMs = localNowMs();
      await readTips();
      await readLate(track, whole);
    }
    turn++; // not before: a feed that fails has its turn until it answers, or the other one would hide the failure
    await settle(SETTLE_IDLE_MS);
  }

  /** Reads at the tip for as long as there is more, but not for so long that what came late would wait. */
  async function takeBusyTurn(): Promise<void> {
    while ((await readTips()) && localNowMs() - lastRecentMs < RECENT_EVERY_MS);
    if (localNowMs() - lastRecentMs >= RECENT_EVERY_MS) {
      lastRecentMs = localNowMs();
      for (const [index, track] of all.entries()) await readLate(track, isWholeDue(index));
    }
    await settle(SETTLE_BUSY_MS);
  }

  while (!signal.aborted) {
    const startedMs = localNowMs();
    // A backlog is read on also when what it brought took long to take on; a count of the recent past knows nothing of it.
    const isBusy = startedMs - lastNewsMs < QUIET_AFTER_MS || isBehind();
    try {
      await submitFresh();
      await (isBusy ? takeBusyTurn() : takeIdleTurn());
      if (failures > 0) options.onRecovery(failures);
      failures = 0;
      options.onTurn?.();
      if (isBehind()) continue;
      const turnMs = isBusy ? busyTurnMs(startedMs) : Math.max(options.pollMs, IDLE_LOOK_MS / all.length);
      await pause(Math.max(0, turnMs - (localNowMs() - startedMs)), signal);
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      options.onFailure(error, failures);
      const floorMs = (error as { retryAfterMs?: number }).retryAfterMs ?? 0;
      await pause(Math.max(floorMs, backOffMs(failures - 1, FIRST_FAILURE_PAUSE_MS, LONGEST_FAILURE_PAUSE_MS)), signal);
    }
  }
}
