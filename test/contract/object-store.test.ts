import { randomBytes } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type S3Address, startS3Server, startVersityGateway } from '../../dev/servers/s3-server.ts';
import { failureCodeOf } from '../../src/errors.ts';
import { createMemoryObjectStore } from '../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../src/object-store/object-store.ts';
import { createS3ObjectStore } from '../../src/object-store/s3-object-store.ts';

const seaweed = await startS3Server();
const versity = await startVersityGateway();

/** A writer that meets another one waits whole seconds on SeaweedFS. */
const RACE_MS = 60_000;

const implementations = [
  { name: 'in memory', store: createMemoryObjectStore() },
  { name: 'on SeaweedFS', store: s3StoreAt(seaweed) },
  ...(versity === null ? [] : [{ name: 'on versitygw', store: s3StoreAt(versity) }]),
];
if (versity === null)
  test.skip('the object store on versitygw (not run: Go, which builds it, is missing)', () => undefined);

afterAll(async () => {
  for (const { store } of implementations) store.close();
  await Promise.all([seaweed.stop(), versity?.stop()]);
}, 20_000);

function s3StoreAt({ endpoint, region, accessKeyId, secretAccessKey }: S3Address): ObjectStore {
  return createS3ObjectStore(
    { endpoint, region, forcePathStyle: true, maxConnections: 50 },
    // Writers that race for one key wait for each other there, for whole seconds.
    { credentials: { accessKeyId, secretAccessKey }, pageSize: 10, requestTimeoutMs: RACE_MS },
  );
}

