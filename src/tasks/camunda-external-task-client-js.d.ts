/** What is used of the client, release 3.1.0; the package has no types of its own. */
declare module 'camunda-external-task-client-js' {
  export type Task = { businessKey: string; variables: { get(name: string): unknown } };
  export type TaskService = { complete(task: Task): Promise<void> };
  export type ClientOptions = {
    baseUrl: string;
    /** The default is the same text for everybody. */
    workerId?: string;
    maxTasks?: number;
    maxParallelExecutions?: number;
    interval?: number;
    lockDuration?: number;
    asyncResponseTimeout?: number;
    usePriority?: boolean;
    autoPoll?: boolean;
    use?: (client: Client) => void;
  };
  export type TopicOptions = { variables?: string[]; lockDuration?: number };

  /** Options of got 14; not awaited. */
  export type Interceptor = (request: Record<string, unknown>) => Record<string, unknown>;
  export type EngineService = {
    /** Read at each request. */
    interceptors: Interceptor[] | undefined;
    /** The answer's JSON if its content type is `application/json` to the letter, else its bytes. */
    fetchAndLock(body: Record<string, unknown>): Promise<unknown>;
  };

  /** `poll` and `executeTask` may be overridden: the constructor binds what a subclass has. */
  export class Client {
    constructor(options: ClientOptions);
    activeTasksCount: number;
    engineService: EngineService;
    subscribe(
      topic: string,
      options: TopicOptions,
      handler: (work: { task: Task; taskService: TaskService }) => Promise<void>,
    ): void;
    start(): void;
    poll(): Promise<unknown>;
    executeTask(row: unknown): Promise<void>;
    stop(): void;
    emit(event: string, ...values: unknown[]): boolean;
  }
  export const logger: (client: Client) => void;
}
