/**
 * What is behind the port: limits, health and metrics, and, where they may be shown, cases.
 *
 * No answer repeats what was wrong with a request: no path, no method, no text of an error.
 */
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { readAssets } from './assets.ts';
import { addCaseRoutes } from './case-routes.ts';
import type { CaseServices } from './case-services.ts';
import type { Health, Report } from './health.ts';
import { BROKEN, NOTHING_HERE, wrong } from './refusal.ts';
import { createRenderPage } from './render-page.ts';
import { createRoutes } from './routes.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { createSend } from './send-answer.ts';

const MAX_BODY_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than the pause between two scrapes, which then share a connection. */
const KEEP_ALIVE_MS = 65_000;

export type HttpAppOptions = {
  health: Health;
  metrics: Metrics;
  log: Log;
  /** `null`: health and metrics only. */
  cases: CaseServices | null;
};

export function createHttpApp({ health, metrics, log, cases }: HttpAppOptions): FastifyInstance {
  const assets = cases === null ? null : readAssets();
  const send = createSend(assets === null ? null : createRenderPage(assets));
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    // Its own default is 100; an encoded case id is longer.
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    frameworkErrors: (_error, request, reply) => send.refusal(request, reply, NOTHING_HERE),
  });
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(request, reply);
    // Before a body is read, which would be refused for its size or type.
    if (request.is404) return send.refusal(request, reply, NOTHING_HERE);
  });
  // The only body is that of a button, and nothing is in it.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  app.setNotFoundHandler((request, reply) => send.refusal(request, reply, NOTHING_HERE));
  app.setErrorHandler((err: { statusCode?: number }, request, reply) => {
    if ((err.statusCode ?? 500) < 500) return send.refusal(request, reply, wrong('The request cannot be read.'));
    log.error({ err, part: 'web' }, 'request could not be answered');
    return send.refusal(request, reply, BROKEN);
  });

  const routes = createRoutes(app, send);
  routes.get('/health/live', (_request, reply) => answer(reply, health.live()));
  routes.get('/health/ready', (_request, reply) => answer(reply, health.ready()));
  routes.get('/metrics', async (_request, reply) => {
    const text = await metrics.render();
    return reply.header('Content-Type', metrics.contentType).send(text);
  });
  if (cases !== null && assets !== null) addCaseRoutes(routes, cases, assets, send, log);
  return app;
}

function answer(reply: FastifyReply, report: Report): FastifyReply {
  return reply.code(report.ok ? 200 : 503).send(report.body);
}
