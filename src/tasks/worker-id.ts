/** Who holds a lock: each worker has an id of its own, which names its machine and its process. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const WORKER_ID = new RegExp(`^(?<machine>.*)-(?<pid>\\d+)-${UUID}$`, 's');

export type Place = { machine: string; pid: number };

const here = (): Place => ({ machine: hostname(), pid: process.pid });

export function newWorkerId({ machine, pid }: Place = here()): string {
  return `${machine}-${pid}-${randomUUID()}`;
}

/**
 * Whether a worker belongs to a process of this machine that is no more. One that is only frozen has not ended; of other
 * machines nothing is known.
 */
export function hasEndedHere(
  workerId: string,
  ourId: string,
  { machine, pid }: Place = here(),
  isRunning: (pid: number) => boolean = isProcessRunning,
): boolean {
  const named = WORKER_ID.exec(workerId)?.groups;
  if (named === undefined || named.machine !== machine || workerId === ourId) return false;
  // After the restart of a container the process before had the number that is ours now.
  return Number(named.pid) === pid || !isRunning(Number(named.pid));
}

function isProcessRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
