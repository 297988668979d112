import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { aServer, ask } from './a-server.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
const testIf = (condition: boolean) => (condition ? test : test.skip);
const never = new AbortController().signal;

describe('a start', () => {
  test('tells where it listens', async () => {
    const log = createRememberingLog();
    const { url } = await aServer({ log }).start();

    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(log.lines).toContainEqual({ level: 'info', sentence: 'listening', fields: { part: 'web', address: url } });
  });

  test.each(['localhost', '0.0.0.0'])('listens on %s', async (host) => {
    const { url } = await aServer({ host }).start();

    expect((await ask(`${url}/health/live`)).status).toBe(200);
  });

  testIf(hasIpv6)('listens on an IPv6 address', async () => {
    const { url } = await aServer({ host: '::1' }).start();

    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await ask(`${url}/health/live`)).status).toBe(200);
  });

  test('twice is one server', async () => {
    const server = aServer();

    expect(await server.start()).toEqual(await server.start());
  });

  test('on a port that is in use names HOST and PORT', async () => {
    const { url } = await aServer().start();
    const port = Number(new URL(url).port);

    await expect(aServer({ port }).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringMatching(/HOST and PORT.*another PORT/),
      context: { host: '127.0.0.1', port },
    });
  });

  test.each(['192.0.2.1', 'no-such-host.invalid'])('on the address %s, which is not here, names HOST', async (host) => {
    await expect(aServer({ host }).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringMatching(/HOST.*PORT/),
    });
  });

  test('that failed can be stopped and made again', async () => {
    const blocker = aServer();
    const port = Number(new URL((await blocker.start()).url).port);
    const server = aServer({ port });
    await expect(server.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });

    await server.stop(never);
    await blocker.stop(never);

    await expect(server.start()).resolves.toEqual({ url: `http://127.0.0.1:${port}` });
  });
});

describe('a stop', () => {
  test('before a start, and twice, is harmless', async () => {
    const server = aServer();

    await server.stop(never);
    await server.start();
    await server.stop(never);
    await server.stop(never);
  });

  test('frees the port', async () => {
    const server = aServer();
    const { url } = await server.start();

    await server.stop(never);

    await expect(ask(`${url}/health/live`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('does not wait for connections that are kept open, silent, or in the middle of a request', async () => {
    const server = aServer();
    const { url } = await server.start();
    const agent = new http.Agent({ keepAlive: true });
    await ask(`${url}/health/live`, { agent });
    const port = Number(new URL(url).port);
    const sockets = ['', 'GET /metrics HTTP/1.1\r\nHo'].map((text) => {
      const socket = net.connect({ host: '127.0.0.1', port });
      socket.on('error', () => undefined).write(text);
      return socket.resume();
    });
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));

    await server.stop(never);

    await Promise.all(closed);
    agent.destroy();
  });

  test('waits for an answer that is being given', async () => {
    const { server, url, asked, finish } = await aServerThatTakesItsTime();
    const answer = ask(`${url}/metrics`);
    await asked;

    const stopped = server.stop(never);
    finish('late');

    await expect(answer).resolves.toMatchObject({ status: 200, text: 'late' });
    await stopped;
  });

  test('cuts an answer off when its signal aborts', async () => {
    const { server, url, asked } = await aServerThatTakesItsTime();
    const answer = ask(`${url}/metrics`);
    await asked;
    const deadline = new AbortController();

    const stopped = server.stop(deadline.signal);
    const refused = expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    deadline.abort();

    await Promise.all([stopped, refused]);
  });

  test('while it starts ends what was begun', async () => {
    const server = aServer();
    const started = server.start();

    await server.stop(never);

    const { url } = await started;
    await expect(ask(`${url}/health/live`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

async function aServerThatTakesItsTime() {
  let beginning = (): void => undefined;
  let finish = (_text: string): void => undefined;
  const asked = new Promise<void>((resolve) => {
    beginning = resolve;
  });
  const text = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const render = () => {
    beginning();
    return text;
  };
  const server = aServer({ metrics: { ...createMetrics(), render } });
  const { url } = await server.start();
  return { server, url, asked, finish: (answer: string) => finish(answer) };
}
