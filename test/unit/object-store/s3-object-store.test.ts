import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FormvaultError } from '../../../src/errors.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { s3Failure } from '../../../src/object-store/s3-failure.ts';
import { createS3ObjectStore, type S3Settings } from '../../../src/object-store/s3-object-store.ts';
import { type Answer, dropped, ok, refuse, type S3Stub, silent, startS3Stub, stuckInBody } from './s3-stub.ts';

const signal = new AbortController().signal;
const object = {
  bucket: 'dev-cop-case',
  key: 'CASE-1/site-visit/anna@example.com-20240229T080509.json',
  body: '{"answer":"secret"}',
  contentType: 'application/json',
  metadata: { title: 'Site visit' },
};
const credentials = { accessKeyId: 'AKIDSTUB', secretAccessKey: 'stub-secret-key' };

let stub: S3Stub;
let stores: ObjectStore[];

beforeEach(async () => {
  stub = await startS3Stub();
  stores = [];
});

afterEach(async () => {
  for (const store of stores) store.close();
  await stub.stop();
});

function openStore(settings: Partial<S3Settings> = {}): ObjectStore {
  const store = createS3ObjectStore(
    { region: 'eu-west-2', endpoint: stub.endpoint, forcePathStyle: true, maxConnections: 8, ...settings },
    { credentials, requestTimeoutMs: 200, connectionTimeoutMs: 200 },
  );
  stores.push(store);
  return store;
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: FormvaultError) => error,
  );

