import { FAILURES, failureCodeOf } from '../errors.ts';
import { errorText } from '../observability/error-text.ts';
import { EXIT, explainSettings } from './serve.ts';

/** Runs a command that comes to an end; the first SIGINT or SIGTERM asks it to, the second does not wait. Returns the exit code. */
export async function runCommand(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.failed);
    stop.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    return await work(stop.signal);
  } catch (error) {
    return explainFailure(error);
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

function explainFailure(error: unknown): number {
  const code = failureCodeOf(error);
  if (code === 'UNEXPECTED') {
    process.stderr.write(`${errorText(error)}\n`);
    return EXIT.bug;
  }
  if (code === 'SHUTTING_DOWN') {
    process.stderr.write('interrupted\n');
    return EXIT.failed;
  }
  const settings = explainSettings(error);
  return FAILURES[code].disposition === 'crash' ? settings : EXIT.failed;
}
