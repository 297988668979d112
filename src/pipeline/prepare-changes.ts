/**
 * A batch of changes -> what can be kept of them, with everything that the engine has to say about it.
 *
 * Lookups go by batch, not by change (F8). A task submission is built only for a task whose activity instance wrote no
 * convention data (F7): what the feed brought along tells it for most tasks, for the others their own history does.
 */
import { LRUCache } from 'lru-cache';
import type { EngineHistory } from '../engine/engine-history.ts';
import { isJson, type VariableUpdate } from '../engine/history-rows.ts';
import type { Circumstances } from '../enrichment/enrich-submission.ts';
import type { Origins } from '../enrichment/origins.ts';
import { hasForm, type ProcessModel, settingsFor } from '../enrichment/process-definition.ts';
import { readCases } from '../enrichment/process-instances.ts';
import type { ProcessModels } from '../enrichment/process-models.ts';
import { lastValues, readUpdatesOfTasks } from '../enrichment/task-updates.ts';
import type { UserTasks } from '../enrichment/user-tasks.ts';
import { buildFromTask } from '../submission/build-from-task.ts';
import type { Change, TaskChange, UserTask, VariableChange } from '../submission/change.ts';
import { type Found, holdsConvention, splitConvention } from '../submission/split-convention.ts';

export const TOPICS = ['user-task-completed', 'convention-variable'] as const;
export type Topic = (typeof TOPICS)[number];

export type PreparedChange = { change: Change; topic: Topic; circumstances: Circumstances; found: Iterable<Found> };

/** Changes of which something can be kept, and those that hold nothing for the vault. */
export type Prepared = { changes: PreparedChange[]; ignored: Change[] };

export type Preparation = {
  capture: 'convention' | 'forms' | 'all';
  history: Pick<EngineHistory, 'readProcessInstances' | 'readUpdatesOf' | 'readFile'>;
  models: Pick<ProcessModels, 'read'>;
  userTasks: UserTasks;
  origins: Origins;
};

/** What is kept implicitly can be switched off in the BPMN; where a modeller asks for it by a service task, it is kept. */
export type Asked = 'implicitly' | 'explicitly';

type Draft = Omit<PreparedChange, 'circumstances'> & { model: ProcessModel; userTask: UserTask | null };

const REMEMBERED_ACTIVITIES = 20_000;

export function createPreparation({ capture, history, models, userTasks, origins }: Preparation) {
  /** Activity instances that wrote convention data. */
  const withConvention = new LRUCache<string, true>({ max: REMEMBERED_ACTIVITIES });
  const updatesPage = { rows: 200, most: 400 };

  async function draftVariables(changes: VariableChange[], asked: Asked, signal: AbortSignal): Promise<Draft[]> {
    const candidates = changes.flatMap((change) => {
      const found = splitConvention(change);
      const first = found.next();
      return first.done ? [] : [{ change, first: first.value, found: resume(first.value, found) }];
    });
    for (const { change, first } of candidates) {
      origins.note(change);
      // A text that is not JSON is no convention data; a task that wrote it is still a submission of its own.
      const isConvention = 'submission' in first || holdsConvention(change.text);
      if (change.activityInstanceId !== null && isConvention) withConvention.set(change.activityInstanceId, true);
    }
    const tasks = await userTasks.readAll(
      candidates.map(({ change }) => change),
      signal,
    );
    const drafts: Draft[] = [];
    for (const { change, found } of candidates) {
      const model = await models.read(change, signal);
      const userTask = tasks.get(change.activityInstanceId ?? '') ?? null;
      if (asked === 'implicitly' && settingsFor(model, userTask?.definitionKey ?? null).keepNothing) continue;
      const topic = userTask === null ? 'convention-variable' : 'user-task-completed';
      drafts.push({ change, topic, model, userTask, found });
    }
    return drafts;
  }

  async function draftTasks(changes: TaskChange[], asked: Asked, signal: AbortSignal): Promise<Draft[]> {
    const candidates: { change: TaskChange; model: ProcessModel; isForm: boolean }[] = [];
    for (const change of changes) {
      if (capture === 'convention' || withConvention.has(change.activityInstanceId ?? '')) continue;
      const model = await models.read(change, signal);
      const userTask = model.userTasks.get(change.task.definitionKey);
      const isForm = hasForm(userTask);
      if (asked === 'implicitly' && settingsFor(model, change.task.definitionKey).keepNothing) continue;
      // Of a task that no BPMN tells of (its deployment is gone, or the file cannot be read) nobody knows that it had no form.
      const mayBeForm = isForm || userTask === undefined;
      if (!mayBeForm && capture !== 'all') continue;
      candidates.push({ change, model, isForm });
    }
    if (candidates.length === 0) return [];
    const tasks = candidates.map(({ change }) => change);
    const updatesOf = await readUpdatesOfTasks(history, tasks, updatesPage, signal);
    return candidates.flatMap(({ change, model, isForm }) => {
      const updates = updatesOf.get(change.activityInstanceId ?? '') ?? [];
      if (updates.some(isConvention)) return [];
      const variables = lastValues(history, change, updates);
      if (!isForm && variables.length === 0) return [];
      const found: Found[] = [{ submission: buildFromTask(change, variables) }];
      return [{ change, topic: 'user-task-completed', model, userTask: change.task, found }];
    });
  }

  return {
    /** @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED; nothing is done then, and it may be tried again. */
    async prepare(changes: Change[], signal: AbortSignal, asked: Asked = 'implicitly'): Promise<Prepared> {
      const variables = changes.filter((change) => change.kind === 'variable');
      const tasks = changes.filter((change) => change.kind === 'task');
      for (const task of tasks) userTasks.remember(task);
      const drafts = [...(await draftVariables(variables, asked, signal)), ...(await draftTasks(tasks, asked, signal))];
      const caseOf = await readCases(
        history,
        drafts.map(({ change }) => change),
        signal,
      );
      const kept = new Set(drafts.map(({ change }) => change));
      return {
        ignored: changes.filter((change) => !kept.has(change)),
        changes: drafts.map(({ model, userTask, ...draft }) => ({
          ...draft,
          circumstances: { change: draft.change, userTask, model, case: caseOf(draft.change) },
        })),
      };
    },
  };
}

function isConvention(update: VariableUpdate): boolean {
  return isJson(update) && typeof update.value === 'string' && holdsConvention(update.value);
}

function* resume<T>(first: T, rest: Generator<T>): Generator<T> {
  yield first;
  yield* rest;
}
