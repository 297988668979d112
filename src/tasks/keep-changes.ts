import pLimit from 'p-limit';
import type { EngineHistory } from '../engine/engine-history.ts';
import { type ReadPage, readWindow } from '../engine/read-window.ts';
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { Asked, createPreparation, PreparedChange } from '../pipeline/prepare-changes.ts';
import { type Failure, failureOf, NOTHING_KNOWN, type Running, runOnce } from '../pipeline/run-in-place.ts';
import type { Change, ChangeRef } from '../submission/change.ts';
import type { LockedTask } from './topic-worker.ts';

export type KeepChanges = ReturnType<typeof createKeepChanges>;

type Failed = Failure & { change: Change };

/** How many submissions there were, and those that are not kept. */
type Kept = { found: number; failures: Failed[] };

type Reading = Pick<
  EngineHistory,
  'findVariableChange' | 'findLastValue' | 'findTaskChange' | 'readVariableChangesOf' | 'readTaskChangesOf'
>;

const AT_ONCE = 4;
const PAGE_ROWS = { first: 50, most: 200 };
const THE_END_MS = Date.parse('9999-01-01T00:00:00Z');

/** Keeps what an external task stands for; the answer is the failure to report, `null` where everything is kept. */
export function createKeepChanges(
  options: Running & { history: Reading; preparation: ReturnType<typeof createPreparation> },
) {
  const { history, preparation } = options;
  const pageSize = { rows: PAGE_ROWS.first, most: PAGE_ROWS.most };

  async function keepAll(
    changes: Change[],
    asked: Asked,
    isWanted: (prepared: PreparedChange) => boolean,
    signal: AbortSignal,
  ): Promise<Kept> {
    const prepared = await preparation.prepare(changes, signal, asked);
    const limit = pLimit(AT_ONCE);
    const kept: Kept = { found: 0, failures: [] };
    for (const each of prepared.changes.filter(isWanted)) {
      // One variable may hold a million submissions: they are found as there is room for them.
      const started = new Set<Promise<void>>();
      for (const found of each.found) {
        kept.found++;
        const run = limit(async () => {
          const failure = await runOnce(each, found, options, signal);
          if (failure !== null) kept.failures.push({ ...failure, change: each.change });
        }).finally(() => started.delete(run));
        started.add(run);
        while (started.size >= AT_ONCE) await Promise.race(started);
        if (signal.aborted) break;
      }
      await Promise.all(started);
      signal.throwIfAborted(); // what was left out is not kept
    }
    return kept;
  }

  /**
   * In place of invalid data that was written again since, what its variable holds by now. A variable that was removed, or
   * holds no submission any more, takes the place of nothing: what a person typed is not kept yet, and the failure stays.
   */
  async function keepCorrected(
    failures: Failed[],
    keep: (change: Change) => Promise<Kept>,
    signal: AbortSignal,
  ): Promise<Failed[]> {
    const left: Failed[] = [];
    const lasts = new Map<string, { ref: ChangeRef | null; found: number }>();
    for (const failure of failures) {
      const { change, error } = failure;
      if (change.kind !== 'variable' || failureCodeOf(error) !== 'SUBMISSION_INVALID') {
        left.push(failure);
        continue;
      }
      const { variableInstanceId } = change;
      let last = lasts.get(variableInstanceId);
      if (last === undefined) {
        const value = await history.findLastValue(change, signal);
        const isLater = value !== null && value.ref !== change.ref;
        const kept = isLater ? await keep(value) : { found: 0, failures: [] };
        left.push(...kept.failures);
        last = { ref: value?.ref ?? null, found: kept.found };
        lasts.set(variableInstanceId, last);
      }
      if (last.found === 0 || last.ref === change.ref) left.push(failure);
    }
    return left;
  }

  return {
    /** The one change of a task of our own process; invalid data that a person corrected since, as it is by now. */
    async keepChange({ businessKey, retries }: LockedTask, signal: AbortSignal): Promise<Failure | null> {
      const change = await findChange(history, businessKey, signal);
      if (change instanceof FormvaultError) return failureOf(change, NOTHING_KNOWN);
      const keep = (of: Change) => keepAll([of], 'implicitly', () => true, signal);
      const { failures } = await keep(change);
      return worst(retries === null ? failures : await keepCorrected(failures, keep, signal));
    },

    /** Everything of the task's kind in its process instance, also where nothing is kept implicitly. */
    async keepInstance(
      { processInstanceId, topic, retries }: LockedTask,
      signal: AbortSignal,
    ): Promise<Failure | null> {
      const isWanted = (prepared: PreparedChange) => prepared.topic === topic;
      // A person corrects a variable from outside of the task it was written in: then it is of the other topic.
      const keepLast = (last: Change) => keepAll([last], 'explicitly', () => true, signal);
      const failures: Failed[] = [];
      const feeds: ReadPage<Change>[] = [history.readVariableChangesOf.bind(history, processInstanceId)];
      if (topic === 'user-task-completed') feeds.push(history.readTaskChangesOf.bind(history, processInstanceId));
      for (const readPage of feeds) {
        for await (const { rows } of readWindow(readPage, { fromMs: 0, toMs: THE_END_MS }, pageSize, signal)) {
          const changes = rows.flatMap(({ change }) => change ?? []);
          failures.push(...(await keepAll(changes, 'explicitly', isWanted, signal)).failures);
        }
      }
      return worst(retries === null ? failures : await keepCorrected(failures, keepLast, signal));
    },
  };
}

/** What no waiting mends goes first. */
function worst(failures: Failure[]): Failure | null {
  return failures.find(({ cause }) => cause === null) ?? failures[0] ?? null;
}

async function findChange(
  history: Reading,
  businessKey: string | null,
  signal: AbortSignal,
): Promise<Change | FormvaultError> {
  const [kind, id] = (businessKey ?? '').split(/\/(.*)/s);
  if ((kind !== 'detail' && kind !== 'task') || id === undefined || id === '') {
    return new FormvaultError('SUBMISSION_INVALID', 'could not tell which change is meant', {
      hint: 'The business key must be the reference of a change, such as task/<id>; cancel this process instance.',
    });
  }
  const change =
    kind === 'detail' ? await history.findVariableChange(id, signal) : await history.findTaskChange(id, signal);
  const ref: ChangeRef = `${kind}/${id}`;
  return change ?? new FormvaultError('SOURCE_GONE', 'could not find the change in the history', { context: { ref } });
}
