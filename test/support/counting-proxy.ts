import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as timeout } from 'node:timers/promises';

export type SeenRequest = { method: string; path: string; atMs: number };

export type CountingProxy = {
  /** The address behind it, with the proxy's own host and port. */
  url: string;
  /** Every request since the start, also those that were refused. */
  requests: SeenRequest[];
  /** How many answers had each row of the engine's history in them, by `detail/<id>` and `task/<id>`. */
  readings: Map<string, number>;
  /** Breaks every connection off, as a service that is away. */
  refuse(): void;
  /** Keeps what is asked from now on waiting until `pass`, all of it or what `which` says. */
  hold(which?: (request: SeenRequest) => boolean): void;
  /** How many requests are being kept waiting. */
  held(): number;
  /** Answers come this much later. */
  delay(ms: number): void;
  /** As at the start; what was held goes on. */
  pass(): void;
  close(): Promise<void>;
};

type Mode = { kind: 'pass' } | { kind: 'refuse' } | { kind: 'hold'; which: (request: SeenRequest) => boolean };

/** Stands between Formvault and a service, counts what is asked, and can be as bad as a network. */
export async function startCountingProxy(serviceUrl: string): Promise<CountingProxy> {
  const service = new URL(serviceUrl);
  const agent = new http.Agent({ keepAlive: true });
  const requests: SeenRequest[] = [];
  const readings = new Map<string, number>();
  const waiting = new Set<() => void>();
  let mode: Mode = { kind: 'pass' };
  let delayMs = 0;

  const server = http.createServer((request, response) => {
    const seen = { method: request.method ?? '', path: request.url ?? '', atMs: performance.now() };
    requests.push(seen);
    forward(seen, request, response).catch(() => response.destroy());
  });

  async function forward(seen: SeenRequest, request: http.IncomingMessage, response: http.ServerResponse) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (mode.kind === 'hold' && mode.which(seen)) await untilReleased(response);
    if (delayMs > 0) await timeout(delayMs);
    if (mode.kind === 'refuse' || response.destroyed) throw new Error('refused');

    const answer = await ask(request, Buffer.concat(chunks));
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part);
    const body = Buffer.concat(parts);
    if (answer.statusCode === 200) countRows(seen.path, body);
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders.filter(isOfTheAnswer)).end(body);
  }

  /** Under the name of the proxy: signatures of S3 requests hold the host. */
  function ask({ method, url, headers }: http.IncomingMessage, body: Buffer): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = service;
      const { expect: _, ...kept } = headers;
      const forwarded = http.request({ host, port, method, path: url, headers: kept, agent }, resolve);
      forwarded.once('error', reject);
      forwarded.end(body);
    });
  }

  async function untilReleased(response: http.ServerResponse): Promise<void> {
    const released = Promise.withResolvers<void>();
    const release = () => released.resolve();
    waiting.add(release);
    response.once('close', release);
    await released.promise;
    waiting.delete(release);
  }

  function pass(): void {
    mode = { kind: 'pass' };
    delayMs = 0;
    for (const release of waiting) release();
  }

  function countRows(path: string, body: Buffer): void {
    const [, kind] = /\/history\/(detail|task)(?:\?|$)/.exec(path) ?? [];
    if (kind === undefined) return;
    for (const { id } of JSON.parse(body.toString()) as { id: string }[]) {
      readings.set(`${kind}/${id}`, (readings.get(`${kind}/${id}`) ?? 0) + 1);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: serviceUrl.replace(service.host, `127.0.0.1:${port}`),
    requests,
    readings,
    refuse() {
      mode = { kind: 'refuse' };
      server.closeAllConnections();
    },
    hold(which = () => true) {
      mode = { kind: 'hold', which };
    },
    held: () => waiting.size,
    delay(ms) {
      delayMs = ms;
    },
    pass,
    async close() {
      pass();
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

/** `rawHeaders` alternates names and values: what belongs to the connection is left out with its value. */
function isOfTheAnswer(_: string, index: number, headers: string[]): boolean {
  const name = headers[index - (index % 2)] ?? '';
  return !/^(connection|keep-alive|transfer-encoding)$/i.test(name);
}
