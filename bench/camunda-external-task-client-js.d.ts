/** The part of the client that the hand-written worker uses; the package has no types of its own. */
declare module 'camunda-external-task-client-js' {
  export type Task = { businessKey: string; variables: { get(name: string): unknown } };
  export type TaskService = { complete(task: Task): Promise<void> };
  export type ClientOptions = {
    baseUrl: string;
    workerId?: string;
    maxTasks?: number;
    maxParallelExecutions?: number;
    interval?: number;
    lockDuration?: number;
    asyncResponseTimeout?: number;
    usePriority?: boolean;
    use?: (client: Client) => void;
  };
  export class Client {
    constructor(options: ClientOptions);
    subscribe(
      topic: string,
      options: { variables?: string[] },
      handler: (work: { task: Task; taskService: TaskService }) => Promise<void>,
    ): void;
    stop(): void;
  }
  export const logger: (client: Client) => void;
}
