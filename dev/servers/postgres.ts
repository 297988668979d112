/**
 * PostgreSQL for tests and measurements: one that is installed, else Debian's package, fetched once into `.cache/`.
 *
 * The server refuses to run as root. For root it gets a user without rights, and a folder outside the project, which that user
 * might not reach.
 */
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { fillOnce, newScratchDir } from './cache.ts';
import { commandSucceeds, findLibraryDirs, hasAptGet, unpackPackages } from './debian-packages.ts';
import { findFreePort } from './free-port.ts';
import { childrenOf, type ProcessSpec, type RunningProcess, runToEnd, startProcess, untilReady } from './process.ts';
import { withProgress } from './progress.ts';

export type PostgresOptions = {
  port?: number;
  /** Whether what is committed outlives a crash of the machine; off, which is quicker, unless asked for. */
  fsync?: boolean;
  /** Further settings of the server, such as `shared_buffers`. */
  settings?: Record<string, string>;
};

export type RunningPostgres = {
  /** With user, password and database. */
  url: string;
  /** 15, say. */
  majorVersion: number;
  /** Of the first of its processes; the others, one for each connection and some for itself, are its children. */
  pid: number;
  /** Queries hang until `resume`, as with a server that has lost its network. */
  pause(): void;
  resume(): void;
  /** At once; connections are cut. */
  stop(): Promise<void>;
};

type Binaries = { dir: string; libraries: string[] };

const WHAT_TO_DO = 'Please install PostgreSQL.';
const USER = 'formvault';
const PASSWORD = 'formvault-secret';
/** `nobody`, on every Linux. */
const UNPRIVILEGED = 65_534;

/** With one empty database; everything is removed when it stops. */
export async function startPostgres(options: PostgresOptions = {}, signal?: AbortSignal): Promise<RunningPostgres> {
  const binaries = (await findInstalled(signal)) ?? (await fetchPostgres(signal));
  const port = options.port ?? (await findFreePort());
  const dir = newServerDir();
  await createCluster(binaries, dir, signal).catch((error: unknown) => {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  });
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    ...(options.fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...options.settings,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = await startProcess({
    ...asServerUser(binaries, 'postgres', ['-D', join(dir, 'data'), ...args]),
    name: `postgres-${port}`,
    cwd: dir,
    scratchDir: dir,
    graceMs: 3_000,
  });
  const url = (database: string) => `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`;
  let majorVersion = 0;
  const isReady = async (): Promise<boolean> => {
    majorVersion = await createDatabase(url('postgres'));
    return true;
  };
  await untilReady(server, 'PostgreSQL', isReady, 60_000, signal);
  return {
    url: url(USER),
    majorVersion,
    pid: server.pid,
    pause: () => signalAll(server, 'SIGSTOP'),
    resume: () => signalAll(server, 'SIGCONT'),
    async stop() {
      signalAll(server, 'SIGCONT');
      server.signal('SIGINT'); // SIGTERM would wait for the connections to be closed
      await server.stop();
    },
  };
}

async function findInstalled(signal?: AbortSignal): Promise<Binaries | null> {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  for (const dir of [...versions.map((version) => join(debian, version, 'bin')), ...onPath]) {
    const isThere = existsSync(join(dir, 'postgres')) && existsSync(join(dir, 'initdb'));
    if (isThere && (await starts({ dir, libraries: [] }, signal))) return { dir, libraries: [] };
  }
  return null;
}

/** For everybody who may run the server, the one without rights too. */
function starts(binaries: Binaries, signal?: AbortSignal): Promise<boolean> {
  return commandSucceeds(asServerUser(binaries, 'postgres', ['--version']), signal);
}

async function fetchPostgres(signal?: AbortSignal): Promise<Binaries> {
  if (!(await hasAptGet(signal))) {
    throw new Error(`There is no PostgreSQL here, and no apt-get to fetch one. ${WHAT_TO_DO}`);
  }
  const target = await fillOnce('postgresql', (unfinished) =>
    withProgress('fetching PostgreSQL (once, up to 100 MB)', () =>
      unpackPackages(unfinished, ['postgresql'], signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new Error(`PostgreSQL could not be fetched. ${WHAT_TO_DO}`, { cause: error });
      }),
    ),
  );
  const versions = join(target, 'usr', 'lib', 'postgresql');
  const [version = ''] = existsSync(versions) ? readdirSync(versions) : [];
  const binaries = { dir: join(versions, version, 'bin'), libraries: findLibraryDirs(target) };
  if (await starts(binaries, signal)) return binaries;
  throw new Error(`PostgreSQL in ${target} does not start. ${WHAT_TO_DO}`);
}

function newServerDir(): string {
  if (!isRoot()) return newScratchDir('postgres');
  const dir = mkdtempSync(join(tmpdir(), 'formvault-postgres-'));
  chownSync(dir, UNPRIVILEGED, UNPRIVILEGED);
  return dir;
}

async function createCluster(binaries: Binaries, dir: string, signal?: AbortSignal): Promise<void> {
  const passwordFile = join(dir, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  if (isRoot()) chownSync(passwordFile, UNPRIVILEGED, UNPRIVILEGED);
  const args = ['-D', join(dir, 'data'), '-U', USER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const spec = asServerUser(binaries, 'initdb', [...args, '--encoding=UTF8', '--no-locale', '--no-sync']);
  await runToEnd({ ...spec, name: `initdb-${process.pid}`, cwd: dir }, signal);
}

function asServerUser(
  { dir, libraries }: Binaries,
  program: string,
  args: string[],
): Pick<ProcessSpec, 'command' | 'args' | 'env'> {
  const command = join(dir, program);
  const env = libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') };
  if (!isRoot()) return { command, args, env };
  const user = [`--reuid=${UNPRIVILEGED}`, `--regid=${UNPRIVILEGED}`, '--clear-groups'];
  return { command: 'setpriv', args: [...user, command, ...args], env };
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Returns the server's version. */
async function createDatabase(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query('show server_version_num');
    await client.query(`create database ${USER}`);
    return Math.floor(Number(rows[0].server_version_num) / 10_000);
  } finally {
    await client.end();
  }
}

/** The server and the processes of its connections, each of which has a process group of its own. */
function signalAll(server: RunningProcess, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (server.hasExited()) return;
  const children = childrenOf(server.pid);
  server.signal(name);
  for (const pid of children) {
    try {
      process.kill(pid, name);
    } catch {
      // it has ended meanwhile
    }
  }
}
