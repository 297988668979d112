import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import axios from 'axios';
import { fillOnce, projectDir } from './cache.ts';
import { findFreePort } from './free-port.ts';
import { type PostgresOptions, type RunningPostgres, startPostgres } from './postgres.ts';
import { type RunningProcess, runToEnd, startProcess, untilReady } from './process.ts';
import { withProgress } from './progress.ts';

export type EngineProduct = 'camunda' | 'operaton';

/** In the memory of the engine's own process, which is gone with it, or a PostgreSQL of its own. */
export type EngineDatabase = 'h2' | 'postgresql';

export type EngineOptions = {
  product?: EngineProduct;
  port?: number;
  /** Answers on a second port too, with other threads. */
  secondPort?: boolean;
  historyLevel?: 'none' | 'activity' | 'audit' | 'full';
  /** Basic authentication for the REST API; the user is demo, the password too. */
  restAuth?: boolean;
  authorization?: boolean;
  database?: EngineDatabase;
  /** Of that PostgreSQL. */
  postgres?: Omit<PostgresOptions, 'port'>;
  heapMb?: number;
};

export type RunningEngine = {
  /** Base of the REST API, `…/engine-rest`. */
  url: string;
  /** The same on its second port. */
  secondUrl: string | null;
  /** Cockpit, Tasklist and Admin live below it; user demo, password demo. */
  webappUrl: string;
  product: EngineProduct;
  pid: number;
  /** Its own PostgreSQL, which stops with it; `null` for H2. */
  database: RunningPostgres | null;
  stop(): Promise<void>;
};

/** Who answers on which port, as Linux names its threads; a worker that waits for tasks is answered by one for all. */
export const ENGINE_THREADS = {
  ofPort: ['http-nio-127.0.'],
  ofSecondPort: ['second-port', 'FetchAndLockHan'],
} as const;

const engineDir = join(projectDir, 'dev', 'engine');
const operatonJson = 'org.operaton.spin:operaton-spin-dataformat-json-jackson:1.0.0';

/** Fetches the engine when it is not there yet, starts it with its database and waits until it answers queries. */
export async function startEngine(options: EngineOptions = {}, signal?: AbortSignal): Promise<RunningEngine> {
  const product = options.product ?? 'camunda';
  const lib = await fetchEngine(product, signal);
  const port = options.port ?? (await findFreePort());
  const secondPort = options.secondPort ? await findFreePort() : null;
  const urlOf = (of: number) => `http://127.0.0.1:${of}/engine-rest`;
  const url = urlOf(port);
  const database = options.database === 'postgresql' ? await startPostgres(options.postgres, signal) : null;
  let engine: RunningProcess;
  try {
    engine = await startProcess({
      name: `engine-${product}-${port}`,
      command: 'java',
      args: [
        `-Xmx${options.heapMb ?? 1024}m`,
        '-Duser.timezone=UTC',
        '-cp',
        join(lib, '*'),
        join(engineDir, 'Engine.java'),
        `--spring.config.location=file:${join(engineDir, 'application.yaml')}`,
      ],
      env: {
        PORT: String(port),
        SECOND_PORT: String(secondPort ?? 0),
        HISTORY_LEVEL: options.historyLevel ?? 'full',
        REST_AUTH: options.restAuth ? 'basic' : 'none',
        AUTHORIZATION: String(options.authorization ?? false),
        ...databaseEnvironment(database),
      },
    });
    await untilReady(engine, 'the engine', () => answersQueries(url), 120_000, signal);
  } catch (error) {
    await database?.stop();
    throw error;
  }
  return {
    url,
    secondUrl: secondPort === null ? null : urlOf(secondPort),
    webappUrl: `http://127.0.0.1:${port}/${product}`,
    product,
    pid: engine.pid,
    database,
    async stop() {
      await engine.stop();
      await database?.stop();
    },
  };
}

/** A variable that is left out is H2's. */
function databaseEnvironment(database: RunningPostgres | null): Record<string, string | undefined> {
  if (database === null) return { DB_URL: undefined, DB_USER: undefined, DB_PASSWORD: undefined };
  const { host, pathname, username, password } = new URL(database.url);
  return { DB_URL: `jdbc:postgresql://${host}${pathname}`, DB_USER: username, DB_PASSWORD: password };
}

/** Also lets the engine load what a first query needs, so that tests do not meet its slowest second. */
async function answersQueries(url: string): Promise<boolean> {
  const auth = { username: 'demo', password: 'demo' };
  const client = axios.create({ baseURL: url, auth, timeout: 10_000 });
  await client.get('/engine');
  await client.post('/history/task?maxResults=1', { finished: true });
  await client.post('/history/detail?maxResults=1', { variableUpdates: true });
  await client.get('/process-definition/count');
  return true;
}

/** The directory with the engine's jars. */
async function fetchEngine(product: EngineProduct, signal?: AbortSignal): Promise<string> {
  const pom = join(engineDir, product, 'pom.xml');
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 8);
  return fillOnce(`engine-${product}-${version}`, (lib) =>
    withProgress(`fetching the engine (${product}, once, about 60 MB)`, async () => {
      await maven(product, ['-f', pom, `-Dlib=${lib}`, 'generate-resources'], signal);
      if (product === 'operaton') {
        const get = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:get';
        await maven(product, [get, '-Dtransitive=false', `-Dartifact=${operatonJson}`, `-Ddest=${lib}/`], signal);
      }
    }),
  );
}

function maven(product: EngineProduct, args: string[], signal?: AbortSignal): Promise<void> {
  return runToEnd({ name: `maven-${product}-${process.pid}`, command: 'mvn', args: ['-q', '-B', ...args] }, signal);
}
