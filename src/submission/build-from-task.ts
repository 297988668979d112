import type { TaskChange } from './change.ts';
import { digestOf } from './digest.ts';
import { JsonSyntaxError, parseJsonTree } from './json-tree.ts';
import type { Attachment, Submission } from './submission.ts';

/** The last value of one variable that was written while the task was open; `json` is its JSON text, files have none. */
export type TaskVariable = { name: string; json: string } | { name: string; attachment: Attachment };

/** Task and its variables -> submission: `{"data": {…}, "form": {}, "process": {}, "task": {…}}`, the blanks to be filled. */
export function buildFromTask(change: TaskChange, variables: TaskVariable[]): Submission {
  const { id, definitionKey, name, assignee, startTime, endTime } = change.task;
  const data = variables.flatMap((variable) =>
    'json' in variable ? [`${JSON.stringify(variable.name)}:${variable.json}`] : [],
  );
  const task = JSON.stringify({ id, definitionKey, name, assignee, startTime, endTime });
  const tree = parseJsonTree(`{"data":{${data.join()}},"form":{},"process":{},"task":${task}}`);
  return {
    tree,
    node: 0,
    source: change.ref,
    form: { name: null, formId: null, formVersionId: null, title: null, submittedBy: null, submissionDate: null },
    process: { definitionId: null, instanceId: null, businessKey: null },
    email: null,
    digest: digestOf(tree),
    attachments: variables.flatMap((variable) => ('attachment' in variable ? [variable.attachment] : [])),
  };
}

/** The text of a JSON variable as a value: itself where it is JSON, else a JSON string that holds it. */
export function jsonOrText(text: string): string {
  try {
    parseJsonTree(text);
    return text;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return JSON.stringify(text);
    throw error;
  }
}
