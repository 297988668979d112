/**
 * The HTTP server: listens, and stops.
 *
 * A stop waits for answers that are being given and for nothing else; a connection that somebody merely holds open would keep
 * the process alive.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { FormvaultError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { CaseServices } from './case-services.ts';
import type { Health } from './health.ts';
import { createHttpApp } from './http-app.ts';
import { isLoopback } from './whence.ts';

const LISTEN_PROBLEMS: Record<string, string> = {
  EADDRINUSE: 'Something else listens on HOST and PORT already: end it, or set another PORT.',
  EADDRNOTAVAIL: 'No network interface has the address in HOST: set HOST (and PORT) to one of this machine.',
  EACCES: 'The address in HOST and PORT may not be listened on: ports below 1024 need a permission; set another PORT.',
  ENOTFOUND: 'The name in HOST is unknown: set HOST (and PORT) to an address of this machine.',
  EAI_AGAIN: 'The name in HOST could not be resolved: set HOST (and PORT) to an address of this machine.',
};

export type WebServerOptions = {
  host: string;
  port: number;
  health: Health;
  metrics: Metrics;
  log: Log;
  /** Without them: health and metrics only. */
  cases?: CaseServices | null;
};

export type WebServer = {
  /** @throws FormvaultError CONFIG_INVALID where HOST and PORT cannot be listened on */
  start(): Promise<{ url: string }>;
  /** Idle connections end at once, answers that are being given when they are done, or when the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
};

export function createWebServer({ host, port, health, metrics, log, cases = null }: WebServerOptions): WebServer {
  let running: { app: FastifyInstance; answers: Answers; listening: Promise<{ url: string }> } | null = null;

  async function listen(app: FastifyInstance): Promise<{ url: string }> {
    await app.ready();
    try {
      // Not Fastify's own listen: for `localhost` it opens a second server, which it does not wait for when it closes.
      app.server.listen({ host, port });
      await once(app.server, 'listening');
    } catch (cause) {
      throw listenFailure(cause, host, port);
    }
    // Without a listener, a connection that cannot be taken (no file descriptor left) would end the process.
    app.server.on('error', (err) => log.error({ err, part: 'web' }, 'connection could not be accepted'));
    const url = urlOf(app.server.address() as AddressInfo);
    log.info({ part: 'web', address: url }, 'listening');
    return { url };
  }

  return {
    start() {
      if (running === null) {
        const app = createHttpApp({ health, metrics, log, cases: mayBeShown(cases, host, log) ? cases : null });
        running = { app, answers: countAnswers(app), listening: listen(app) };
      }
      return running.listening;
    },
    async stop(signal) {
      if (running === null) return;
      const { app, answers, listening } = running;
      running = null;
      await listening.catch(() => undefined);
      await close(app, answers, signal);
    },
  };
}

/** Without a sign-in, only to whoever sits at this machine. */
function mayBeShown(cases: CaseServices | null, host: string, log: Log): boolean {
  if (isLoopback(host) || (cases?.signIn ?? null) !== null) return true;
  log.warn({ part: 'web' }, 'cases are not served: AUTH is off, and HOST is not an address of this machine alone');
  return false;
}

type Answers = { whenDone(then: () => void): void };

/** The answers that are being given. */
function countAnswers({ server }: FastifyInstance): Answers {
  let count = 0;
  let last = (): void => undefined;
  server.on('request', (_request, response) => {
    count++;
    response.once('close', () => {
      count--;
      if (count === 0) last();
    });
  });
  return {
    whenDone(then) {
      last = then;
      if (count === 0) then();
    },
  };
}

async function close(app: FastifyInstance, answers: Answers, signal: AbortSignal): Promise<void> {
  const { server } = app;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const cut = (): void => server.closeAllConnections();
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  answers.whenDone(cut);
  await closed;
  signal.removeEventListener('abort', cut);
  await app.close();
}

function listenFailure(cause: unknown, host: string, port: number): FormvaultError {
  const hint = LISTEN_PROBLEMS[String((cause as { code?: unknown } | null)?.code)];
  const details = { cause, context: { host, port } };
  return hint === undefined
    ? new FormvaultError('UNEXPECTED', 'could not listen for HTTP requests', details)
    : new FormvaultError('CONFIG_INVALID', 'could not listen on HOST and PORT', { ...details, hint });
}

function urlOf({ family, address, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
