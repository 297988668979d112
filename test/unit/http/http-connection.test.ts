import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createHttpClient } from '../../../src/http/http-client.ts';

const read = {
  method: 'GET',
  path: '/task',
  signal: new AbortController().signal,
  attempted: 'could not read the tasks',
} as const;

function aClient({ baseUrl, timeoutMs = 2_000 }: { baseUrl: string; timeoutMs?: number }) {
  return createHttpClient({
    baseUrl,
    auth: { kind: 'none' },
    timeoutMs,
    codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
    maxSockets: 4,
  });
}

async function withServer(listener: RequestListener, run: (baseUrl: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('a body that breaks off is unavailable', async () => {
  const cutOff: RequestListener = (_request, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('[1,', () => response.destroy());
  };
  await withServer(cutOff, async (baseUrl) => {
    await expect(aClient({ baseUrl }).request(read)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

test('a body that trickles is unavailable at the deadline', async () => {
  const trickle: RequestListener = (_request, response) => {
    const timer = setInterval(() => response.write(' '), 10);
    response.on('close', () => clearInterval(timer));
  };
  await withServer(trickle, async (baseUrl) => {
    await expect(aClient({ baseUrl, timeoutMs: 100 }).request(read)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      cause: { message: 'no answer within 100 ms' },
    });
  });
});

describe('a large body', () => {
  const large = { ...read, responseType: 'bytes', longestMs: 60_000 } as const;
  /** A byte now and then, and no end where there are no more of them. */
  const dripping =
    (bytes: number, ends: boolean): RequestListener =>
    (_request, response) => {
      let sent = 0;
      const timer = setInterval(() => {
        if (sent++ < bytes) response.write('x');
        else if (ends) response.end();
      }, 100);
      response.on('close', () => clearInterval(timer));
    };

  test('may take longer than the time-out while it comes in', async () => {
    await withServer(dripping(25, true), async (baseUrl) => {
      await expect(aClient({ baseUrl, timeoutMs: 1_500 }).request(large)).resolves.toMatchObject({ bytes: 25 });
    });
  });

  test('that comes to a stand is unavailable after the time-out', async () => {
    await withServer(dripping(3, false), async (baseUrl) => {
      await expect(aClient({ baseUrl, timeoutMs: 800 }).request(large)).rejects.toMatchObject({
        code: 'ENGINE_UNAVAILABLE',
        cause: { message: 'no answer within 800 ms' },
      });
    });
  });

  test('has a longest time of its own', async () => {
    await withServer(dripping(100, false), async (baseUrl) => {
      await expect(aClient({ baseUrl }).request({ ...large, longestMs: 500 })).rejects.toMatchObject({
        cause: { message: 'no answer within 500 ms' },
      });
    });
  });
});

test('connections are kept and used again', async () => {
  const ports = new Set<number | undefined>();
  const listener: RequestListener = (request, response) => {
    ports.add(request.socket.remotePort);
    response.end('[]');
  };
  await withServer(listener, async (baseUrl) => {
    const client = aClient({ baseUrl });
    for (let count = 0; count < 3; count++) await client.request(read);
    client.close();
  });
  expect(ports.size).toBe(1);
});

test('a port where nobody listens is unavailable', async () => {
  await expect(aClient({ baseUrl: 'http://127.0.0.1:1' }).request(read)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    cause: { message: expect.stringContaining('ECONNREFUSED') },
  });
});

test('a name with several addresses where nobody listens is unavailable, and the cause says why', async () => {
  await expect(aClient({ baseUrl: 'http://localhost:1' }).request(read)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    cause: { message: expect.stringContaining('ECONNREFUSED') },
  });
});
