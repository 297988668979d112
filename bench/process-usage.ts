import { readdirSync, readFileSync } from 'node:fs';
import { childrenOf } from '../dev/servers/process.ts';

const TICKS_A_SECOND = 100; // USER_HZ of Linux

/** Processor time of a process with all its threads, those that have ended included. */
export function cpuSeconds(pid: number): number {
  return readTimes(pid).own;
}

/** Also of what it has started, those that have ended included; not of what these have started. */
export function cpuSecondsOfFamily(pid: number): number {
  for (;;) {
    const children = childrenOf(pid);
    const living = children.map(findCpuSeconds);
    const { own, endedChildren } = readTimes(pid);
    // One that ends just now would count twice or not at all.
    const isWhole = !living.includes(null) && childrenOf(pid).join() === children.join();
    if (isWhole) return living.reduce<number>((sum, seconds) => sum + (seconds ?? 0), own + endedChildren);
  }
}

/** Of its living threads with these names, from now on; Linux knows the first 15 characters of each. */
export function startThreadMeter(pid: number, names: readonly string[]): CpuMeter {
  const atStart = readThreads(pid, names);
  const seconds = (): number => {
    const threads = [...readThreads(pid, names)];
    return threads.reduce((sum, [thread, now]) => sum + now - (atStart.get(thread) ?? 0), 0);
  };
  return { seconds };
}

function readThreads(pid: number, names: readonly string[]): Map<string, number> {
  const threads = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = findFile(`/proc/${pid}/task/${thread}/stat`);
    if (stat !== null && names.some((name) => stat.includes(`(${name})`))) threads.set(thread, timesOf(stat).own);
  }
  return threads;
}

/** `null` when it has ended. */
function findCpuSeconds(pid: number): number | null {
  const stat = findFile(`/proc/${pid}/stat`);
  return stat === null ? null : timesOf(stat).own;
}

function findFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Fields 14 to 17 of `man proc_pid_stat`, in seconds. */
function readTimes(pid: number): { own: number; endedChildren: number } {
  return timesOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function timesOf(stat: string): { own: number; endedChildren: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold blanks
  const seconds = (first: number): number => (Number(fields[first]) + Number(fields[first + 1])) / TICKS_A_SECOND;
  return { own: seconds(11), endedChildren: seconds(13) };
}

export function peakMemoryMb(pid: number): number {
  return readMb(pid, 'VmHWM');
}

/** The resident set now. */
export function memoryMb(pid: number): number {
  return readMb(pid, 'VmRSS');
}

function readMb(pid: number, name: 'VmHWM' | 'VmRSS'): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? Number.NaN) / 1024;
}

export type CpuMeter = { seconds(): number };

/** Counts from now on. */
export function startCpuMeter(pid: number, read: (pid: number) => number = cpuSeconds): CpuMeter {
  const atStart = read(pid);
  return { seconds: () => read(pid) - atStart };
}
