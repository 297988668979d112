import net from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createHealth } from '../../../src/web/health.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { aServer, ask } from './a-server.ts';

/** Sends it as it stands and reads until the server hangs up. */
async function askRaw(url: string, text: string): Promise<string> {
  const socket = net.connect({ host: new URL(url).hostname, port: Number(new URL(url).port) });
  socket.end(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
  return answer;
}

/** A health whose part is what `state` holds. */
function healthOf(state: { live: boolean; ready: boolean }) {
  const health = createHealth();
  health.add('feed', {
    live: () => ({ ok: state.live, state: state.live ? 'turning' : 'stuck' }),
    ready: () => ({ ok: state.ready, state: state.ready ? 'leading' : 'behind' }),
  });
  return health;
}

describe('the answers', () => {
  test('of /health/live and /health/ready are 200 or 503, with the parts', async () => {
    const state = { live: true, ready: false };
    const { url } = await aServer({ health: healthOf(state) }).start();

    const live = await ask(`${url}/health/live`);
    const ready = await ask(`${url}/health/ready?verbose`);
    state.live = false;
    state.ready = true;

    expect([live.status, JSON.parse(live.text)]).toEqual([
      200,
      { status: 'ok', parts: { feed: { ok: true, state: 'turning' } } },
    ]);
    expect([ready.status, JSON.parse(ready.text)]).toEqual([
      503,
      { status: 'failing', parts: { feed: { ok: false, state: 'behind' } } },
    ]);
    expect((await ask(`${url}/health/live`)).status).toBe(503);
    expect((await ask(`${url}/health/ready`)).status).toBe(200);
  });

  test('of /metrics are in the text format of Prometheus', async () => {
    const metrics = createMetrics();
    metrics.incidentRaised('BUCKET_MISSING');
    const { url } = await aServer({ metrics }).start();

    const { status, headers, text } = await ask(`${url}/metrics`);

    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('formvault_incidents_total{code="BUCKET_MISSING"} 1\n');
  });

  test.each(['/health/live', '/health/ready', '/metrics', '/'])(
    'to HEAD %s are those to GET, without body',
    async (path) => {
      const { url } = await aServer({ health: healthOf({ live: true, ready: false }) }).start();

      const get = await ask(`${url}${path}`);
      const head = await ask(`${url}${path}`, { method: 'HEAD' });

      expect([head.status, head.headers['content-type'], head.text]).toEqual([
        get.status,
        get.headers['content-type'],
        '',
      ]);
    },
  );

  test.each(['/', '/nobody', '/health', '/health/live/', '/HEALTH/live', '/%zz', '//', '/metrics/..%2f'])(
    'to %s are 404 and do not repeat the path',
    async (path) => {
      const { url } = await aServer().start();

      const { status, headers, text } = await ask(`${url}${path}?Mrs=Smith`);

      expect([status, text]).toEqual([404, '{"error":"not found"}']);
      expect(headers['content-type']).toMatch(/^application\/json/);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('to %s of a path that is read are 405', async (method) => {
    const { url } = await aServer().start();

    const { status, headers, text } = await ask(`${url}/metrics?x`, { method, body: '{"broken' });

    expect([status, headers.allow, text]).toEqual([405, 'GET, HEAD', '{"error":"method not allowed"}']);
  });

  test('to POST of another path are 404, however large and of whatever type the body is', async () => {
    const { url } = await aServer().start();
    const headers = { 'Content-Type': 'application/x-unheard-of' };

    const { status } = await ask(`${url}/nobody`, { method: 'POST', body: 'x'.repeat(100_000), headers });

    expect(status).toBe(404);
  });

  test.each(['PROPFIND', 'TRACE', 'SEARCH'])('to the rare method %s are an error without an echo', async (method) => {
    const { url } = await aServer().start();

    const { status, text } = await ask(`${url}/metrics?Smith`, { method });

    expect(status === 404 || status === 405).toBe(true);
    expect(text).not.toMatch(new RegExp(`Smith|${method}`));
  });

  test.each([
    ['no HTTP at all', 'Mrs Smith\r\n\r\n', 400],
    ['a header without end', `GET /metrics HTTP/1.1\r\nHost: x\r\nSmith: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('to %s are an error without an echo', async (_what, sent, status) => {
    const { url } = await aServer().start();

    const answer = await askRaw(url, sent);

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).not.toContain('Smith');
  });

  test('are not to be stored, and do not name the software', async () => {
    const { url } = await aServer({ health: healthOf({ live: true, ready: true }) }).start();

    for (const path of ['/health/live', '/health/ready', '/metrics', '/nobody', '/%zz']) {
      const { headers } = await ask(`${url}${path}`);
      expect(headers['cache-control']).toBe('no-store');
      expect(Object.keys(headers).filter((name) => /^(server|x-powered-by)$/.test(name))).toEqual([]);
      expect(JSON.stringify(headers)).not.toMatch(/fastify/i);
    }
  });

  test('are 500 without a stack where something breaks, which stands in the log', async () => {
    const log = createRememberingLog();
    const metrics = { ...createMetrics(), render: () => Promise.reject(new Error('Mrs Smith')) };
    const { url } = await aServer({ metrics, log }).start();

    const { status, text } = await ask(`${url}/metrics`);

    expect([status, text]).toEqual([500, '{"error":"internal error"}']);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', sentence: 'request could not be answered' }),
    );
  });
});
