import { readFileSync } from 'node:fs';

const TICKS_A_SECOND = 100; // USER_HZ of Linux

/** Processor time of a process with all its threads, those that have ended included. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold blanks
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
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
export function startCpuMeter(pid: number): CpuMeter {
  const atStart = cpuSeconds(pid);
  return { seconds: () => cpuSeconds(pid) - atStart };
}
