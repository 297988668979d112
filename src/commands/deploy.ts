import { type Config, type Environment, parseConfig } from '../config.ts';
import { createEngineProcesses } from '../engine/engine-processes.ts';
import { OWN_PROCESS_KEY } from '../engine/history-rows.ts';
import { failureCodeOf } from '../errors.ts';
import { createHttpClient } from '../http/http-client.ts';
import { errorText } from '../observability/error-text.ts';
import { deployOwnProcess } from '../own-process/deploy-own-process.ts';
import { checkBucket, EXIT, explainSettings } from './serve.ts';

const REQUEST_TIMEOUT_MS = 30_000;

/** Deploys the own process, prints one line and returns the exit code. */
export async function deploy(env: Environment): Promise<number> {
  try {
    const config = parseConfig(env, { checkBucket });
    process.stdout.write(`${await deployTo(config)}\n`);
    return EXIT.done;
  } catch (error) {
    const code = failureCodeOf(error);
    if (code !== 'UNEXPECTED') {
      const settings = explainSettings(error);
      return code === 'CONFIG_INVALID' ? settings : EXIT.failed;
    }
    process.stderr.write(`${errorText(error)}\n`);
    return EXIT.bug;
  }
}

async function deployTo({ engine, vault: { environment } }: Config): Promise<string> {
  const http = createHttpClient({
    baseUrl: engine.url,
    auth: engine.auth,
    timeoutMs: REQUEST_TIMEOUT_MS,
    codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
    maxSockets: 1,
  });
  try {
    const { signal } = new AbortController();
    const { outcome, version } = await deployOwnProcess(createEngineProcesses(http), environment, signal);
    const what = `${OWN_PROCESS_KEY} version ${version} for the environment ${environment}`;
    return outcome === 'deployed' ? `deployed ${what}` : `${what} was deployed already`;
  } finally {
    http.close();
  }
}
