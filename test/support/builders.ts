/** Changes and tasks with sensible defaults; a test names only what it is about. */
import type { TaskChange, UserTask, VariableChange } from '../../src/submission/change.ts';
import { type Found, splitConvention } from '../../src/submission/split-convention.ts';
import type { Submission } from '../../src/submission/submission.ts';

export const NOON_MS = Date.UTC(2024, 1, 29, 12);

export function aVariableChange(given: Partial<VariableChange> & { json?: unknown } = {}): VariableChange {
  const { json = { form: { name: 'site-visit' }, answer: 'yes' }, ...rest } = given;
  return {
    kind: 'variable',
    ref: 'detail/d-1',
    timeMs: NOON_MS,
    processInstanceId: 'p-1',
    rootProcessInstanceId: 'p-1',
    processDefinitionId: 'visit:1:1',
    processDefinitionKey: 'visit',
    activityInstanceId: 'fillIn:a-1',
    tenantId: null,
    variableName: 'visit',
    variableInstanceId: 'v-1',
    revision: 0,
    userOperationId: null,
    text: JSON.stringify(json),
    ...rest,
  };
}

export function aUserTask(given: Partial<UserTask> = {}): UserTask & { endTime: string } {
  return {
    id: 't-1',
    definitionKey: 'fillIn',
    name: 'Fill in the visit',
    assignee: 'anna',
    startTime: new Date(NOON_MS - 60_000).toISOString(),
    ...given,
    endTime: given.endTime ?? new Date(NOON_MS).toISOString(),
  };
}

export function aTaskChange(given: Partial<Omit<TaskChange, 'task'>> & { task?: Partial<UserTask> } = {}): TaskChange {
  const { task: ofTask, ...rest } = given;
  const task = aUserTask(ofTask);
  return {
    kind: 'task',
    ref: `task/${task.id}`,
    timeMs: Date.parse(task.endTime),
    processInstanceId: 'p-1',
    rootProcessInstanceId: 'p-1',
    processDefinitionId: 'visit:1:1',
    processDefinitionKey: 'visit',
    activityInstanceId: 'fillIn:a-1',
    tenantId: null,
    ...rest,
    task,
  };
}

export function foundIn(text: string): Found[] {
  return [...splitConvention({ ref: 'detail/d-1', variableName: 'data', text })];
}

/** The good submissions of a JSON text. */
export function submissionsIn(text: string): Submission[] {
  return foundIn(text).flatMap((found) => ('submission' in found ? [found.submission] : []));
}

export function onlySubmissionIn(text: string): Submission {
  const [first, ...others] = submissionsIn(text);
  if (first === undefined || others.length > 0) throw new Error(`expected one submission, found ${others.length + 1}`);
  return first;
}
