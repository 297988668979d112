/**
 * Runs one command and stops it as soon as the process that started us is gone, however that one ended.
 *
 * The channel to the parent is the life line: it closes on a normal end, on a crash and on SIGKILL alike. Do not stop the
 * command from the parent's exit handlers instead; those never run after SIGKILL.
 *
 * usage: node watchdog.ts <grace ms> <directory to remove afterwards, or empty> <command> <arguments…>
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';

export type WatchdogMessage = { pid: number } | { error: string };

const [graceMs = '', scratchDir = '', command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
let alive = true;

child.once('spawn', () => report({ pid: child.pid ?? 0 }));
child.once('error', (error) => {
  report({ error: error.message });
  finish(127);
});
child.once('exit', (code, signal) => finish(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));

process.once('disconnect', stop);
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

function stop(): void {
  if (!alive) return;
  child.kill('SIGCONT'); // a paused process would sleep through SIGTERM
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), Number(graceMs));
}

function finish(exitCode: number): void {
  alive = false;
  if (scratchDir !== '') rmSync(scratchDir, { recursive: true, force: true, maxRetries: 5 });
  process.exit(exitCode);
}

function report(message: WatchdogMessage): void {
  if (process.connected) process.send?.(message, () => undefined);
}
