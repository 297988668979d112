import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const projectDir = join(import.meta.dirname, '..', '..');

/** A place below `.cache/`, where everything lives that can be fetched again. */
export function cacheDir(...path: string[]): string {
  return join(projectDir, '.cache', ...path);
}

/**
 * The directory `.cache/<name>`, filled once. It gets its name only when it is complete, so that neither a broken download
 * nor a second process that fills it at the same time is ever seen.
 */
export async function fillOnce(name: string, fill: (dir: string) => Promise<void>): Promise<string> {
  const dir = cacheDir(name);
  if (existsSync(dir)) return dir;
  const unfinished = `${dir}.${randomBytes(4).toString('hex')}.part`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await fill(unfinished);
    renameSync(unfinished, dir);
  } catch (error) {
    if (!existsSync(dir)) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return dir;
}

/** A new empty directory for one run of a server. */
export function newScratchDir(name: string): string {
  const dir = cacheDir('run', `${name}-${randomBytes(4).toString('hex')}`);
  mkdirSync(dir, { recursive: true });
  return dir;
}
