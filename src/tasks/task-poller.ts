/**
 * The polling loop of camunda-external-task-client-js: one long poll at a time, for all topics, for as many tasks as there are
 * free places.
 *
 * The client itself would ask again at once after a failure, take a page of HTML for tasks, wait for an answer for ever and
 * end its loop when a listener throws. So this asks only when a pause is over and a place is free, takes the answer's bytes
 * and judges them itself, and lets no error out that carries the client's request.
 */
import { Client } from 'camunda-external-task-client-js';
import { type FormvaultError, failureCodeOf } from '../errors.ts';
import { readAnswer } from '../http/answer.ts';
import { createFailures, type Failures } from '../http/http-failures.ts';
import { readUserAgent } from '../http/user-agent.ts';
import type { Log } from '../observability/log.ts';
import type { Topic } from '../pipeline/prepare-changes.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { parseLockedTasks } from './parse-locked-tasks.ts';
import type { LockedTask } from './topic-worker.ts';

export type PollerOptions = {
  url: string;
  workerId: string;
  topics: readonly Topic[];
  concurrency: number;
  longPollMs: number;
  lockMs: number;
  /** What a poll may take beyond `longPollMs`. */
  graceMs: number;
  /** The value of the header; `null` where the engine asks for none. */
  authorization(signal: AbortSignal): Promise<string | null>;
  onUnauthorized(value: string): void;
  /** Takes a place until it resolves; never rejects. */
  onTask(task: LockedTask): Promise<void>;
  log: Log;
};

type Answer = Parameters<Failures['check']>[0];
type GotHeaders = Record<string, string | string[] | undefined>;
type GotResponse = { statusCode: number; headers: GotHeaders };
type GotAnswer = { status: number; headers: GotHeaders; data: Uint8Array };

