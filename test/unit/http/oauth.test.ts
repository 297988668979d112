import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import nock from 'nock';
import { createHttpClient } from '../../../src/http/http-client.ts';
import { createTokenSource } from '../../../src/http/oauth-token.ts';
import { guardNock } from '../../support/guard-nock.ts';

const LOGIN = 'http://login.test';
const FORMS = 'http://forms.test';
const auth = {
  kind: 'oauth',
  tokenUrl: `${LOGIN}/token`,
  clientId: 'form vault',
  clientSecret: 'ti:ger+1',
  scope: 'forms read',
} as const;
const signal = new AbortController().signal;
const read = { method: 'GET', path: '/form', signal, attempted: 'could not look up the form' } as const;

guardNock();

function aClient() {
  return createHttpClient({
    baseUrl: FORMS,
    auth,
    timeoutMs: 2_000,
    codes: { unavailable: 'FORM_API_UNAVAILABLE', rejected: 'FORM_API_REJECTED' },
    maxSockets: 4,
  });
}

function formsTaking(token: string) {
  return nock(FORMS, { reqheaders: { authorization: `Bearer ${token}` } });
}

test('many requests at once share one token, asked for as RFC 6749 says', async () => {
  nock(LOGIN, {
    reqheaders: {
      authorization: `Basic ${Buffer.from('form+vault:ti%3Ager%2B1').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
  })
    .post('/token', 'grant_type=client_credentials&scope=forms+read')
    .reply(200, { access_token: 'one', expires_in: 300 });
  formsTaking('one').get('/form').times(5).reply(200, '[]');

  const client = aClient();
  await Promise.all([1, 2, 3, 4].map(() => client.request(read)));
  await client.request(read);
});

test('a token that the service refuses is replaced once', async () => {
  nock(LOGIN).post('/token').reply(200, { access_token: 'one' }).post('/token').reply(200, { access_token: 'two' });
  formsTaking('one').get('/form').reply(401, '');
  formsTaking('two').get('/form').reply(200, '[]').get('/form').reply(200, '[]');

  const client = aClient();
  await client.request(read);
  await client.request(read);
});

test('a service that refuses every token rejects', async () => {
  nock(LOGIN).post('/token').times(2).reply(200, { access_token: 'one' });
  formsTaking('one').get('/form').times(2).reply(401, '');

  await expect(aClient().request(read)).rejects.toMatchObject({ code: 'FORM_API_REJECTED', context: { status: 401 } });
});

test.each([
  [400, { error: 'invalid_client' }],
  [401, { error: 'invalid_client' }],
  [200, { token: 'misnamed' }],
  [200, { access_token: 'with\r\nX-Header: injected' }],
])('an answer %i %j of the token address names the settings to look at', async (status, body) => {
  nock(LOGIN).post('/token').reply(status, body);

  await expect(aClient().request(read)).rejects.toMatchObject({
    code: 'FORM_API_REJECTED',
    message: 'could not sign in',
    hint: expect.stringContaining('FORM_API_TOKEN_URL, FORM_API_CLIENT_ID'),
  });
});

test.each([
  [503, ''],
  [429, ''],
  [200, '<html>'],
])('an answer %i %j of the token address is unavailable', async (status, body) => {
  nock(LOGIN).post('/token').reply(status, body);

  await expect(aClient().request(read)).rejects.toMatchObject({ code: 'FORM_API_UNAVAILABLE' });
});

test('a failed sign-in holds neither secret nor token, and is tried again by the next request', async () => {
  nock(LOGIN)
    .post('/token')
    .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    .post('/token')
    .reply(200, { access_token: 'one' });
  formsTaking('one').get('/form').reply(200, '[]');

  const client = aClient();
  const error = await client.request(read).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'FORM_API_UNAVAILABLE' });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/ti:ger|ti%3Ager|Basic/);
  await expect(client.request(read)).resolves.toMatchObject({ status: 200 });
});

test.each([
  [300, 269_000, 271_000],
  ['300', 269_000, 271_000],
  [10, 4_900, 5_100],
  [undefined, 29_900, 30_100],
  [0, 29_900, 30_100],
  ['never', 29_900, 30_100],
])('a token of %s seconds is renewed before it ends', async (life, stillMs, nextMs) => {
  let nowMs = 1_000;
  let asked = 0;
  const answer = async () => ({ access_token: `token-${++asked}`, expires_in: life });
  const source = createTokenSource(
    auth,
    answer,
    () => new Error('rejected') as never,
    () => nowMs,
  );

  await source.read(signal);
  nowMs = 1_000 + stillMs;
  await expect(source.read(signal)).resolves.toBe('token-1');
  nowMs = 1_000 + nextMs;
  await expect(source.read(signal)).resolves.toBe('token-2');
});

test('dropping an old token leaves the new one', async () => {
  let asked = 0;
  const answer = async () => ({ access_token: `token-${++asked}`, expires_in: 300 });
  const source = createTokenSource(auth, answer, () => new Error('rejected') as never);

  const old = await source.read(signal);
  source.drop(old);
  await source.read(signal);
  source.drop(old);
  await expect(source.read(signal)).resolves.toBe('token-2');
});
