import http from 'node:http';
import type { AddressInfo } from 'node:net';

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
  hold(which?: Which): void;
  /** How many requests are being kept waiting. */
  held(): number;
  /** Answers come this much later, those that were held as well. */
  delay(ms: number): void;
  /** Answers in place of the service, to everything or to what `which` says. */
  answer(given: GivenAnswer, which?: Which): void;
  /** Gives half of each body on, then breaks the connection off; the service has done what it was asked for. */
  halve(): void;
  /** As at the start; what was held goes on. */
  pass(): void;
  close(): Promise<void>;
};

export type GivenAnswer = { status: number; headers?: Record<string, string>; body?: string };

type Which = (request: SeenRequest, body: string) => boolean;
type Mode =
  | { kind: 'pass' }
  | { kind: 'refuse' }
  | { kind: 'hold'; which: Which }
  | { kind: 'answer'; given: GivenAnswer; which: Which }
  | { kind: 'halve' };

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
    const asked = Buffer.concat(chunks);
    if (mode.kind === 'hold' && mode.which(seen, asked.toString())) await untilReleased(response);
    if (delayMs > 0) await untilReleased(response, delayMs);
    if (mode.kind === 'refuse' || response.destroyed) throw new Error('refused');
    if (mode.kind === 'answer' && mode.which(seen, asked.toString())) {
      response.writeHead(mode.given.status, mode.given.headers).end(mode.given.body);
      return;
    }

    const answer = await ask(request, asked);
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part);
    const body = Buffer.concat(parts);
    if (mode.kind === 'halve') {
      await breakOffWithin(body, answer, response);
      return;
    }
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

  async function untilReleased(response: http.ServerResponse, atMostMs?: number): Promise<void> {
    const released = Promise.withResolvers<void>();
    const release = () => released.resolve();
    const timer = atMostMs === undefined ? undefined : setTimeout(release, atMostMs);
    waiting.add(release);
    response.once('close', release);
    await released.promise;
    waiting.delete(release);
    clearTimeout(timer);
  }

  /** What was held goes on as well. */
  function become(next: Mode): void {
    mode = next;
    for (const release of waiting) release();
  }

  function pass(): void {
    delayMs = 0;
    become({ kind: 'pass' });
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
      become({ kind: 'refuse' });
      server.closeAllConnections();
    },
    answer(given, which = () => true) {
      become({ kind: 'answer', given, which });
    },
    halve() {
      become({ kind: 'halve' });
    },
    hold(which = () => true) {
      mode = { kind: 'hold', which };
    },
    held: () => waiting.size,
    delay(ms) {
      delayMs = ms;
      become({ kind: 'pass' });
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

async function breakOffWithin(
  body: Buffer,
  { statusCode = 502, headers }: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const type = headers['content-type'];
  response.writeHead(statusCode, { 'content-length': body.length, ...(type && { 'content-type': type }) });
  await new Promise<unknown>((resolve) => response.write(body.subarray(0, body.length / 2), resolve));
  response.destroy();
}

/**
 * How often something was asked since then, on average. The first second is left out: what was under way fails in it, and is
 * tried again for the first time.
 */
export function requestsASecond({ requests }: CountingProxy, sinceMs: number): number {
  const fromMs = sinceMs + 1_000;
  return requests.filter(({ atMs }) => atMs >= fromMs).length / ((performance.now() - fromMs) / 1_000);
}

/** `rawHeaders` alternates names and values: what belongs to the connection is left out with its value. */
function isOfTheAnswer(_: string, index: number, headers: string[]): boolean {
  const name = headers[index - (index % 2)] ?? '';
  return !/^(connection|keep-alive|transfer-encoding)$/i.test(name);
}
