import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { createS3ObjectStore } from '../../../src/object-store/s3-object-store.ts';
import { type Answer, dropped, ok, refuse, type S3Stub, silent, startS3Stub, stuckInBody } from './s3-stub.ts';

const signal = new AbortController().signal;
const object = { bucket: 'dev-cop-case', key: 'a', body: '{}', contentType: 'application/json' };

let stub: S3Stub;
let store: ObjectStore;

beforeEach(async () => {
  stub = await startS3Stub();
  store = createS3ObjectStore(
    { region: 'eu-west-2', endpoint: stub.endpoint, forcePathStyle: true, maxConnections: 8 },
    { credentials: { accessKeyId: 'AKIDSTUB', secretAccessKey: 'stub' }, requestTimeoutMs: 200 },
  );
});

afterEach(async () => {
  store.close();
  await stub.stop();
});

test.each<[string, Answer]>([
  ['503', refuse(503, 'SlowDown')],
  ['500', refuse(500, 'InternalError')],
  ['429', refuse(429, 'TooManyRequests')],
  ['nothing', silent],
])('a server that answers %s is asked once; trying again is left to the caller', async (_, answer) => {
  stub.answerWith(answer);
  await expect(store.putIfAbsent(object, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  expect(stub.requests).toHaveLength(1);
});

test('an object whose bytes stop coming is asked for once', async () => {
  stub.answerWith(stuckInBody);
  await expect(store.get(object.bucket, object.key, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  expect(stub.requests).toHaveLength(1);
});

test('a kept connection that the server has closed is no failure', async () => {
  stub.answerWith(ok(), dropped, ok());
  await store.putIfAbsent(object, signal);
  await expect(store.putIfAbsent({ ...object, key: 'b' }, signal)).resolves.toEqual({ etag: '"e1"' });
});

test('a connection that breaks every time is tried twice', async () => {
  stub.answerWith(dropped);
  await expect(store.putIfAbsent(object, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  expect(stub.requests).toHaveLength(2);
});

test('a server whose clock differs is asked once more, with its own time', async () => {
  const inAnHour = new Date(Date.now() + 3_600_000);
  stub.answerWith(refuse(403, 'RequestTimeTooSkewed', 'no', { date: inAnHour.toUTCString() }), ok());
  await expect(store.putIfAbsent(object, signal)).resolves.toEqual({ etag: '"e1"' });
  const [, year, month, day, hour, minute] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(String(stub.requests[1]?.headers['x-amz-date'])) ?? [];
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}Z`);
  expect(Math.abs(signedMs - inAnHour.getTime())).toBeLessThan(120_000);
});
