/** Which cores of the machine processes run on. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { childrenOf } from '../dev/servers/process.ts';

const run = promisify(execFile);

/**
 * Gives one process the first core for itself and leaves the others to the rest, to what those have started themselves (a
 * PostgreSQL is many processes) and to what they start from now on. Returns how to undo it; `null` where that cannot be done: one
 * core only, or no `taskset` (util-linux).
 */
export async function giveOwnCore(pid: number, rest: number[]): Promise<(() => Promise<void>) | null> {
  const last = availableParallelism() - 1;
  if (last < 1) return null;
  const pin = async (of: number, cores: string): Promise<void> => {
    await pinOne(of, cores);
    // Only now: what is started from now on has the cores already.
    for (const child of childrenOf(of)) {
      await pinOne(child, cores).catch((error: unknown) => {
        if (existsSync(`/proc/${child}`)) throw error;
      });
    }
  };
  const undo = async (): Promise<void> => {
    for (const each of [pid, ...rest]) await pin(each, `0-${last}`);
  };
  try {
    await pin(pid, '0');
    for (const each of rest) await pin(each, `1-${last}`);
    return undo;
  } catch {
    await undo().catch(() => undefined);
    return null;
  }
}

async function pinOne(pid: number, cores: string): Promise<void> {
  await run('taskset', ['--all-tasks', '--pid', '--cpu-list', cores, String(pid)]);
}