const INTERVAL_MS = 10;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const LATE_ANSWER_MS = 1_000;
const LOG_FAILURES_EVERY_MS = 60_000;
const ATTEMPTED = 'could not fetch external tasks';
const FAILURES_OF_POLLS = createFailures({ unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' });

export class TaskPoller extends Client {
  readonly #options: PollerOptions;
  readonly #stopped = new AbortController();
  readonly #cut = new AbortController();
  readonly #sendPoll: (body: Record<string, unknown>) => Promise<unknown>;
  #isStarted = false;
  #turn: Promise<void> = Promise.resolve();
  #askedMs = Number.NEGATIVE_INFINITY;
  #lastAnswerMs: number | null = null;
  #failures = 0;
  #pauseMs = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #isFailureTold = false;
  #onFreePlace: () => void = () => undefined;

  constructor(options: PollerOptions) {
    super({
      baseUrl: options.url,
      workerId: options.workerId,
      maxTasks: options.concurrency,
      maxParallelExecutions: options.concurrency,
      asyncResponseTimeout: options.longPollMs,
      lockDuration: options.lockMs,
      interval: INTERVAL_MS,
      usePriority: false,
      autoPoll: false,
    });
    this.#options = options;
    this.#sendPoll = this.engineService.fetchAndLock;
    this.engineService.fetchAndLock = (body) => this.#fetchTasks(body);
    for (const topic of options.topics) {
      this.subscribe(topic, { variables: ['source'] }, async () => undefined); // `executeTask` has the handler
    }
  }

  /** When there was an answer last, by `performance.now`; how many polls have failed since; tasks that have a place. */
  state(): { lastPollMs: number | null; failures: number; active: number } {
    return { lastPollMs: this.#lastAnswerMs, failures: this.#failures, active: this.activeTasksCount };
  }

  override start(): void {
    if (this.#isStarted || this.#stopped.signal.aborted) return;
    this.#isStarted = true;
    super.start();
  }

  /** No more polls. An open one is left to end, since the engine would lock tasks for somebody who is gone. */
  override stop(): void {
    if (this.#stopped.signal.aborted) return;
    super.stop();
    this.#stopped.abort();
    this.#onFreePlace();
  }

  /** After `stop`: when every task that an open poll brought has its place. */
  async settled(deadline: AbortSignal): Promise<void> {
    const waited = new AbortController();
    const leftMs = this.#askedMs + this.#options.longPollMs + LATE_ANSWER_MS - performance.now();
    const cut = () => this.#cut.abort();
    void pause(Math.max(0, leftMs), AbortSignal.any([deadline, waited.signal])).then(cut);
    await this.#turn;
    waited.abort();
  }

  override async poll(): Promise<void> {
    this.#turn = this.#takeTurn();
    await this.#turn;
  }

  override async executeTask(task: LockedTask): Promise<void> {
    this.activeTasksCount++;
    try {
      await this.#options.onTask(task);
    } finally {
      this.activeTasksCount--;
      this.#onFreePlace();
    }
  }

  override emit(event: string, ...values: unknown[]): boolean {
    try {
      return super.emit(event, ...values);
    } catch (err) {
      this.#options.log.error({ err, part: 'worker' }, 'listener of the external task client failed');
      return true;
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#pauseMs > 0) await pause(this.#pauseMs, this.#stopped.signal);
    while (this.activeTasksCount >= this.#options.concurrency && !this.#stopped.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onFreePlace = resolve;
      });
    }
    if (!this.#stopped.signal.aborted) await super.poll();
  }

  async #fetchTasks(body: Record<string, unknown>): Promise<LockedTask[]> {
    this.#askedMs = performance.now();
    try {
      const tasks = await this.#ask(body);
      this.#lastAnswerMs = performance.now();
      this.#recover();
      return tasks;
    } catch (error) {
      if (!this.#cut.signal.aborted) this.#fail(error);
      throw error;
    }
  }

  /** Once more with another value where the first one was refused. */
  async #ask(body: Record<string, unknown>): Promise<LockedTask[]> {
    const { authorization, onUnauthorized, topics } = this.#options;
    const value = await authorization(this.#cut.signal);
    let answer = await this.#askAs(value, body);
    if (answer.status === 401 && value !== null) {
      onUnauthorized(value);
      const newValue = await authorization(this.#cut.signal);
      if (newValue !== value) answer = await this.#askAs(newValue, body);
    }
    const attempt = { attempted: ATTEMPTED, signal: this.#cut.signal };
    FAILURES_OF_POLLS.check(answer, attempt);
    const notTheEngine = () => FAILURES_OF_POLLS.notTheService(answer.status, attempt);
    const tasks = parseLockedTasks(readAnswer(answer, 'json', JSON.parse, notTheEngine), topics);
    if (tasks === null) throw notTheEngine();
    return tasks;
  }

  async #askAs(authorization: string | null, body: Record<string, unknown>): Promise<Answer> {
    const { longPollMs, graceMs } = this.#options;
    const answer: GotAnswer = { status: 0, headers: {}, data: new Uint8Array() };
    const options = {
      headers: {
        accept: 'application/json',
        'user-agent': readUserAgent(),
        ...(authorization !== null && { authorization }),
      },
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: { request: longPollMs + graceMs },
      signal: this.#cut.signal,
      hooks: { afterResponse: [(response: GotResponse) => takeHead(response, answer)] },
    };
    this.engineService.interceptors = [(request) => ({ ...request, ...options })];
    try {
      answer.data = (await this.#sendPoll(body)) as Uint8Array;
      return answer as Answer;
    } catch (error) {
      throw FAILURES_OF_POLLS.ofTransport(error, { attempted: ATTEMPTED, signal: this.#cut.signal });
    }
  }

  #fail(err: unknown): void {
    this.#failures++;
    const floorMs = (err as Partial<FormvaultError> | null)?.retryAfterMs ?? 0;
    this.#pauseMs = Math.max(floorMs, backOffMs(this.#failures - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
    if (performance.now() - this.#loggedMs < LOG_FAILURES_EVERY_MS) return;
    this.#loggedMs = performance.now();
    this.#isFailureTold = true;
    const fields = { err, code: failureCodeOf(err), failures: this.#failures, pauseMs: this.#pauseMs, part: 'worker' };
    this.#options.log.warn(fields, 'external tasks cannot be fetched; trying again');
  }

  #recover(): void {
    if (this.#isFailureTold) {
      this.#options.log.info({ failures: this.#failures, part: 'worker' }, 'external tasks are fetched again');
    }
    this.#isFailureTold = false;
    this.#failures = 0;
    this.#pauseMs = 0;
  }
}

/** Without a content type the client hands the bytes over as they are. */
function takeHead(response: GotResponse, answer: GotAnswer): GotResponse {
  answer.status = response.statusCode;
  answer.headers = { ...response.headers };
  delete response.headers['content-type'];
  return response;
}
