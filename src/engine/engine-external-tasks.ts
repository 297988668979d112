/**
 * External tasks over the engine's REST API. Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED.
 *
 * What the holder of a lock says is said again a few times where the engine could not take it: two transactions on one task, a
 * broken connection, an answer that it cannot now. `lost`: the task is not ours to speak of, since it is gone, unlocked or
 * locked by somebody else, or its process instance is suspended.
 */
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { parseEngineTime } from './engine-time.ts';
import { isAbsent, parseRows, text } from './history-rows.ts';

export type EngineExternalTasks = ReturnType<typeof createEngineExternalTasks>;

/** What became of a word about a locked task. */
export type Said = 'done' | 'lost';

export type FailureReport = {
  /** The engine keeps 666 characters. */
  errorMessage: string;
  errorDetails: string;
  /** 0 raises the incident. */
  retries: number;
  retryTimeoutMs: number;
};

/** An external task that has no retries, or that has failed before. */
export type FailedTask = {
  id: string;
  topic: string;
  executionId: string;
  processInstanceId: string;
  processDefinitionKey: string;
  businessKey: string | null;
  errorMessage: string;
  retries: number | null;
  lockExpirationMs: number | null;
  tenantId: string | null;
};

/** An external task with the worker that holds it. */
export type HeldTask = { id: string; workerId: string; retries: number | null; errorMessage: string | null };

type Row = Record<string, unknown>;

const TRIES = 4;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** Less than the life of a lock. */
const LOCK_TIMEOUT_MS = 10_000;
const BATCH_SIZE = 200;
const PAGE_SIZE = 500;
/** From the messages of Camunda 7 and Operaton; there is no code for it. */
const LOST = /locked by worker|lock that expired|is suspended/;
/** Exceptions of the engine itself and its database, not of a step behind a task. */
const ENGINE_TROUBLE = /Optimistic|Persistence|Transaction|DataAccess|SQL|JDBC|Connection/;

