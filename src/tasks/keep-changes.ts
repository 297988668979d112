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

  async function keepAll(
    changes: Change[],
    asked: Asked,
    isWanted: (prepared: PreparedChange) => boolean,
    signal: AbortSignal,
  ): Promise<Failed[]> {
    const prepared = await preparation.prepare(changes, signal, asked);
    const limit = pLimit(AT_ONCE);
    const failures: Failed[] = [];
    for (const each of prepared.changes.filter(isWanted)) {
      // One variable may hold a million submissions: they are found as there is room for them.
      const started = new Set<Promise<void>>();
      for (const found of each.found) {
        const run = limit(async () => {
          const failure = await runOnce(each, found, options, signal);
          if (failure !== null) failures.push({ ...failure, change: each.change });
        }).finally(() => started.delete(run));
        started.add(run);
        while (started.size >= AT_ONCE) await Promise.race(started);
        if (signal.aborted) break;
      }
      await Promise.all(started);
      signal.throwIfAborted(); // what was left out is not kept
    }
    return failures;
  }

  /** In place of invalid data that was written again since, what its variable holds by now. */
  async function keepCorrected(
    failures: Failed[],
    keep: (change: Change) => Promise<Failed[]>,
    signal: AbortSignal,
  ): Promise<Failed[]> {
    const left: Failed[] = [];
    const lastRefs = new Map<string, ChangeRef | undefined>();
    for (const failure of failures) {
      const { change, error } = failure;
      if (change.kind !== 'variable' || failureCodeOf(error) !== 'SUBMISSION_INVALID') {
        left.push(failure);
        continue;
      }
      const { variableInstanceId } = change;
      if (!lastRefs.has(variableInstanceId)) {
        const last = await history.findLastValue(change, signal);
        lastRefs.set(variableInstanceId, last?.ref);
        if (last !== null && last.ref !== change.ref) left.push(...(await keep(last)));
      }
      if ([undefined, change.ref].includes(lastRefs.get(variableInstanceId))) left.push(failure);
    }
    return left;
  }

  return {
    /** The one change of a task of our own process; invalid data that a person corrected since, as it is by now. */
    async keepChange({ businessKey, retries }: LockedTask, signal: AbortSignal): Promise<Failure | null> {
      const change = await findChange(history, businessKey, signal);
      if (change instanceof FormvaultError) return failureOf(change, NOTHING_KNOWN);
      const keep = (of: Change) => keepAll([of], 'implicitly', () => true, signal);
      const failures = await keep(change);
      return worst(retries === null ? failures : await keepCorrected(failures, keep, signal));
    },

    /** Everything of the task's kind in its process instance, also where nothing is kept implicitly. */
    async keepInstance(
      { processInstanceId, topic, retries }: LockedTask,
      signal: AbortSignal,
    ): Promise<Failure | null> {
      const isWanted = (prepared: PreparedChange) => prepared.topic === topic;
      const keep = (changes: Change[]) => keepAll(changes, 'explicitly', isWanted, signal);
      const failures: Failed[] = [];
      const feeds: ReadPage<Change>[] = [history.readVariableChangesOf.bind(history, processInstanceId)];
      if (topic === 'user-task-completed') feeds.push(history.readTaskChangesOf.bind(history, processInstanceId));
      for (const readPage of feeds) {
        const pageSize = { rows: PAGE_ROWS.first, most: PAGE_ROWS.most };
        for await (const { rows } of readWindow(readPage, { fromMs: 0, toMs: THE_END_MS }, pageSize, signal)) {
          const changes = rows.flatMap(({ change }) => change ?? []);
          failures.push(...(await keep(changes)));
        }
      }
      return worst(retries === null ? failures : await keepCorrected(failures, (last) => keep([last]), signal));
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
