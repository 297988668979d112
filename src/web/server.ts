/**
 * The HTTP server: health and metrics.
 *
 * Nothing that comes from outside goes back out: no path, no method, no text of an error. A stop waits for answers that are
 * being given and for nothing else; a connection that somebody merely holds open would keep the process alive.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { FormvaultError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Health, Report } from './health.ts';

const MAX_BODY_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than the pause between two scrapes, which then share a connection. */
const KEEP_ALIVE_MS = 65_000;
const LISTEN_PROBLEMS: Record<string, string> = {
  EADDRINUSE: 'Something else listens on HOST and PORT already: end it, or set another PORT.',
  EADDRNOTAVAIL: 'No network interface has the address in HOST: set HOST (and PORT) to one of this machine.',
  EACCES: 'The address in HOST and PORT may not be listened on: ports below 1024 need a permission; set another PORT.',
  ENOTFOUND: 'The name in HOST is unknown: set HOST (and PORT) to an address of this machine.',
  EAI_AGAIN: 'The name in HOST could not be resolved: set HOST (and PORT) to an address of this machine.',
};
const ERRORS: Record<number, string> = {
  404: 'not found',
  405: 'method not allowed',
  500: 'internal error',
};

export type WebServerOptions = { host: string; port: number; health: Health; metrics: Metrics; log: Log };

export type WebServer = {
  /** @throws FormvaultError CONFIG_INVALID where HOST and PORT cannot be listened on */
  start(): Promise<{ url: string }>;
  /** Idle connections end at once, answers that are being given when they are done, or when the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
};

export function createWebServer({ host, port, health, metrics, log }: WebServerOptions): WebServer {
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
        const app = createApp(health, metrics, log);
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

function createApp(health: Health, metrics: Metrics, log: Log): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    frameworkErrors: (_error, _request, reply) => refuse(reply, 404),
  });

  const routes: Record<string, (reply: FastifyReply) => FastifyReply | Promise<FastifyReply>> = {
    '/health/live': (reply) => answer(reply, health.live()),
    '/health/ready': (reply) => answer(reply, health.ready()),
    '/metrics': async (reply) => {
      const text = await metrics.render();
      return reply.header('Content-Type', metrics.contentType).send(text);
    },
  };
  for (const [path, handle] of Object.entries(routes)) {
    app.get(path, (_request, reply) => handle(setHeaders(reply)));
  }

  // Before a body is read, which no route wants.
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    const [path = ''] = request.url.split('?');
    if (Object.hasOwn(routes, path)) return refuse(reply.header('Allow', 'GET, HEAD'), 405);
    return refuse(reply, 404);
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404));
  app.setErrorHandler((err: { statusCode?: number }, _request, reply) => {
    const status = err.statusCode ?? 500;
    if (status < 500) return refuse(reply, status);
    log.error({ err, part: 'web' }, 'request could not be answered');
    return refuse(reply, 500);
  });
  return app;
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

function answer(reply: FastifyReply, report: Report): FastifyReply {
  return reply.code(report.ok ? 200 : 503).send(report.body);
}

function refuse(reply: FastifyReply, status: number): FastifyReply {
  return setHeaders(reply)
    .code(status)
    .send({ error: ERRORS[status] ?? 'bad request' });
}

function setHeaders(reply: FastifyReply): FastifyReply {
  return reply.header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff');
}
