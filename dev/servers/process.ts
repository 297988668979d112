import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as timeout } from 'node:timers/promises';
import { cacheDir } from './cache.ts';
import type { WatchdogMessage } from './watchdog.ts';

export type ProcessSpec = {
  /** Also the name of its log file below `.cache/log/`. */
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  /** Added to our own environment; `undefined` takes a variable out. */
  env?: Record<string, string | undefined>;
  /** `env` is all it gets, besides PATH and HOME. */
  ownEnv?: boolean;
  /** From SIGTERM to SIGKILL. */
  graceMs?: number;
  /** Removed when the process has ended, also when we were killed. */
  scratchDir?: string;
};

export type RunningProcess = {
  pid: number;
  logFile: string;
  /** Resolves with the exit code, 128 + n after signal n. */
  exited: Promise<number>;
  hasExited(): boolean;
  logText(): string;
  lastLogLines(count?: number): string;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, after `graceMs` SIGKILL; harmless when it has ended. */
  stop(): Promise<void>;
};

/**
 * Starts a process that never outlives us and writes into a log file. It has a process group of its own, so that Ctrl-C
 * reaches only us and things are stopped in order. By itself it does not keep us running.
 */
export async function startProcess(spec: ProcessSpec): Promise<RunningProcess> {
  const logFile = join(cacheDir('log'), `${spec.name}.log`);
  mkdirSync(cacheDir('log'), { recursive: true });
  const log = openSync(logFile, 'w');
  const { PATH, HOME } = process.env;
  const inherited = spec.ownEnv ? { PATH, HOME } : process.env;
  const watchdog = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'watchdog.ts'),
      String(spec.graceMs ?? 8_000),
      spec.scratchDir ?? '',
      spec.command,
      ...spec.args,
    ],
    {
      cwd: spec.cwd,
      env: { ...inherited, NODE_OPTIONS: undefined, ...spec.env },
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    },
  );
  closeSync(log);

  let ended = false;
  const exited = new Promise<number>((resolve) => {
    watchdog.once('exit', (code) => {
      ended = true;
      resolve(code ?? 1);
    });
  });
  const pid = await readPid(watchdog, spec.command);
  watchdog.unref();
  watchdog.channel?.unref();

  return {
    pid,
    logFile,
    exited,
    hasExited: () => ended,
    logText: () => readFileSync(logFile, 'utf8'),
    lastLogLines: (count = 25) => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n'),
    signal(name) {
      if (!ended) process.kill(pid, name);
    },
    async stop() {
      if (ended) return;
      watchdog.ref();
      if (watchdog.connected) watchdog.disconnect();
      await exited;
    },
  };
}

/** The processes that a process has started itself and that have not ended. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
}

function readPid(watchdog: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    watchdog.once('message', (message: WatchdogMessage) => {
      if ('pid' in message) resolve(message.pid);
      else reject(new Error(`could not start ${command}: ${message.error}`));
    });
    watchdog.once('exit', () => reject(new Error(`could not start ${command}`)));
    watchdog.once('error', reject);
  });
}

/** Runs a command to its end; one that fails shows the last lines of its log. */
export async function runToEnd(spec: ProcessSpec, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const running = await startProcess(spec);
  const stop = () => void running.stop();
  signal?.addEventListener('abort', stop);
  const keepUsRunning = setInterval(() => undefined, 60_000);
  const exitCode = await running.exited;
  clearInterval(keepUsRunning);
  signal?.removeEventListener('abort', stop);
  signal?.throwIfAborted();
  if (exitCode !== 0) {
    throw new Error(
      `${spec.command} ended with exit code ${exitCode}:\n${running.lastLogLines()}\n(${running.logFile})`,
    );
  }
}

/** Asks until `isReady` answers true; a question that throws counts as no. Stops the process when it does not get there. */
export async function untilReady(
  running: RunningProcess,
  name: string,
  isReady: () => Promise<boolean>,
  withinMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline && !running.hasExited() && !signal?.aborted) {
    if (await isReady().catch(() => false)) return;
    await timeout(50, undefined, { signal }).catch(() => undefined);
  }
  const why = running.hasExited() ? 'ended while it started' : `was not ready within ${withinMs / 1000} s`;
  await running.stop();
  signal?.throwIfAborted();
  throw new Error(`${name} ${why}:\n${running.lastLogLines()}\n(${running.logFile})`);
}
