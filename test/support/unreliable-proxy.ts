import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type UnreliableProxy = {
  /** The address of the S3 server behind it, with the proxy's own host and port. */
  url: string;
  /** How many requests have failed in each way. */
  failures: Record<Failure, number>;
  /** From now on nothing fails any more. */
  mend(): void;
  close(): Promise<void>;
};

const FAILURES = ['busy', 'denied', 'broken off before', 'broken off after'] as const;
type Failure = (typeof FAILURES)[number];

const answerWith = (code: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;

/** Stands between Formvault and S3, and lets a share of the requests fail; the service may have done what was asked. */
export async function startUnreliableProxy(
  serviceUrl: string,
  options: { random(): number; shareThatFails(path: string): number },
): Promise<UnreliableProxy> {
  const service = new URL(serviceUrl);
  const agent = new http.Agent({ keepAlive: true });
  const failures = Object.fromEntries(FAILURES.map((failure) => [failure, 0])) as Record<Failure, number>;
  let isMended = false;

  function chooseFailure(path: string): Failure | null {
    const isFailing = options.random() < options.shareThatFails(path);
    const failure = FAILURES[Math.floor(options.random() * FAILURES.length)];
    if (isMended || !isFailing || failure === undefined) return null;
    failures[failure]++;
    return failure;
  }

  const server = http.createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  });

  async function forward(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const failure = chooseFailure(request.url ?? '');
    if (failure === 'broken off before') throw new Error(failure);
    if (failure === 'busy' || failure === 'denied') {
      const [status, code] = failure === 'busy' ? [503, 'SlowDown'] : [403, 'AccessDenied'];
      response.writeHead(status, { 'content-type': 'application/xml' }).end(answerWith(code));
      return;
    }
    const answer = await ask(request, Buffer.concat(chunks));
    if (failure === 'broken off after') {
      answer.resume();
      throw new Error(failure);
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  }

  function ask({ method, url, headers }: http.IncomingMessage, body: Buffer): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { expect: _, ...kept } = headers;
      const target = { host: service.hostname, port: service.port, method, path: url, headers: kept, agent };
      http.request(target, resolve).once('error', reject).end(body);
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: serviceUrl.replace(service.host, `127.0.0.1:${port}`),
    failures,
    mend() {
      isMended = true;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
