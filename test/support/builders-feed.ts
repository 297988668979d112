/** An engine whose rows become visible when they are committed, which may be long after their time stamps. */
import type { FeedSource } from '../../src/feed/feed-track.ts';
import type { TaskChange, VariableChange } from '../../src/submission/change.ts';
import { aTaskChange, aVariableChange } from './builders.ts';

export type HistoryRow<T> = { id: string; timeMs: number; commitMs: number; removedMs?: number; change: T | null };

export type SimulatedFeed<T> = ReturnType<typeof createSimulatedFeed<T>>;

export function createSimulatedFeed<T>(rows: HistoryRow<T>[], nowMs: () => number) {
  const requests: { atMs: number; kind: 'page' | 'count' }[] = [];
  const reads = new Map<string, number>();
  let fault: Error | null = null;

  const visible = ({ fromMs, toMs }: { fromMs: number; toMs: number }): HistoryRow<T>[] =>
    rows.filter(
      ({ timeMs, commitMs, removedMs = Number.POSITIVE_INFINITY }) =>
        timeMs >= fromMs && timeMs <= toMs && commitMs <= nowMs() && removedMs > nowMs(),
    );

  async function arrive(kind: 'page' | 'count'): Promise<void> {
    requests.push({ atMs: nowMs(), kind });
    await Promise.resolve();
    if (fault !== null) throw fault;
  }

  const source: FeedSource<T> = {
    async readPage(window, maxRows) {
      await arrive('page');
      const page = visible(window)
        .sort((a, b) => a.timeMs - b.timeMs)
        .slice(0, maxRows);
      for (const { id } of page) reads.set(id, (reads.get(id) ?? 0) + 1);
      return { rows: page.map(({ id, timeMs, change }) => ({ id, timeMs, change })), bytes: 2_000_000 };
    },
    async count(window) {
      await arrive('count');
      return visible(window).length;
    },
  };
  return {
    source,
    requests,
    /** How often each row went over the wire. */
    reads,
    failWith(error: Error | null): void {
      fault = error;
    },
  };
}

export function aVariableRow(id: string, timeMs: number, lateMs = 0): HistoryRow<VariableChange> {
  const ref = `detail/${id}` as const;
  const change = aVariableChange({ ref, timeMs, variableInstanceId: id, activityInstanceId: `fillIn:${id}` });
  return { id: ref, timeMs, commitMs: timeMs + lateMs, change };
}

export function aTaskRow(id: string, timeMs: number, lateMs = 0): HistoryRow<TaskChange> {
  const endTime = new Date(timeMs).toISOString();
  const change = aTaskChange({ task: { id, endTime }, activityInstanceId: `fillIn:${id}` });
  return { id: change.ref, timeMs, commitMs: timeMs + lateMs, change };
}
