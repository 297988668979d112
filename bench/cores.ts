/** Which cores of the machine processes run on. */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Gives one process the first core for itself and leaves the others to the rest and to what those start from now on. Returns how to
 * undo it; `null` where that cannot be done: one core only, or no `taskset` (util-linux).
 */
export async function giveOwnCore(pid: number, rest: number[]): Promise<(() => Promise<void>) | null> {
  const last = availableParallelism() - 1;
  if (last < 1) return null;
  const pin = (of: number, cores: string) => run('taskset', ['--all-tasks', '--pid', '--cpu-list', cores, String(of)]);
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
