import { createFeedStatus } from '../../src/feed/feed-status.ts';
import type { leadFeed } from '../../src/feed/lead-feed.ts';
import type { createPositionStore } from '../../src/feed/position-store.ts';
import type { Pipeline, Term } from '../../src/pipeline/pipeline.ts';
import type { Change, TaskChange, VariableChange } from '../../src/submission/change.ts';
import { FEED_STATE_KEY } from '../../src/vault/object-layout.ts';
import { NOON_MS } from './builders.ts';
import { createSimulatedFeed, type HistoryRow } from './builders-feed.ts';
import { createRememberingLog } from './builders-log.ts';
import { createFragileStore, STATE_BUCKET } from './builders-store.ts';
import type { VirtualTime } from './builders-time.ts';

export const LEASE_SECONDS = 15;

/** The rows of both feeds; `tasks: null` for a Formvault that keeps convention data only. */
export type LeaderWorld = { variables?: HistoryRow<VariableChange>[]; tasks?: HistoryRow<TaskChange>[] | null };

/** What is loaded after pauses were replaced by those of the virtual time, and what is to be stopped after the test. */
type Loaded = {
  leadFeed: typeof leadFeed;
  createPositionStore: typeof createPositionStore;
  time: VirtualTime;
  running: AbortController[];
};

/** Instances that take turns in leading two simulated feeds. */
export function aLeaderWorld(
  { leadFeed, createPositionStore, time, running }: Loaded,
  { variables = [], tasks = [] }: LeaderWorld = {},
) {
  const fragile = createFragileStore();
  const variableFeed = createSimulatedFeed(variables, time.nowMs);
  const taskFeed = tasks === null ? null : createSimulatedFeed(tasks, time.nowMs);

  /** `hold`: changes that never reach an outcome here. */
  function start(hold: string[] = []) {
    const stop = new AbortController();
    const abort = new AbortController();
    running.push(stop, abort);
    const handed: string[] = [];
    const rows = { variable_updates: 0, finished_tasks: 0 };
    const held: { change: Change; finish: (change: Change) => void; signals: Term }[] = [];
    const suspected: string[] = [];
    const status = createFeedStatus();
    const pipeline: Pipeline = {
      async submit(changes, finish, signals) {
        for (const change of changes) {
          handed.push(change.ref);
          if (hold.includes(change.ref)) held.push({ change, finish, signals });
          else finish(change);
        }
      },
      handOverSuspect(change, finish) {
        suspected.push(change.ref);
        finish(change);
      },
      inFlight: () => held.length,
      drain: async (signal) => (held.length === 0 ? undefined : time.pause(3_600_000, signal)),
    };
    const log = createRememberingLog();
    let end: unknown = 'running';
    const ended = leadFeed(
      {
        variableUpdates: variableFeed.source,
        finishedTasks: taskFeed?.source ?? null,
        positionStore: createPositionStore(fragile.store, {
          bucket: STATE_BUCKET,
          leaseSeconds: LEASE_SECONDS,
          nowMs: time.nowMs,
        }),
        pipeline,
        clock: { nowMs: time.nowMs, observe() {} },
        firstPositionMs: async () => NOON_MS,
        settleSeconds: 60,
        pollMs: 250,
        leaseSeconds: LEASE_SECONDS,
        status,
        onRows: (feed, counts) => {
          rows[feed] += counts.new;
        },
        log,
      },
      { stop: stop.signal, abort: abort.signal },
    ).then(
      () => {
        end = 'ended';
      },
      (error: unknown) => {
        end = error;
      },
    );
    const said = (sentence: string) => log.lines.filter((line) => line.sentence.includes(sentence)).length;
    return { handed, held, suspected, rows, status, stop, abort, ended, end: () => end, said };
  }

  async function savedState(): Promise<{ position: { variableUpdates: string; finishedTasks: string } }> {
    const object = await fragile.store.get(STATE_BUCKET, FEED_STATE_KEY, new AbortController().signal);
    return JSON.parse(Buffer.from(object?.body ?? []).toString());
  }

  async function savedPositions(): Promise<{ variableUpdates: number; finishedTasks: number }> {
    const { position } = await savedState();
    return { variableUpdates: Date.parse(position.variableUpdates), finishedTasks: Date.parse(position.finishedTasks) };
  }

  /** The state of the feed as somebody else left it. */
  async function overwrite(body: string): Promise<void> {
    const object = { bucket: STATE_BUCKET, key: FEED_STATE_KEY, contentType: 'application/json', body };
    await fragile.store.putIfAbsent(object, new AbortController().signal);
  }

  return { ...fragile, start, savedState, savedPositions, overwrite, variableFeed };
}
