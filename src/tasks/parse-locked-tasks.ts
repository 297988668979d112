import type { Topic } from '../pipeline/prepare-changes.ts';
import type { LockedTask } from './topic-worker.ts';

type Row = Record<string, unknown>;

/** The answer to a fetch; `null` for what is no list of tasks of these topics. */
export function parseLockedTasks(answer: unknown, topics: readonly Topic[]): LockedTask[] | null {
  if (!Array.isArray(answer)) return null;
  const tasks = answer.map((row) => parseLockedTask(row, topics));
  return tasks.includes(null) ? null : (tasks as LockedTask[]);
}

function parseLockedTask(row: Row | null, topics: readonly Topic[]): LockedTask | null {
  const id = textOf(row?.id);
  const topic = topics.find((each) => each === row?.topicName);
  const executionId = textOf(row?.executionId);
  const processInstanceId = textOf(row?.processInstanceId);
  if (id === null || topic === undefined || executionId === null || processInstanceId === null) return null;
  return {
    id,
    topic,
    executionId,
    processInstanceId,
    processDefinitionKey: textOf(row?.processDefinitionKey) ?? '',
    businessKey: textOf(row?.businessKey),
    tenantId: textOf(row?.tenantId),
    retries: typeof row?.retries === 'number' ? row.retries : null,
    errorMessage: textOf(row?.errorMessage),
    source: textOf((row?.variables as { source?: { value?: unknown } | null } | null | undefined)?.source?.value),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
