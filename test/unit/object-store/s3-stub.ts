import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export type S3Stub = {
  endpoint: string;
  requests: { method: string; path: string; headers: IncomingMessage['headers']; body: string }[];
  /** Each request takes the next answer; the last one is repeated. */
  answerWith(...answers: Answer[]): void;
  stop(): Promise<void>;
};

/** Says what S3 servers here never say, word for word as S3 does. */
export async function startS3Stub(): Promise<S3Stub> {
  const requests: S3Stub['requests'] = [];
  let answers: Answer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      (answer ?? ok())(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answerWith(...given) {
      answers = given;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export function ok(headers: Record<string, string> = { etag: '"e1"' }, body = ''): Answer {
  return (response) => response.writeHead(200, headers).end(body);
}

export function refuse(status: number, code: string, message = 'no', headers: Record<string, string> = {}): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message><RequestId>R1</RequestId></Error>`;
  return (response) => response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
}

export const dropped: Answer = (response) => response.destroy();

export const silent: Answer = () => undefined;

export const stuckInBody: Answer = (response) => {
  response.writeHead(200, { etag: '"e1"', 'content-length': '10' });
  response.write('half');
};
