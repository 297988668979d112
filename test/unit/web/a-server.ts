import { once } from 'node:events';
import http from 'node:http';
import { afterEach } from '@jest/globals';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createHealth } from '../../../src/web/health.ts';
import { createWebServer, type WebServer, type WebServerOptions } from '../../../src/web/server.ts';
import { createRememberingLog } from '../../support/builders-log.ts';

const servers: WebServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(AbortSignal.abort());
});

/** On a free port; stopped when the test has ended. */
export function aServer(options: Partial<WebServerOptions> = {}): WebServer {
  const server = createWebServer({
    host: '127.0.0.1',
    port: 0,
    health: createHealth(),
    metrics: createMetrics(),
    log: createRememberingLog(),
    ...options,
  });
  servers.push(server);
  return server;
}

type Answer = { status: number; headers: http.IncomingHttpHeaders; text: string };

export async function ask(url: string, { method = 'GET', body = '', headers = {}, agent = new http.Agent() } = {}) {
  const length = { 'Content-Length': Buffer.byteLength(body) };
  const request = http.request(url, { method, headers: { ...headers, ...(body !== '' && length) }, agent });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, headers: response.headers, text } as Answer;
}
