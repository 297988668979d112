/**
 * Debian's packages for servers and browsers that are not installed, fetched once into `.cache/`.
 *
 * They are unpacked, not installed: that needs no rights and leaves the machine as it is. apt says which packages are missing
 * here, a launcher leads the dynamic linker to their libraries. apt gets lists of its own, because those of the machine may be
 * empty or older than what the mirrors still have.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessSpec, runToEnd } from './process.ts';

export function hasAptGet(signal?: AbortSignal): Promise<boolean> {
  return commandSucceeds({ command: 'apt-get', args: ['--version'] }, signal);
}

export async function commandSucceeds(spec: Omit<ProcessSpec, 'name'>, signal?: AbortSignal): Promise<boolean> {
  const succeeded = await runToEnd({ ...spec, name: `try-${process.pid}` }, signal).then(
    () => true,
    () => false,
  );
  signal?.throwIfAborted();
  return succeeded;
}

/** The packages, and what they need and this machine does not have, below `target`. */
export async function unpackPackages(target: string, packages: string[], signal?: AbortSignal): Promise<void> {
  const state = join(target, 'apt');
  for (const dir of ['lists', 'archives']) mkdirSync(join(state, dir, 'partial'), { recursive: true });
  const settings = {
    'Dir::State::lists': join(state, 'lists'),
    'Dir::Cache': state,
    'Debug::NoLocking': 'true',
    'APT::Sandbox::User': 'root', // else, for root, a user that may not write here
    'APT::Install-Recommends': 'false',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const aptGet = (...args: string[]) =>
    runToEnd(
      { name: `apt-${process.pid}`, command: 'apt-get', args: ['-q', '-y', ...options, ...args], env: { LC_ALL: 'C' } },
      signal,
    );
  await aptGet('update').catch(() => signal?.throwIfAborted()); // fails already when one of many sources is away
  await aptGet('install', '--download-only', ...packages);
  const archives = join(state, 'archives');
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const args = ['--extract', join(archives, file), target];
    await runToEnd({ name: `dpkg-${process.pid}`, command: 'dpkg-deb', args }, signal);
  }
  rmSync(state, { recursive: true });
}

/** Where the dynamic linker finds what the packages brought. */
export function findLibraryDirs(target: string): string[] {
  const dirs = new Set<string>();
  for (const root of ['lib', 'usr/lib'].map((dir) => join(target, dir)).filter((dir) => existsSync(dir))) {
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (/\.so(\.\d|$)/.test(entry.name)) dirs.add(entry.parentPath);
    }
  }
  return [...dirs].sort((a, b) => a.length - b.length);
}
