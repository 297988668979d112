import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type DenyingProxy = {
  /** The address of the S3 server behind it, with the proxy's own host and port. */
  url: string;
  /** From now on this bucket answers like one whose policy forbids everything. */
  deny(bucket: string): void;
  allow(): void;
  close(): Promise<void>;
};

const ACCESS_DENIED =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

/** Stands between Formvault and S3 as the policy of a bucket does. */
export async function startDenyingProxy(serviceUrl: string): Promise<DenyingProxy> {
  const service = new URL(serviceUrl);
  const agent = new http.Agent({ keepAlive: true });
  let denied: string | null = null;

  const server = http.createServer((request, response) => {
    if (denied !== null && bucketOf(request) === denied) {
      request.resume();
      response.writeHead(403, { 'content-type': 'application/xml' }).end(ACCESS_DENIED);
      return;
    }
    const { expect: _, ...headers } = request.headers;
    const target = { host: service.hostname, port: service.port, method: request.method, path: request.url };
    const forwarded = http.request({ ...target, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.once('error', () => response.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: serviceUrl.replace(service.host, `127.0.0.1:${port}`),
    deny(bucket) {
      denied = bucket;
    },
    allow() {
      denied = null;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

function bucketOf({ url }: http.IncomingMessage): string | undefined {
  return url?.split(/[/?]/)[1];
}
