/** The embedded database in a thread of its own, so that a long query never holds up what is being kept. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

/**
 * It never gives back what of this memory it has used. What it has no room for it reads from the system's memory, block by block,
 * which searches for phrases notice first.
 */
const SETTINGS = ['-c', 'shared_buffers=128MB'];

export type PGliteRequest = { id: number; sql: string; parameters: unknown[] } | { id: number; close: true };

export type PGliteAnswer =
  | { opened: true }
  | { id: number; rows: unknown[]; affectedRows: number | undefined }
  | { id: number; error: PGliteFailure };

/** What of an error can cross to another thread. */
export type PGliteFailure = { name: string; message: string; code: string | undefined; stack: string | undefined };

if (parentPort !== null) await serve(parentPort);

async function serve(port: NonNullable<typeof parentPort>): Promise<void> {
  const { dir } = workerData as { dir: string };
  const database = await PGlite.create(dir, { startParams: [...PGlite.defaultStartParams, ...SETTINGS] });
  const answer = (message: PGliteAnswer): void => port.postMessage(message);
  port.on('message', async (request: PGliteRequest) => {
    try {
      if ('close' in request) {
        await database.close();
        answer({ id: request.id, rows: [], affectedRows: undefined });
        port.close();
        return;
      }
      const { rows, affectedRows } = await database.query(request.sql, request.parameters);
      answer({ id: request.id, rows, affectedRows });
    } catch (error) {
      answer({ id: request.id, error: failureOf(error) });
    }
  });
  answer({ opened: true });
}

function failureOf(error: unknown): PGliteFailure {
  const { name, message, code, stack } = error as Record<keyof PGliteFailure, string | undefined>;
  return { name: name ?? 'Error', message: message ?? '', code, stack };
}
