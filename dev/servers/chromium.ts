/** The browser for tests: one that is installed, else Debian's package `chromium`, fetched once into `.cache/`. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { fillOnce } from './cache.ts';
import { commandSucceeds, findLibraryDirs, hasAptGet, unpackPackages } from './debian-packages.ts';
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
  if (!(await hasAptGet(signal))) {
    throw new Error(`There is no browser here, and no apt-get to fetch one. ${WHAT_TO_DO}`);
  }
  const dir = await fillOnce('chromium', (target) =>
    withProgress('fetching a browser (Chromium, once, up to 200 MB)', async () => {
      await unpackPackages(target, PACKAGES, signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new Error(`The browser could not be fetched. ${WHAT_TO_DO}`, { cause: error });
      });
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
  return commandSucceeds({ command: path, args: ['--version'] }, signal);
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
