import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type SayingFormApi = {
  url: string;
  /** From now on it answers so, whatever is asked. */
  says(status: number, body: string, type?: string): void;
  /** How often it was asked. */
  asked(): number;
  close(): void;
};

/** A form API that answers what it is told to. */
export async function startSayingFormApi(): Promise<SayingFormApi> {
  let answer = { status: 200, body: '[]', type: 'application/json' };
  let asked = 0;
  const server = http.createServer((_, response) => {
    asked++;
    response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    says(status: number, body: string, type = 'application/json') {
      answer = { status, body, type };
    },
    asked: () => asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