describe('a write', () => {
  test('V2: is one conditional request with type, metadata and encryption', async () => {
    stub.answerWith(ok());
    const store = openStore({ sse: 'aws:kms', kmsKeyId: 'key-1' });

    await expect(store.putIfAbsent(object, signal)).resolves.toEqual({ etag: '"e1"' });
    await expect(store.putIfUnchanged(object, '"e0"', signal)).resolves.toEqual({ etag: '"e1"' });
    expect(stub.requests).toMatchObject([
      {
        method: 'PUT',
        body: object.body,
        headers: {
          'if-none-match': '*',
          'content-type': 'application/json',
          'x-amz-meta-title': 'Site visit',
          'x-amz-server-side-encryption': 'aws:kms',
          'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
        },
      },
      { method: 'PUT', headers: { 'if-match': '"e0"', 'x-amz-server-side-encryption': 'aws:kms' } },
    ]);
  });

  test('that meets an object is taken or changed, not an error', async () => {
    const store = openStore();
    stub.answerWith(refuse(412, 'PreconditionFailed'));
    await expect(store.putIfAbsent(object, signal)).resolves.toBe('taken');
    await expect(store.putIfUnchanged(object, '"e0"', signal)).resolves.toBe('changed');
    stub.answerWith(refuse(404, 'NoSuchKey'));
    await expect(store.putIfUnchanged(object, '"e0"', signal)).resolves.toBe('changed');
    stub.answerWith(refuse(404, 'NoSuchBucket'));
    await expect(store.putIfUnchanged(object, '"e0"', signal)).rejects.toMatchObject({ code: 'BUCKET_MISSING' });
  });

  test('whose answer was lost finds its own object', async () => {
    stub.answerWith(dropped, refuse(412, 'PreconditionFailed'));
    await expect(openStore().putIfAbsent(object, signal)).resolves.toBe('taken');
  });

  test('that meets another one in flight is sent again', async () => {
    stub.answerWith(refuse(409, 'ConditionalRequestConflict'), refuse(409, 'ConditionalRequestConflict'), ok());
    await expect(openStore().putIfAbsent(object, signal)).resolves.toEqual({ etag: '"e1"' });
  });

  test('that meets others in flight for too long is VAULT_UNAVAILABLE', async () => {
    stub.answerWith(refuse(409, 'ConditionalRequestConflict'));
    await expect(openStore().putIfAbsent(object, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
    expect(stub.requests).toHaveLength(5);
  });

  test('V2: without an ETag in the answer does not count', async () => {
    stub.answerWith(ok({}));
    await expect(openStore().putIfAbsent(object, signal)).rejects.toMatchObject({
      code: 'VAULT_UNAVAILABLE',
      hint: expect.stringContaining('S3_ENDPOINT'),
    });
  });
});

test.each<[string, string, string, Answer]>([
  ['503 SlowDown', 'VAULT_UNAVAILABLE', 'reached', refuse(503, 'SlowDown')],
  ['500', 'VAULT_UNAVAILABLE', 'reached', refuse(500, 'InternalError')],
  ['429', 'VAULT_UNAVAILABLE', 'reached', refuse(429, 'TooManyRequests')],
  ['400 RequestTimeout', 'VAULT_UNAVAILABLE', 'reached', refuse(400, 'RequestTimeout')],
  ['a dropped connection', 'VAULT_UNAVAILABLE', 'reached', dropped],
  ['no answer', 'VAULT_UNAVAILABLE', 'reached', silent],
  ['403 AccessDenied', 'VAULT_REJECTED', 's3:PutObject', refuse(403, 'AccessDenied')],
  ['403 InvalidAccessKeyId', 'VAULT_REJECTED', 'AWS_ACCESS_KEY_ID', refuse(403, 'InvalidAccessKeyId')],
  ['403 SignatureDoesNotMatch', 'VAULT_REJECTED', 'AWS_SECRET_ACCESS_KEY', refuse(403, 'SignatureDoesNotMatch')],
  ['403 RequestTimeTooSkewed', 'VAULT_REJECTED', 'clock', refuse(403, 'RequestTimeTooSkewed')],
  ['400 ExpiredToken', 'VAULT_REJECTED', 'AWS_SESSION_TOKEN', refuse(400, 'ExpiredToken')],
  ['301 PermanentRedirect', 'VAULT_REJECTED', 'AWS_REGION', refuse(301, 'PermanentRedirect')],
  ['400 AuthorizationHeaderMalformed', 'VAULT_REJECTED', 'AWS_REGION', refuse(400, 'AuthorizationHeaderMalformed')],
  ['400 KMS.DisabledException', 'VAULT_REJECTED', 'S3_KMS_KEY_ID', refuse(400, 'KMS.DisabledException')],
  ['501 NotImplemented', 'VAULT_REJECTED', 'conditional writes', refuse(501, 'NotImplemented')],
  ['404 NoSuchBucket', 'BUCKET_MISSING', 'S3_CREATE_BUCKETS', refuse(404, 'NoSuchBucket')],
  ['400 InvalidArgument', 'VAULT_REJECTED', 'AWS_REGION', refuse(400, 'InvalidArgument')],
  ['a web page', 'VAULT_UNAVAILABLE', 'S3_ENDPOINT', ok({ 'content-type': 'text/html' }, '<html>')],
])('%s is %s with a hint at %s', async (_, code, hint, answer) => {
  stub.answerWith(answer);
  const failure = await failureOf(openStore().putIfAbsent(object, signal));
  expect(failure).toMatchObject({ code, message: 'could not write an object', context: { bucket: object.bucket } });
  expect(failure.hint).toContain(hint);
});

test('an answer without a body is judged by its status', async () => {
  const store = openStore();
  const head =
    (status: number): Answer =>
    (response) =>
      response.writeHead(status).end();
  stub.answerWith(head(403));
  await expect(store.head(object.bucket, object.key, signal)).rejects.toMatchObject({
    code: 'VAULT_REJECTED',
    hint: expect.stringContaining('s3:ListBucket'),
  });
  stub.answerWith(head(301));
  await expect(store.bucketExists(object.bucket, signal)).rejects.toMatchObject({
    code: 'VAULT_REJECTED',
    hint: expect.stringContaining('AWS_REGION'),
  });
  stub.answerWith(head(503));
  await expect(store.head(object.bucket, object.key, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  stub.answerWith(head(404));
  await expect(store.head(object.bucket, object.key, signal)).resolves.toBeNull();
  await expect(store.bucketExists(object.bucket, signal)).resolves.toBe(false);
});

test('a refused connection is VAULT_UNAVAILABLE and says so', async () => {
  const store = openStore({ endpoint: 'http://127.0.0.1:1' });
  const failure = await failureOf(store.putIfAbsent(object, signal));
  expect(failure.code).toBe('VAULT_UNAVAILABLE');
  expect(inspect(failure)).toContain('ECONNREFUSED');
});

test('an object whose bytes stop coming is VAULT_UNAVAILABLE', async () => {
  stub.answerWith(stuckInBody);
  await expect(openStore().get(object.bucket, object.key, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
});

test.each([
  ['7', 7_000],
  ['soon', undefined],
])('a Retry-After of %s is told the caller as %j ms', (retryAfter, retryAfterMs) => {
  const thrown = Object.assign(new Error(), {
    name: 'SlowDown',
    $metadata: { httpStatusCode: 503 },
    $response: { headers: { 'retry-after': retryAfter } },
  });
  expect(s3Failure(thrown, 'could not write an object', object.bucket, signal)).toMatchObject({
    code: 'VAULT_UNAVAILABLE',
    retryAfterMs,
  });
});

test('missing credentials are VAULT_REJECTED with a hint', async () => {
  const store = createS3ObjectStore(
    { region: 'eu-west-2', endpoint: stub.endpoint, forcePathStyle: true, maxConnections: 1 },
    {
      credentials: () => Promise.reject(Object.assign(new Error('none found'), { name: 'CredentialsProviderError' })),
    },
  );
  stores.push(store);
  await expect(store.putIfAbsent(object, signal)).rejects.toMatchObject({
    code: 'VAULT_REJECTED',
    hint: expect.stringContaining('AWS_ACCESS_KEY_ID'),
  });
});

test('the caller that aborts gets SHUTTING_DOWN, before and during a request', async () => {
  const store = openStore();
  await expect(store.putIfAbsent(object, AbortSignal.abort())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(stub.requests).toEqual([]);

  const caller = new AbortController();
  stub.answerWith(() => caller.abort());
  await expect(store.putIfAbsent(object, caller.signal)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await expect(store.list(object.bucket, '', caller.signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'SHUTTING_DOWN',
  });
});

test.each<[string, Answer]>([
  [
    'a refusal',
    refuse(
      403,
      'AccessDenied',
      `User: arn:aws:iam::1:user/x is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::${object.bucket}/${object.key}" because no identity-based policy allows the s3:PutObject action`,
    ),
  ],
  ['an answer that is no XML', (response) => response.writeHead(400).end(`<x>${object.key}`)],
  ['a broken connection', dropped],
])('nothing of the submission and no credentials stand in the error of %s', async (_, answer) => {
  stub.answerWith(answer);
  const failure = await failureOf(openStore().putIfAbsent(object, signal));
  const everything = inspect(failure, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  for (const secret of ['anna', 'secret', 'Site visit', 'CASE-1', 'AKIDSTUB', 'AWS4-HMAC']) {
    expect(everything).not.toContain(secret);
  }
});

test('the error of a refusal says which permission is missing, why, and for which request', async () => {
  const message = `User: arn:x is not authorized to perform: kms:GenerateDataKey on resource: y because no identity-based policy allows the kms:GenerateDataKey action`;
  stub.answerWith(refuse(403, 'AccessDenied', message, { 'x-amz-request-id': 'R1' }));
  const { cause } = await failureOf(openStore().putIfAbsent(object, signal));
  expect(cause).toMatchObject({
    name: 'AccessDenied',
    message:
      'S3 answered 403, not allowed: kms:GenerateDataKey, because no identity-based policy allows it, request R1',
  });
  expect((cause as Error).stack).toMatch(/^AccessDenied: S3 answered 403.*\n {4}at /);
});

describe('creating a bucket', () => {
  test('names the region outside us-east-1', async () => {
    stub.answerWith(ok({}));
    await openStore().createBucket('dev-visits', signal);
    await openStore({ region: 'us-east-1' }).createBucket('dev-visits', signal);
    expect(stub.requests.map(({ body }) => body.includes('<LocationConstraint>eu-west-2<'))).toEqual([true, false]);
  });

  test('is done when it is there already, refused when it is not ours, and waits for another creation', async () => {
    stub.answerWith(refuse(409, 'BucketAlreadyOwnedByYou'));
    await openStore().createBucket('dev-visits', signal);
    stub.answerWith(refuse(409, 'OperationAborted'), ok({}));
    await openStore().createBucket('dev-visits', signal);
    stub.answerWith(refuse(409, 'BucketAlreadyExists'));
    await expect(openStore().createBucket('dev-visits', signal)).rejects.toMatchObject({
      code: 'VAULT_REJECTED',
      hint: expect.stringContaining('ENVIRONMENT'),
    });
  });
});

describe('listing the buckets', () => {
  const pageOf = (names: string[], token = ''): Answer =>
    ok(
      { 'content-type': 'application/xml' },
      `<?xml version="1.0" encoding="UTF-8"?><ListAllMyBucketsResult><Buckets>${names
        .map((name) => `<Bucket><Name>${name}</Name></Bucket>`)
        .join('')}</Buckets>${token}</ListAllMyBucketsResult>`,
    );

  test('goes on where a page ends, and leaves out what a server gives that knows no prefix', async () => {
    stub.answerWith(
      pageOf(['dev-cop-case', 'prod-cop-case'], '<ContinuationToken>more</ContinuationToken>'),
      pageOf(['dev-visits']),
    );
    const names: string[] = [];
    for await (const name of openStore().listBuckets('dev-', signal)) names.push(name);

    expect(names).toEqual(['dev-cop-case', 'dev-visits']);
    const asked = stub.requests.map(({ path }) => new URL(path, stub.endpoint).searchParams);
    expect(asked.map((each) => [each.get('prefix'), each.get('continuation-token')])).toEqual([
      ['dev-', null],
      ['dev-', 'more'],
    ]);
  });

  test('that is not allowed is VAULT_REJECTED', async () => {
    stub.answerWith(refuse(403, 'AccessDenied'));
    const listing = openStore().listBuckets('dev-', signal)[Symbol.asyncIterator]();
    await expect(listing.next()).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
  });
});
