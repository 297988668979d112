import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import type { FormvaultError } from '../../../src/errors.ts';
import { createHttpClient, type HttpClientOptions, isTooLarge } from '../../../src/http/http-client.ts';
import { guardNock } from '../../support/guard-nock.ts';

const BASE = 'http://engine.test/engine-rest';
const ANSWERED_TYPED_TEXT = 'Mrs Smith, 1 High Street';

guardNock();

function aClient(options: Partial<HttpClientOptions> = {}) {
  return createHttpClient({
    baseUrl: BASE,
    auth: { kind: 'none' },
    timeoutMs: 2_000,
    codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
    maxSockets: 4,
    ...options,
  });
}

const signal = new AbortController().signal;
const read = { method: 'GET', path: '/task', signal, attempted: 'could not read the tasks' } as const;

async function failureOf(answer: Promise<unknown>): Promise<FormvaultError> {
  return answer.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as FormvaultError,
  );
}

describe('an answer', () => {
  test('carries status, parsed body, headers, clock and size', async () => {
    nock(BASE)
      .get('/task')
      .query({ name: 'a b&c', limit: '1', open: 'false' })
      .reply(200, '{"a":"é"}', { Date: 'Fri, 31 May 2024 08:00:00 GMT', 'X-Thing': 'yes' });

    const query = { name: 'a b&c', limit: 1, open: false, none: null, nothing: undefined };
    await expect(aClient().request({ ...read, query })).resolves.toMatchObject({
      status: 200,
      data: { a: 'é' },
      headers: { 'x-thing': 'yes' },
      dateMs: Date.UTC(2024, 4, 31, 8),
      bytes: 10,
    });
  });

  test('without a Date header has no clock', async () => {
    nock(BASE).get('/task').reply(200, '[]');

    await expect(aClient().request(read)).resolves.toMatchObject({ dateMs: null });
  });

  test('without a body is null', async () => {
    nock(BASE).post('/task/1/complete', { variables: {} }).reply(204);

    const request = { ...read, method: 'POST', path: '/task/1/complete', body: { variables: {} } } as const;
    await expect(aClient().request(request)).resolves.toMatchObject({ status: 204, data: null });
  });

  test('is text or bytes where that is asked for', async () => {
    nock(BASE)
      .get('/task')
      .reply(200, '<p>ü</p>')
      .get('/task')
      .reply(200, Buffer.from([0, 255, 10]));

    expect((await aClient().request({ ...read, responseType: 'text' })).data).toBe('<p>ü</p>');
    expect([...(await aClient().request({ ...read, responseType: 'bytes' })).data]).toEqual([0, 255, 10]);
  });

  test('is parsed by the parser of the caller', async () => {
    nock(BASE).get('/task').reply(200, '[12345678901234567890]');

    expect((await aClient().request({ ...read, parse: (text) => text.length })).data).toBe(22);
  });

  test('may have a further status that the caller accepts', async () => {
    nock(BASE).get('/task').reply(404, { type: 'RestException', message: 'gone' });

    await expect(aClient().request({ ...read, accept: [404] })).resolves.toMatchObject({ status: 404 });
  });
});

describe('a request', () => {
  test('names its sender, and the user where there is one', async () => {
    nock(BASE, {
      reqheaders: {
        'user-agent': /^formvault\/\d+\.\d+\.\d+/,
        accept: 'application/json',
        authorization: `Basic ${Buffer.from('demo:pä:ss').toString('base64')}`,
      },
    })
      .get('/task')
      .reply(200, '[]');

    await aClient({ auth: { kind: 'basic', username: 'demo', password: 'pä:ss' } }).request(read);
  });

  test('that changes something does not follow a redirect', async () => {
    nock(BASE).post('/task').reply(302, '', { Location: 'http://elsewhere.test/' });

    const error = await failureOf(aClient().request({ ...read, method: 'POST', body: {} }));
    expect(error).toMatchObject({ code: 'ENGINE_REJECTED', hint: expect.stringContaining('ENGINE_URL') });
  });

  test('that follows a redirect to another host leaves its credentials behind', async () => {
    nock(BASE).get('/task').reply(302, '', { Location: 'http://elsewhere.test/' });
    nock('http://elsewhere.test', { badheaders: ['authorization'] })
      .get('/')
      .reply(200, '[]');

    await aClient({ auth: { kind: 'basic', username: 'demo', password: 'demo' } }).request(read);
  });
});

