import { expect, test } from '@jest/globals';
import nock from 'nock';
import type { Auth } from '../../../src/http/auth.ts';
import { createHttpClient } from '../../../src/http/http-client.ts';
import { guardNock } from '../../support/guard-nock.ts';

const BASE = 'http://engine.test/engine-rest';
const signal = new AbortController().signal;
const read = { method: 'GET', path: '/task', signal, attempted: 'could not read the tasks' } as const;
const oauth: Auth = {
  kind: 'oauth',
  tokenUrl: 'http://login.test/token',
  clientId: 'formvault',
  clientSecret: 'secret',
  scope: null,
};

guardNock();

function aClient({ gate, auth = { kind: 'none' } }: { gate?: boolean; auth?: Auth } = {}) {
  return createHttpClient({
    baseUrl: BASE,
    auth,
    timeoutMs: 2_000,
    codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
    maxSockets: 4,
    ...(gate === undefined ? {} : { gate }),
  });
}

const askInTurn = async (client: ReturnType<typeof aClient>, times: number) => {
  for (let each = 0; each < times; each++) await client.request(read).catch(() => undefined);
};

test.each([
  ['500', 500, ''],
  ['a page with status 200', 200, '<html>'],
  ['half a body', 200, '[{"id":'],
  ['429', 429, ''],
])(
  'a service that answers %s is away after three times; the next one waits and finds it back',
  async (_, status, body) => {
    nock(BASE).get('/task').times(3).reply(status, body).get('/task').reply(200, '[]');
    const client = aClient({ gate: true });
    expect(client.gate).toMatchObject({ isOpen: expect.any(Function) });

    await askInTurn(client, 3);
    expect([client.gate?.isOpen(), client.gate?.failures()]).toEqual([false, 3]);
    await expect(client.request(read)).resolves.toMatchObject({ status: 200 });
    expect([client.gate?.isOpen(), client.gate?.failures()]).toEqual([true, 0]);
  },
);

test('a service whose sign-in is away is away too, and is not asked meanwhile', async () => {
  nock('http://login.test').post('/token').times(3).reply(503, '');
  const client = aClient({ gate: true, auth: oauth });

  await askInTurn(client, 3);
  expect(client.gate?.isOpen()).toBe(false);
});

test('a request that waits for a service is stopped by its own signal', async () => {
  nock(BASE).get('/task').times(3).reply(500, '');
  const client = aClient({ gate: true });
  const stop = new AbortController();

  await askInTurn(client, 3);
  const waiting = client.request({ ...read, signal: stop.signal });
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});

test('a client without a gate never waits', async () => {
  nock(BASE).get('/task').times(5).reply(500, '');
  const client = aClient();

  await askInTurn(client, 5);
  expect(client.gate).toBeUndefined();
});

test.each<[Auth, string | null]>([
  [{ kind: 'none' }, null],
  [{ kind: 'basic', username: 'demo', password: 'pä:ss' }, `Basic ${Buffer.from('demo:pä:ss').toString('base64')}`],
])('another client of the same service signs in as %j does', async (auth, value) => {
  const client = aClient({ auth });
  await expect(client.authorization(signal)).resolves.toBe(value);
  client.refuse(value ?? '');
  await expect(client.authorization(signal)).resolves.toBe(value);
});

test('another client of the same service shares the token, and a refused one is replaced for both', async () => {
  nock('http://login.test')
    .post('/token')
    .reply(200, { access_token: 'one' })
    .post('/token')
    .reply(200, { access_token: 'two' });
  nock(BASE, { reqheaders: { authorization: 'Bearer two' } })
    .get('/task')
    .reply(200, '[]');
  const client = aClient({ auth: oauth });

  await expect(client.authorization(signal)).resolves.toBe('Bearer one');
  client.refuse('Bearer one');
  await client.request(read);
  client.refuse('Bearer one');
  await expect(client.authorization(signal)).resolves.toBe('Bearer two');
});
