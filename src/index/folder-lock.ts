/**
 * One process for one folder: two embedded databases in it would destroy it.
 *
 * A file beside the folder says who holds it. Whether that one still lives is asked of the system where both are on one
 * machine and see the same processes. Elsewhere (another container on the same volume) it is known by the file being touched
 * again and again; clocks of two machines are never compared.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { pause } from '../time/pause.ts';

const TOUCH_MS = 2_000;
/** A holder that did not touch the file for so long has ended. */
const SILENT_MS = 10_000;
/** Two that found the same dead holder both write; the later one has it. */
const SETTLE_MS = 100;

type Holder = { token: string; pid: number; startedAt: string | null; machine: string };

export type FolderLock = { release(): void };

/** `null`: another process has it. */
export async function lockFolder(file: string, signal: AbortSignal): Promise<FolderLock | null> {
  const ours: Holder = { token: randomUUID(), pid: process.pid, startedAt: startOf(process.pid), machine: machine() };
  const text = JSON.stringify(ours);
  if (!(await create(file, text))) {
    if (await isHeld(file, signal)) return null;
    const next = `${file}.${ours.token}`;
    await writeFile(next, text);
    await rename(next, file);
    await pause(SETTLE_MS, signal);
    if ((await readText(file)) !== text) return null;
  }
  const touching = setInterval(() => void touch(file), TOUCH_MS).unref();
  return {
    release() {
      clearInterval(touching);
      unlinkIfOurs(file, text);
    },
  };
}

async function create(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false;
    throw error;
  }
}

async function isHeld(file: string, signal: AbortSignal): Promise<boolean> {
  const holder = parseHolder(await readText(file));
  if (holder === null || holder.machine !== machine()) return isTouched(file, signal);
  return isAlive(holder.pid) && startOf(holder.pid) === holder.startedAt;
}

async function isTouched(file: string, signal: AbortSignal): Promise<boolean> {
  const first = await timeOf(file);
  const deadline = performance.now() + SILENT_MS;
  while (performance.now() < deadline && !signal.aborted) {
    await pause(TOUCH_MS / 4, signal);
    if ((await timeOf(file)) !== first) return true;
  }
  return signal.aborted;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
}

/**
 * When a process was started, as Linux counts it: a container gives the ids of its processes again after a restart. `null` for
 * one that has ended and was not noticed by its parent yet.
 */
function startOf(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' '); // the name before it may hold blanks
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** The same for those that see the same processes. */
function machine(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function parseHolder(text: string | null): Holder | null {
  try {
    const { token, pid, startedAt, machine } = JSON.parse(text ?? '') as Record<keyof Holder, unknown>;
    if (typeof token !== 'string' || typeof pid !== 'number' || typeof machine !== 'string') return null;
    return { token, pid, startedAt: typeof startedAt === 'string' ? startedAt : null, machine };
  } catch {
    return null;
  }
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

async function timeOf(file: string): Promise<number | null> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
}

async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => undefined);
}

function unlinkIfOurs(file: string, text: string): void {
  try {
    if (readFileSync(file, 'utf8') === text) unlinkSync(file);
  } catch {
    // it is gone already
  }
}
