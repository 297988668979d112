/** A change is one entry of the engine's history, in our words: a JSON variable update or a completed user task. */

export type ChangeRef = `detail/${string}` | `task/${string}`;

/** The user task that a change happened in. Times are ISO 8601 UTC. */
export type UserTask = {
  id: string;
  definitionKey: string;
  name: string | null;
  assignee: string | null;
  startTime: string;
  endTime: string | null;
};

type ChangeBase = {
  ref: ChangeRef;
  /** When it happened by the engine's clock, in ms since 1970. */
  timeMs: number;
  processInstanceId: string | null;
  rootProcessInstanceId: string | null;
  processDefinitionId: string | null;
  processDefinitionKey: string | null;
  activityInstanceId: string | null;
  tenantId: string | null;
};

/** A JSON variable that was written, without its value. */
export type VariableWriting = ChangeBase & {
  kind: 'variable';
  variableName: string;
  variableInstanceId: string;
  revision: number;
  userOperationId: string | null;
};

/** A JSON variable that was written. `text` is the value byte for byte as the engine holds it, valid JSON or not. */
export type VariableChange = VariableWriting & { text: string };

/** A user task that was completed. */
export type TaskChange = ChangeBase & { kind: 'task'; task: UserTask & { endTime: string } };

export type Change = VariableChange | TaskChange;
