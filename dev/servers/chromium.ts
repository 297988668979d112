/**
 * The browser for tests: one that is installed, else Debian's package `chromium`, fetched once into `.cache/`.
 *
 * Fetched packages are unpacked, not installed: that needs no rights and leaves the machine as it is. apt says which packages
 * are missing here, the launcher leads the dynamic linker to them. apt gets lists of its own, because those of the machine may be
 * empty or older than what the mirrors still have.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { fillOnce } from './cache.ts';
import { runToEnd } from './process.ts';
import { withProgress } from './progress.ts';

const INSTALLED_AS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PACKAGES = ['chromium', 'fonts-liberation'];
const WHAT_TO_DO = 'Please install Chromium, or name one with CHROMIUM_PATH.';

/** The path of an executable that starts. `CHROMIUM_PATH` goes before all others. */
export async function findChromium(signal?: AbortSignal): Promise<string> {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== '') {
    if (await starts(named, signal)) return named;
    throw new Error(`CHROMIUM_PATH names no browser that starts: ${named}`);
  }
  for (const path of findInstalled()) if (await starts(path, signal)) return path;
  return fetchChromium(signal);
}

export async function fetchChromium(signal?: AbortSignal): Promise<string> {
  if (!(await succeeds('apt-get', ['--version'], signal))) {
    throw new Error(`There is no browser here, and no apt-get to fetch one. ${WHAT_TO_DO}`);
  }
  const dir = await fillOnce('chromium', (target) =>
    withProgress('fetching a browser (Chromium, once, up to 200 MB)', async () => {
      await unpackPackages(target, signal);
      writeLauncher(target);
    }),
  );
  const launcher = join(dir, 'chromium');
  if (await starts(launcher, signal)) return launcher;
  throw new Error(`The browser in ${dir} does not start. ${WHAT_TO_DO}`);
}

function findInstalled(): string[] {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  return INSTALLED_AS.flatMap((name) => dirs.map((dir) => join(dir, name))).filter((path) => existsSync(path));
}

/** Not all do that are there: some are stand-ins that want a snap, some lack a library. */
function starts(path: string, signal?: AbortSignal): Promise<boolean> {
  return succeeds(path, ['--version'], signal);
}

async function succeeds(command: string, args: string[], signal?: AbortSignal): Promise<boolean> {
  const ended = runToEnd({ name: `browser-${process.pid}`, command, args }, signal);
  const succeeded = await ended.then(
    () => true,
    () => false,
  );
  signal?.throwIfAborted();
  return succeeded;
}

async function unpackPackages(target: string, signal?: AbortSignal): Promise<void> {
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
  try {
    await aptGet('install', '--download-only', ...PACKAGES);
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`The browser could not be fetched. ${WHAT_TO_DO}`, { cause: error });
  }
  const archives = join(state, 'archives');
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const args = ['--extract', join(archives, file), target];
    await runToEnd({ name: `dpkg-${process.pid}`, command: 'dpkg-deb', args }, signal);
  }
  rmSync(state, { recursive: true });
}

/** Finds everything from where it lies itself, since the directory gets its name only afterwards. */
function writeLauncher(target: string): void {
  const libraries = findLibraryDirs(target).map((dir) => `$here/${relative(target, dir)}`);
  const launcher = [
    '#!/bin/sh',
    'here=$(dirname "$(readlink -f "$0")")',
    `export LD_LIBRARY_PATH="${libraries.join(':')}"`,
    'export FONTCONFIG_FILE="$here/fonts.conf" XDG_CACHE_HOME="$here/cache"',
    'exec "$here/usr/lib/chromium/chromium" "$@"',
  ];
  const fonts = [
    '<fontconfig>',
    '<dir prefix="relative">usr/share/fonts</dir><dir>/usr/share/fonts</dir>',
    '<cachedir prefix="xdg">fontconfig</cachedir>',
    ...['sans-serif', 'Arial', 'Helvetica'].map(
      (family) => `<alias><family>${family}</family><prefer><family>Liberation Sans</family></prefer></alias>`,
    ),
    '</fontconfig>',
  ];
  writeFileSync(join(target, 'fonts.conf'), `${fonts.join('\n')}\n`);
  writeFileSync(join(target, 'chromium'), `${launcher.join('\n')}\n`);
  chmodSync(join(target, 'chromium'), 0o755);
}

function findLibraryDirs(target: string): string[] {
  const dirs = new Set<string>();
  for (const root of ['lib', 'usr/lib'].map((dir) => join(target, dir)).filter((dir) => existsSync(dir))) {
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (/\.so(\.\d|$)/.test(entry.name)) dirs.add(entry.parentPath);
    }
  }
  return [...dirs].sort((a, b) => a.length - b.length);
}
