/**
 * The embedded database as Kysely wants it, with the database itself in another thread.
 *
 * Kysely never uses the one connection for two things at once, so a transaction needs no more than its words in SQL.
 */
import { Worker } from 'node:worker_threads';
import type { PGlite } from 'kysely';
import type { PGliteAnswer, PGliteFailure, PGliteRequest } from './pglite-worker.ts';

/** As WebAssembly calls what it cannot go on after. */
const ENDED_BY_ITSELF = Object.assign(new Error('the embedded database has ended'), { name: 'RuntimeError' });

type Answer = { rows: unknown[]; affectedRows: number | undefined };
type Waiting = { resolve(answer: Answer): void; reject(error: Error): void };

/** @throws whatever the database says of a folder that it cannot open */
export async function openPGlite(dir: string): Promise<PGlite> {
  const worker = new Worker(workerUrl(), { workerData: { dir } });
  const waiting = new Map<number, Waiting>();
  let requests = 0;
  let ended: Error | null = null;
  let isClosing = false;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('error', (error) => end(toError(error as PGliteFailure)));
  worker.on('exit', () => end(isClosing ? new Error('the embedded database is closed') : ENDED_BY_ITSELF));
  await opened(worker);
  worker.on('message', (answer: PGliteAnswer) => {
    if ('opened' in answer) return;
    const request = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) request?.reject(toError(answer.error));
    else request?.resolve(answer);
  });

  function ask(request: (id: number) => PGliteRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      const id = ++requests;
      waiting.set(id, { resolve, reject });
      worker.postMessage(request(id));
    });
  }

  async function query(sql: string, parameters: unknown[] = []) {
    const { rows, affectedRows } = await ask((id) => ({ id, sql, parameters }));
    return { rows: rows as never[], fields: [], ...(affectedRows !== undefined && { affectedRows }) };
  }

  return {
    ready: true,
    waitReady: Promise.resolve(),
    get closed() {
      return ended !== null;
    },
    query,
    async transaction(run) {
      await query('begin');
      try {
        const result = await run({ query, rollback: async () => void (await query('rollback')) });
        await query('commit');
        return result;
      } catch (error) {
        await query('rollback').catch(() => undefined);
        throw error;
      }
    },
    async close() {
      isClosing = true;
      await ask((id) => ({ id, close: true })).catch(() => undefined);
      await worker.terminate();
    },
  };
}

/** The sources run as they are, a build has another ending. */
function workerUrl(): URL {
  return new URL(`./pglite-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}

function opened(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', (error) => reject(toError(error as PGliteFailure)));
    worker.once('exit', () => reject(new Error('the embedded database ended while it was opened')));
  });
}

function toError({ name, message, code, stack }: PGliteFailure): Error {
  const error = Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
