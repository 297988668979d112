import http from 'node:http';

export type HttpConnection = ReturnType<typeof createHttpConnection>;

export type HttpAnswer = { status: number; headers: http.IncomingHttpHeaders; text: string };

/** Plain HTTP over kept connections: cheap, so that what is measured gets the processor. */
export function createHttpConnection(maxSockets = Number.POSITIVE_INFINITY) {
  const agent = new http.Agent({ keepAlive: true, maxSockets });
  return {
    request(
      method: string,
      url: string,
      {
        body,
        headers = {},
        signal,
      }: { body?: string | Buffer; headers?: http.OutgoingHttpHeaders; signal: AbortSignal },
    ): Promise<HttpAnswer> {
      return new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
        const request = http.request(url, { method, agent, signal, headers: { ...headers, ...length } }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
          });
        });
        request.on('error', reject);
        request.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}
