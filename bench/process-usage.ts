import { readFileSync } from 'node:fs';
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

/** `null` when it has ended. */
function findCpuSeconds(pid: number): number | null {
  try {
    return cpuSeconds(pid);
  } catch {
    return null;
  }
}

/** Fields 14 to 17 of `man proc_pid_stat`, in seconds. */
function readTimes(pid: number): { own: number; endedChildren: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
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