describe.each(implementations)('the object store $name', ({ store }) => {
  const signal = new AbortController().signal;
  let bucket: string;
  const anObject = (key: string, body: string | Uint8Array = 'text') => ({
    bucket,
    key,
    body,
    contentType: 'text/plain',
  });
  const readText = async (key: string) => Buffer.from((await store.get(bucket, key, signal))?.body ?? []).toString();

  beforeEach(async () => {
    bucket = `contract-${randomBytes(6).toString('hex')}`;
    await store.createBucket(bucket, signal);
  });

  test('gives back what was put, byte for byte', async () => {
    const body = randomBytes(300_000);
    const put = await store.putIfAbsent({ ...anObject('a/b', body), contentType: 'image/png' }, signal);

    const stored = { etag: (put as { etag: string }).etag, bytes: 300_000, contentType: 'image/png', metadata: {} };
    await expect(store.head(bucket, 'a/b', signal)).resolves.toEqual(stored);
    const read = await store.get(bucket, 'a/b', signal);
    expect(read).toMatchObject(stored);
    expect(body.equals(read?.body ?? new Uint8Array())).toBe(true);
  });

  test('keeps an empty body', async () => {
    await store.putIfAbsent(anObject('empty', ''), signal);
    await expect(store.get(bucket, 'empty', signal)).resolves.toMatchObject({ bytes: 0, body: new Uint8Array() });
  });

  test('keeps text in UTF-8', async () => {
    await store.putIfAbsent(anObject('text', 'größe 🧾'), signal);
    await expect(readText('text')).resolves.toBe('größe 🧾');
  });

  test('keeps metadata as it was given, up to 2 KB', async () => {
    const metadata = {
      digest: 'c0ffee',
      name: 'a, b; "c" <d> & (e) ~ = : @',
      title: 'gr%C3%B6%C3%9Fe%20%F0%9F%A7%BE',
      source: 'detail/4711#/a~1b/0',
      businesskey: 'x'.repeat(1800),
    };
    await store.putIfAbsent({ ...anObject('a'), metadata }, signal);
    await expect(store.head(bucket, 'a', signal)).resolves.toMatchObject({ metadata });
    await expect(store.get(bucket, 'a', signal)).resolves.toMatchObject({ metadata });
  });

  test('never writes over an object that is there', async () => {
    await store.putIfAbsent(anObject('a', 'first'), signal);
    await expect(store.putIfAbsent(anObject('a', 'second'), signal)).resolves.toBe('taken');
    await expect(readText('a')).resolves.toBe('first');
  });

  test(
    'lets one of 50 racing writers of an absent object win',
    async () => {
      const writers = Array.from({ length: 50 }, (_, index) => String(index));
      const answers = await Promise.all(writers.map((body) => store.putIfAbsent(anObject('a', body), signal)));
      const winners = writers.filter((_, index) => answers[index] !== 'taken');
      expect(winners).toEqual([await readText('a')]);
    },
    RACE_MS,
  );

  test('changes an object only for one who knows what it holds', async () => {
    const first = await store.putIfAbsent(anObject('a', 'first'), signal);
    const etag = (first as { etag: string }).etag;
    const second = await store.putIfUnchanged(anObject('a', 'second'), etag, signal);

    expect(second).toEqual({ etag: expect.any(String) });
    expect(second).not.toEqual(first);
    await expect(store.putIfUnchanged(anObject('a', 'third'), etag, signal)).resolves.toBe('changed');
    await expect(readText('a')).resolves.toBe('second');
    await expect(store.head(bucket, 'a', signal)).resolves.toMatchObject(second as { etag: string });
  });

  test(
    'lets one of 20 racing changes win',
    async () => {
      const first = (await store.putIfAbsent(anObject('a', 'first'), signal)) as { etag: string };
      const writers = Array.from({ length: 20 }, (_, index) => String(index));
      const answers = await Promise.all(
        writers.map((body) => store.putIfUnchanged(anObject('a', body), first.etag, signal)),
      );
      const winners = writers.filter((_, index) => answers[index] !== 'changed');
      expect(winners).toEqual([await readText('a')]);
    },
    RACE_MS,
  );

  test('says that an absent object changed', async () => {
    const etag = '"d41d8cd98f00b204e9800998ecf8427e"';
    await expect(store.putIfUnchanged(anObject('absent'), etag, signal)).resolves.toBe('changed');
    await expect(store.head(bucket, 'absent', signal)).resolves.toBeNull();
  });

  test('finds nothing under an absent key', async () => {
    await store.putIfAbsent(anObject('a/b'), signal);
    for (const key of ['absent', 'a', 'a/b/c', 'a/bc']) {
      await expect(store.head(bucket, key, signal)).resolves.toBeNull();
      await expect(store.get(bucket, key, signal)).resolves.toBeNull();
    }
  });

  test('says that the bucket is missing', async () => {
    const missing = { ...anObject('a'), bucket: `${bucket}-missing` };
    const failure = { code: 'BUCKET_MISSING', context: { bucket: missing.bucket } };
    await expect(store.putIfAbsent(missing, signal)).rejects.toMatchObject(failure);
    await expect(store.get(missing.bucket, 'a', signal)).rejects.toMatchObject(failure);
    await expect(store.getPart(missing.bucket, 'a', { from: 0, maxBytes: 1 }, signal)).rejects.toMatchObject(failure);
    await expect(keysOf(store.list(missing.bucket, '', signal))).rejects.toMatchObject(failure);
    await expect(store.head(missing.bucket, 'a', signal)).resolves.toBeNull();
    await expect(store.bucketExists(missing.bucket, signal)).resolves.toBe(false);
    await expect(store.bucketExists(bucket, signal)).resolves.toBe(true);
  });

  test('creates a bucket that is there already without touching what is in it', async () => {
    await store.putIfAbsent(anObject('a', 'kept'), signal);
    await Promise.all([store.createBucket(bucket, signal), store.createBucket(bucket, signal)]);
    await expect(readText('a')).resolves.toBe('kept');

    const other = `${bucket}-other`;
    const create = () => store.createBucket(other, signal);
    // One of two creations may find the other one half done; on versitygw that is a 500 now and then.
    const createOrTryAgain = () =>
      create().catch((error: unknown) =>
        failureCodeOf(error) === 'VAULT_UNAVAILABLE' ? create() : Promise.reject(error),
      );
    await Promise.all([createOrTryAgain(), createOrTryAgain()]);
    await expect(store.bucketExists(other, signal)).resolves.toBe(true);
  });

  test('lists every key below a prefix once, over many pages', async () => {
    const keys = Array.from({ length: 25 }, (_, index) => `case ${index % 2}/form/${index}`);
    await Promise.all(keys.map((key) => store.putIfAbsent(anObject(key), signal)));

    expect((await keysOf(store.list(bucket, '', signal))).sort()).toEqual([...keys].sort());
    const odd = keys.filter((key) => key.startsWith('case 1/'));
    expect((await keysOf(store.list(bucket, 'case 1/', signal))).sort()).toEqual(odd.sort());
    await expect(keysOf(store.list(bucket, 'case 2/', signal))).resolves.toEqual([]);
  });

  test.each([
    ['a tilde, a percent sign, a plus, an ampersand', 'c~1/100%25/a+b&c=d-20240229T080509.json'],
    ['blanks, single and double', 'case 1/site  visit/a b.json'],
    ['quotes, brackets, and what addresses are made of', `c/"q'/<[{(?#;,:@!$*)}]>|^.json`],
    ['letters beyond ASCII', 'größe/表單/Ωμέγα.json'],
    ['emoji', '🧾/👩‍👩‍👧/🏳️‍🌈.json'],
    ['dots', '.formvault/..a/...b/feed.json'],
    ['percent-encoded text', 'c/%2E%2E/%2F%5C%25.json'],
    [
      'segments and a length at the limit',
      `${'é'.repeat(75)}/${'x'.repeat(150)}/${'y'.repeat(236)}/${'z'.repeat(240)}`,
    ],
    ['characters at the edges of what XML carries', 'c/\ufffd\ue000\ud7ff\u{10ffff}\u200b\ufeff\u2028.json'],
  ])('keeps a key with %s', async (_, key) => {
    await expect(store.putIfAbsent(anObject(key), signal)).resolves.toEqual({ etag: expect.any(String) });
    await expect(store.putIfAbsent(anObject(key), signal)).resolves.toBe('taken');
    await expect(store.head(bucket, key, signal)).resolves.toMatchObject({ bytes: 4 });
    await expect(readText(key)).resolves.toBe('text');
    await expect(keysOf(store.list(bucket, '', signal))).resolves.toEqual([key]);
    await expect(keysOf(store.list(bucket, key, signal))).resolves.toEqual([key]);
  });

  test('gives a part of an object, and the size of the whole', async () => {
    const body = randomBytes(1_000);
    await store.putIfAbsent({ ...anObject('a', body), metadata: { digest: 'c0ffee' } }, signal);
    const partOf = async (key: string, from: number) => {
      const read = await store.getPart(bucket, key, { from, maxBytes: 400 }, signal);
      return read && { ...read, body: Buffer.from(read.body).toString('hex') };
    };
    const whole = { bytes: 1_000, contentType: 'text/plain', metadata: { digest: 'c0ffee' }, etag: expect.any(String) };

    await expect(partOf('a', 0)).resolves.toEqual({ ...whole, body: body.subarray(0, 400).toString('hex') });
    await expect(partOf('a', 800)).resolves.toEqual({ ...whole, body: body.subarray(800).toString('hex') });
    await expect(partOf('a', 1_000)).resolves.toEqual({ ...whole, body: '' });
    await expect(partOf('absent', 0)).resolves.toBeNull();

    await store.putIfAbsent(anObject('empty', ''), signal);
    await expect(partOf('empty', 0)).resolves.toMatchObject({ bytes: 0, body: '' });
  });

  test('lists the buckets whose names begin as asked, and no others', async () => {
    const others = [`${bucket}-b`, `${bucket}-a`];
    for (const other of others) await store.createBucket(other, signal);
    await expect(keysOf(store.listBuckets(bucket, signal)).then((names) => names.sort())).resolves.toEqual([
      bucket,
      `${bucket}-a`,
      `${bucket}-b`,
    ]);
    await expect(keysOf(store.listBuckets(`${bucket}-a`, signal))).resolves.toEqual([`${bucket}-a`]);
    await expect(keysOf(store.listBuckets(`${bucket}-c`, signal))).resolves.toEqual([]);
  });

  test('keeps a submission beside the folder of its files', async () => {
    const keys = ['c/f/a-20240229T080509/attachments/photo/a.png', 'c/f/a-20240229T080509.json'];
    for (const key of keys) await store.putIfAbsent(anObject(key), signal);
    await expect(keysOf(store.list(bucket, 'c/', signal))).resolves.toHaveLength(2);
  });

  test('does nothing for a caller that has given up', async () => {
    const aborted = AbortSignal.abort();
    const failure = { code: 'SHUTTING_DOWN' };
    await expect(store.putIfAbsent(anObject('a'), aborted)).rejects.toMatchObject(failure);
    await expect(store.putIfUnchanged(anObject('a'), '"e"', aborted)).rejects.toMatchObject(failure);
    await expect(store.head(bucket, 'a', aborted)).rejects.toMatchObject(failure);
    await expect(store.get(bucket, 'a', aborted)).rejects.toMatchObject(failure);
    await expect(store.getPart(bucket, 'a', { from: 0, maxBytes: 1 }, aborted)).rejects.toMatchObject(failure);
    await expect(keysOf(store.listBuckets('', aborted))).rejects.toMatchObject(failure);
    await expect(keysOf(store.list(bucket, '', aborted))).rejects.toMatchObject(failure);
    await expect(store.bucketExists(bucket, aborted)).rejects.toMatchObject(failure);
    await expect(store.createBucket(bucket, aborted)).rejects.toMatchObject(failure);
    await expect(store.head(bucket, 'a', signal)).resolves.toBeNull();
  });
});

async function keysOf(keys: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const key of keys) found.push(key);
  return found;
}
