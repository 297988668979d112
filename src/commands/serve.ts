import { runApp } from '../app.ts';
import { type Config, type ConfigError, type Environment, parseConfig } from '../config.ts';
import { FAILURES, failureCodeOf } from '../errors.ts';
import { readVersion } from '../http/user-agent.ts';
import { errorChain } from '../observability/error-text.ts';
import { createLog, type Log } from '../observability/log.ts';
import { bucketName } from '../vault/object-layout.ts';

export const EXIT = { done: 0, failed: 1, bug: 70, settings: 78 } as const;

/** Runs until a signal; the first drains, the second does not wait. Returns the exit code. */
export async function serve(env: Environment): Promise<number> {
  let config: Config;
  try {
    config = parseConfig(env, { checkBucket });
  } catch (error) {
    return explainSettings(error);
  }
  const log = createLog({ level: config.logLevel });
  // A promise that nobody waited for ends here too.
  process.on('uncaughtException', (err) => {
    log.fatal({ err, code: 'UNEXPECTED' }, 'bug');
    process.exit(EXIT.bug);
  });
  const { stop, abort, dispose } = listenForSignals(config.drainSeconds, log);
  log.info({ version: readVersion(), environment: config.vault.environment }, 'starting');
  if (config.withoutEffect.length > 0) {
    log.warn({ settings: config.withoutEffect }, 'settings that this version does not use yet');
  }
  try {
    await runApp(config, log, { stop, abort });
    log.info({}, 'stopped');
    return EXIT.done;
  } catch (err) {
    const code = failureCodeOf(err);
    log.fatal({ err, code }, 'cannot go on');
    if (code === 'UNEXPECTED') return EXIT.bug;
    return explainSettings(err);
  } finally {
    dispose();
  }
}

export function checkBucket(environment: string, product: string): string | null {
  const name = bucketName(environment, product);
  return 'problem' in name ? name.problem : null;
}

/** To a person at the terminal: what is wrong, each problem on a line of its own, and what to do. */
export function explainSettings(error: unknown): number {
  const [first] = errorChain(error);
  const code = failureCodeOf(error);
  const problems = (error as Partial<ConfigError> | null)?.problems;
  const context = Object.entries(first?.context ?? {}).map(([name, value]) => `${name} ${value}`);
  const where = context.length === 0 ? '' : ` (${context.join(', ')})`;
  const what = problems === undefined ? `${first?.message}${where}` : ['wrong settings', ...problems].join('\n  ');
  process.stderr.write(`formvault: ${code}: ${what}\n${first?.hint ?? FAILURES[code].hint}\n`);
  return EXIT.settings;
}

function listenForSignals(drainSeconds: number, log: Log) {
  const stop = new AbortController();
  const abort = new AbortController();
  let deadline: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.warn({ signal }, 'second signal: not waiting any longer');
      abort.abort();
      return;
    }
    log.info({ signal }, 'stopping');
    stop.abort();
    deadline = setTimeout(() => abort.abort(), drainSeconds * 1000);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return {
    stop: stop.signal,
    abort: abort.signal,
    dispose(): void {
      clearTimeout(deadline);
      process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    },
  };
}
