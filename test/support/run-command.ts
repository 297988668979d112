import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { projectDir } from '../../dev/servers/cache.ts';
import { settingsFor } from '../../dev/servers/formvault.ts';
import { type RunningProcess, startProcess } from '../../dev/servers/process.ts';
import { testServers } from './servers.ts';

/** A command of Formvault as its own process, with the settings of the shared servers and these. */
export function startCommand(args: string[], env: Record<string, string>): Promise<RunningProcess> {
  return startProcess({
    name: `formvault-${args[0]}-${randomBytes(4).toString('hex')}`,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', join(projectDir, 'src', 'main.ts'), ...args],
    env: { ...settingsFor(testServers()), ...env },
    ownEnv: true,
  });
}

/** To its end; what it wrote, to both outputs. */
export async function runCommand(
  args: string[],
  env: Record<string, string>,
): Promise<{ exitCode: number; said: string }> {
  const command = await startCommand(args, env);
  return { exitCode: await command.exited, said: command.logText() };
}