describe('a failure', () => {
  test.each([408, 429, 500, 502, 503, 504])('with status %i is unavailable', async (status) => {
    nock(BASE).get('/task').reply(status, ANSWERED_TYPED_TEXT);

    const error = await failureOf(aClient().request({ ...read, context: { task: '4711' } }));
    expect(error).toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: 'could not read the tasks',
      context: { task: '4711', status },
    });
  });

  test.each([400, 401, 403, 404, 405, 409, 413, 422])('with status %i is rejected', async (status) => {
    nock(BASE).get('/task').reply(status, '');

    expect(await failureOf(aClient().request(read))).toMatchObject({ code: 'ENGINE_REJECTED', context: { status } });
  });

  test('keeps the kind of exception, but nothing that the engine quotes', async () => {
    nock(BASE).get('/task').reply(400, { type: 'InvalidRequestException', message: ANSWERED_TYPED_TEXT });

    const error = await failureOf(aClient().request(read));
    expect(error.context).toEqual({ status: 400, type: 'InvalidRequestException' });
    expect(inspect(error, { depth: 20 })).not.toContain('Smith');
  });

  test.each([ANSWERED_TYPED_TEXT, 'Smith', 7, null, { a: 1 }])('takes no exception kind from %j', async (type) => {
    nock(BASE).get('/task').reply(500, { type });

    expect((await failureOf(aClient().request(read))).context).toEqual({ status: 500 });
  });

  test.each([
    ['a page', `<html>${ANSWERED_TYPED_TEXT}</html>`],
    ['half a body', `{"name":"${ANSWERED_TYPED_TEXT}`],
    ['nothing', ''],
  ])('is unavailable where %s comes instead of JSON', async (_what, body) => {
    nock(BASE).get('/task').reply(200, body);

    const error = await failureOf(aClient().request(read));
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE', context: { status: 200 } });
    expect(inspect(error, { depth: 20 })).not.toContain('Smith');
  });

  test('is unavailable where a page says 404, also to one who accepts 404', async () => {
    nock(BASE).get('/task').times(2).reply(404, '<html>', { 'Content-Type': 'text/html;charset=utf-8' });

    expect(await failureOf(aClient().request(read))).toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(await failureOf(aClient().request({ ...read, accept: [404] }))).toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
  });

  test.each([
    ['7', 7_000],
    ['0', 0],
    ['3600', 60_000],
    ['999999999999', 60_000],
    ['-5', undefined],
    ['soon', undefined],
  ])('with Retry-After: %s asks for a pause of %s ms', async (header, retryAfterMs) => {
    nock(BASE).get('/task').reply(503, '', { 'Retry-After': header });

    expect((await failureOf(aClient().request(read))).retryAfterMs).toBe(retryAfterMs);
  });

  test('may name the time of the next attempt', async () => {
    const at = (aheadMs: number) => new Date(Date.now() + aheadMs).toUTCString();
    nock(BASE)
      .get('/task')
      .reply(429, '', { 'Retry-After': at(40_000) })
      .get('/task')
      .reply(429, '', { 'Retry-After': at(3_600_000) });

    const { retryAfterMs } = await failureOf(aClient().request(read));
    expect(retryAfterMs).toBeGreaterThan(30_000);
    expect(retryAfterMs).toBeLessThanOrEqual(40_000);
    expect((await failureOf(aClient().request(read))).retryAfterMs).toBe(60_000);
  });

  test.each([401, 403])('with status %i names the settings to look at', async (status) => {
    nock(BASE).get('/task').reply(status, '');

    expect((await failureOf(aClient().request(read))).hint).toMatch(/ENGINE_USERNAME.*ENGINE_CLIENT_ID/);
  });

  test('holds no credentials, headers or bodies', async () => {
    nock(BASE)
      .post('/task')
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));

    const auth = { kind: 'basic', username: 'scott', password: 'tiger' } as const;
    const request = { ...read, method: 'POST', body: { name: ANSWERED_TYPED_TEXT } } as const;
    const error = await failureOf(aClient({ auth }).request(request));
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE', cause: { message: 'ECONNRESET: socket hang up' } });
    const shown = inspect(error, { depth: 20, showHidden: true });
    expect(shown).not.toMatch(
      new RegExp(`tiger|Smith|${Buffer.from('scott:tiger').toString('base64')}|User-Agent`, 'i'),
    );
  });

  test('of a request that the caller aborts is a shutdown', async () => {
    nock(BASE).get('/task').delay(5_000).reply(200, '[]');
    const stop = new AbortController();

    const failing = failureOf(aClient().request({ ...read, signal: stop.signal }));
    setImmediate(() => stop.abort());
    expect(await failing).toMatchObject({ code: 'SHUTTING_DOWN' });
    nock.abortPendingRequests();
  });

  test('of a request that was aborted before it began is a shutdown', async () => {
    expect(await failureOf(aClient().request({ ...read, signal: AbortSignal.abort() }))).toMatchObject({
      code: 'SHUTTING_DOWN',
    });
  });

  test('by an answer that is too large can be told apart', async () => {
    nock(BASE)
      .get('/task')
      .reply(200, `["${'x'.repeat(1_000)}"]`)
      .get('/task')
      .reply(500, '');

    const tooLarge = await failureOf(aClient().request({ ...read, maxBytes: 100 }));
    expect([tooLarge.code, isTooLarge(tooLarge)]).toEqual(['ENGINE_REJECTED', true]);
    expect(isTooLarge(await failureOf(aClient().request(read)))).toBe(false);
    expect(isTooLarge(null)).toBe(false);
  });
});