export function createEngineExternalTasks(http: HttpClient) {
  async function say(taskId: string, verb: string, body: Row, attempted: string, signal: AbortSignal) {
    return tryAgain(signal, async (): Promise<Said | 'gone'> => {
      const answer = await http.request({
        method: 'POST',
        path: `/external-task/${encodeURIComponent(taskId)}/${verb}`,
        body,
        signal,
        attempted,
        context: { externalTaskId: taskId },
        accept: [400, 404],
        // Steps behind the task run before a completion is answered.
        ...(verb !== 'complete' && { timeoutMs: LOCK_TIMEOUT_MS }),
      });
      if (isAbsent(answer)) return 'gone';
      if (answer.status !== 400) return 'done';
      if (LOST.test(text((answer.data as Row | null)?.message) ?? '')) return 'lost';
      throw new FormvaultError('ENGINE_REJECTED', attempted, {
        cause: new Error('answered with status 400'),
        context: { externalTaskId: taskId, status: 400 },
      });
    });
  }

  async function sayOnce(...words: Parameters<typeof say>): Promise<Said> {
    const { result } = await say(...words);
    return result === 'gone' ? 'lost' : result;
  }

  async function setRetriesTogether(externalTaskIds: string[], retries: number, signal: AbortSignal): Promise<void> {
    const { result: answer } = await tryAgain(signal, () =>
      http.request({
        method: 'PUT',
        path: '/external-task/retries',
        body: { externalTaskIds, retries },
        signal,
        attempted: 'could not set the retries of external tasks',
        accept: [404],
      }),
    );
    // The engine changes none of them when one is gone.
    if (!isAbsent(answer) || externalTaskIds.length === 1) return;
    const half = Math.ceil(externalTaskIds.length / 2);
    await setRetriesTogether(externalTaskIds.slice(0, half), retries, signal);
    await setRetriesTogether(externalTaskIds.slice(half), retries, signal);
  }

  async function readPage(filter: Row, firstResult: number, signal: AbortSignal): Promise<Row[]> {
    const answer = await http.request({
      method: 'POST',
      path: '/external-task',
      query: { firstResult, maxResults: PAGE_SIZE },
      body: { ...filter, sorting: [{ sortBy: 'id', sortOrder: 'asc' }] },
      signal,
      attempted: 'could not read the failed external tasks',
    });
    return parseRows(answer.data);
  }

  /**
   * In the order of ids. There is no asking for "ids after this one", and tasks may go while pages are read; so each page
   * begins with the last row of the one before. If it does not, rows have moved up, and it is read from further ahead.
   */
  async function* readRows(filter: Row, signal: AbortSignal): AsyncGenerator<Row> {
    const seen = new Set<unknown>();
    for (let first = 0; ; ) {
      const rows = await readPage(filter, first, signal);
      if (first > 0 && !seen.has(rows[0]?.id)) {
        first = Math.max(0, first - PAGE_SIZE);
        continue;
      }
      const fresh = rows.filter(({ id }) => !seen.has(id));
      for (const { id } of fresh) seen.add(id);
      yield* fresh;
      if (rows.length < PAGE_SIZE) return;
      first += rows.length - 1;
    }
  }

  return {
    /** A step behind the task that fails is ENGINE_REJECTED. */
    async complete(taskId: string, workerId: string, signal: AbortSignal): Promise<Said> {
      const attempted = 'could not complete an external task';
      const { result, tries } = await say(taskId, 'complete', { workerId }, attempted, signal).catch((error) => {
        throw isStepBehindFailing(error) ? stepBehindFails(error, attempted) : error;
      });
      if (result !== 'gone') return result;
      return tries > 1 ? 'done' : 'lost'; // an earlier try may have got through
    },

    fail(taskId: string, workerId: string, report: FailureReport, signal: AbortSignal): Promise<Said> {
      const { errorMessage, errorDetails, retries, retryTimeoutMs: retryTimeout } = report;
      const body = { workerId, errorMessage, errorDetails, retries, retryTimeout };
      return sayOnce(taskId, 'failure', body, 'could not report the failure of an external task', signal);
    },

    extendLock(taskId: string, workerId: string, lockMs: number, signal: AbortSignal): Promise<Said> {
      const body = { workerId, newDuration: lockMs };
      return sayOnce(taskId, 'extendLock', body, 'could not extend the lock of an external task', signal);
    },

    lock(taskId: string, workerId: string, lockMs: number, signal: AbortSignal): Promise<Said> {
      const body = { workerId, lockDuration: lockMs };
      return sayOnce(taskId, 'lock', body, 'could not lock an external task', signal);
    },

    /** The engine does not ask who holds the lock. */
    unlock(taskId: string, signal: AbortSignal): Promise<Said> {
      return sayOnce(taskId, 'unlock', {}, 'could not unlock an external task', signal);
    },

    /** Tasks that are gone are passed over. */
    async setRetries(taskIds: string[], retries: number, signal: AbortSignal): Promise<void> {
      for (let at = 0; at < taskIds.length; at += BATCH_SIZE) {
        await setRetriesTogether(taskIds.slice(at, at + BATCH_SIZE), retries, signal);
      }
    },

    /** In the order of ids. */
    async *findFailed(
      { topic, retriesLeft }: { topic: string; retriesLeft: boolean },
      signal: AbortSignal,
    ): AsyncGenerator<FailedTask> {
      const filter = { topicName: topic, ...(retriesLeft ? { withRetriesLeft: true } : { noRetriesLeft: true }) };
      for await (const row of readRows(filter, signal)) {
        if (!retriesLeft || text(row.errorMessage) !== null) yield parseFailedTask(row);
      }
    },

    /** Tasks in somebody's hands now. */
    async *findLocked(topic: string, signal: AbortSignal): AsyncGenerator<HeldTask> {
      for await (const row of readRows({ topicName: topic, locked: true }, signal)) {
        const { id, workerId, retries } = row;
        if (typeof id !== 'string' || typeof workerId !== 'string') continue;
        yield {
          id,
          workerId,
          retries: typeof retries === 'number' ? retries : null,
          errorMessage: text(row.errorMessage),
        };
      }
    },
  };
}

/** Passing faults only; a service that asks for a longer pause is left to the caller. */
async function tryAgain<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<{ result: T; tries: number }> {
  for (let tries = 1; ; tries++) {
    try {
      return { result: await ask(), tries };
    } catch (error) {
      const floorMs = (error as { retryAfterMs?: number }).retryAfterMs ?? 0;
      const isPassing = failureCodeOf(error) === 'ENGINE_UNAVAILABLE' && floorMs <= LONGEST_PAUSE_MS;
      if (!isPassing || tries === TRIES || signal.aborted) throw error;
      await pause(Math.max(floorMs, backOffMs(tries - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)), signal);
    }
  }
}

function isStepBehindFailing(error: unknown): error is FormvaultError {
  const { status, type } = (error as Partial<FormvaultError> | null)?.context ?? {};
  return status === 500 && typeof type === 'string' && !ENGINE_TROUBLE.test(type);
}

function stepBehindFails({ cause, context }: FormvaultError, attempted: string): FormvaultError {
  return new FormvaultError('ENGINE_REJECTED', attempted, {
    cause,
    context,
    hint: 'Look into the log of the engine: a step behind the service task fails.',
  });
}

function parseFailedTask(row: Row): FailedTask {
  return {
    id: text(row.id) ?? '',
    topic: text(row.topicName) ?? '',
    executionId: text(row.executionId) ?? '',
    processInstanceId: text(row.processInstanceId) ?? '',
    processDefinitionKey: text(row.processDefinitionKey) ?? '',
    businessKey: text(row.businessKey),
    errorMessage: text(row.errorMessage) ?? '',
    retries: typeof row.retries === 'number' ? row.retries : null,
    lockExpirationMs: parseEngineTime(row.lockExpirationTime),
    tenantId: text(row.tenantId),
  };
}
