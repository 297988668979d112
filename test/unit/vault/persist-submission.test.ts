import { describe, expect, test } from '@jest/globals';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import type { EnrichedSubmission } from '../../../src/submission/submission.ts';
import { attachmentKey, submissionKey, suffixedKey } from '../../../src/vault/object-layout.ts';
import { persistSubmission } from '../../../src/vault/persist-submission.ts';
import { aFile, aSubmission, BUCKET, contentsOf, listedIn } from './a-submission.ts';

const signal = new AbortController().signal;
const persist = (store: ObjectStore, submission: EnrichedSubmission, createBuckets = false) =>
  persistSubmission(store, submission, { createBuckets }, signal);

describe('a submission without files', () => {
  test('is one JSON object with its metadata', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission();
    const key = submissionKey(submission);

    await expect(persist(store, submission)).resolves.toEqual({ result: 'persisted', bucket: BUCKET, key, bytes: 17 });
    await expect(contentsOf(store)).resolves.toEqual({ [key]: '{"answers":"yes"}' });
    await expect(store.head(BUCKET, key, signal)).resolves.toMatchObject({
      contentType: 'application/json',
      metadata: { digest: submission.digest, source: 'task/t-1', title: 'Site visit' },
    });
  });

  test('V3: is unchanged the second time, also where enrichment found something else', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const { key } = await persist(store, aSubmission());
    const before = await contentsOf(store);

    const again = await persist(store, aSubmission({ metadataTitle: 'Renamed since' }));
    expect(again).toEqual({ result: 'unchanged', bucket: BUCKET, key, bytes: 0 });
    await expect(contentsOf(store)).resolves.toEqual(before);
  });

  test('V3: has the digest in its key when other content was there first, the second time too', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const other = aSubmission({ answers: 'no' });
    const first = await persist(store, aSubmission());
    const second = await persist(store, other);

    expect(second).toMatchObject({ result: 'persisted', key: suffixedKey(first.key, other.digest) });
    await expect(persist(store, other)).resolves.toMatchObject({ result: 'unchanged', key: second.key });
    expect(Object.keys(await contentsOf(store)).sort()).toEqual([first.key, second.key].sort());
  });

  test('V4: leaves an object of the older system as it is', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission();
    const key = submissionKey(submission);
    await putText(store, key, '{"answers":"yes"}');

    await persist(store, submission);
    await expect(store.head(BUCKET, key, signal)).resolves.toMatchObject({ metadata: {} });
    await expect(persist(store, submission)).resolves.toMatchObject({ key: suffixedKey(key, submission.digest) });
  });

  test('has more of its digest in its key when other content begins with the same digits', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission();
    const key = submissionKey(submission);
    await putText(store, key, 'a');
    await putText(store, suffixedKey(key, submission.digest), 'b');

    await expect(persist(store, submission)).resolves.toMatchObject({
      result: 'persisted',
      key: suffixedKey(key, submission.digest, 32),
    });
  });

  test('is refused when other content stands under all its keys', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission();
    const key = submissionKey(submission);
    for (const digits of [8, 32]) await putText(store, suffixedKey(key, submission.digest, digits), 'b');
    await putText(store, key, 'a');

    await expect(persist(store, submission)).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
  });
});

describe('a submission with files', () => {
  test('V1: writes its files below its key and lists them in its body', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission({ files: { photo: 'pixels', scan: 'paper' } });
    const { key, bytes } = await persist(store, submission);

    const contents = await contentsOf(store);
    const photoKey = attachmentKey(key, 'photo', 'photo.txt');
    expect(Object.keys(contents).sort()).toEqual([key, photoKey, attachmentKey(key, 'scan', 'scan.txt')].sort());
    expect(contents[photoKey]).toBe('pixels');
    expect(listedIn(contents[key])[0]).toEqual({
      variable: 'photo',
      fileName: 'photo.txt',
      contentType: 'text/plain',
      bytes: 6,
      sha256: '6ec9c2b0eb14010746c8bce8939303b382344b296206612eb8a907a37b2b2f37',
      key: photoKey,
    });
    expect(bytes).toBe(Object.values(contents).join('').length);
  });

  test('is unchanged the second time, and its files are not read again', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission({ files: { photo: 'pixels' } });
    await persist(store, submission);
    const unread = { ...submission, attachments: [{ ...aFile('photo', ''), read: () => Promise.reject(new Error()) }] };

    await expect(persist(store, unread)).resolves.toMatchObject({ result: 'unchanged', bytes: 0 });
  });

  test('takes its files along when other content has its key', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission({ files: { photo: 'pixels' } });
    await persist(store, aSubmission());

    const { key } = await persist(store, submission);
    expect(key).toBe(suffixedKey(submissionKey(submission), submission.digest));
    expect(Object.keys(await contentsOf(store))).toContain(attachmentKey(key, 'photo', 'photo.txt'));
  });

  test('takes its files along when its key is taken while they are written', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const rival = aSubmission();
    const submission = aSubmission({ files: { photo: 'pixels' } });
    const photo = aFile('photo', 'pixels');
    const readLate = async () => {
      await persist(store, rival);
      return photo.read(signal);
    };
    const slow = { ...submission, attachments: [{ ...photo, read: readLate }] };

    const { key } = await persist(store, slow);
    const contents = await contentsOf(store);
    expect(key).toBe(suffixedKey(submissionKey(submission), submission.digest));
    expect(contents[submissionKey(rival)]).toBe('{"answers":"yes"}');
    expect(listedIn(contents[key]).map((file) => file.key)).toEqual([attachmentKey(key, 'photo', 'photo.txt')]);
  });

  test('goes to its next key when the file of a crashed run of another submission is in its place', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const submission = aSubmission({ files: { photo: 'pixels' } });
    const place = attachmentKey(submissionKey(submission), 'photo', 'photo.txt');
    await putText(store, place, 'other pixels');

    const { key } = await persist(store, submission);
    expect(key).toBe(suffixedKey(submissionKey(submission), submission.digest));
    expect((await contentsOf(store))[place]).toBe('other pixels');
    await expect(persist(store, submission)).resolves.toMatchObject({ result: 'unchanged', key });
  });

  test('keeps files apart whose variables have the same name once it is safe', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const attachments = [aFile('é', 'composed'), aFile('e\u0301', 'decomposed')].map((file) => ({
      ...file,
      fileName: 'f',
    }));
    const { key } = await persist(store, { ...aSubmission(), attachments });

    const contents = await contentsOf(store);
    const listed = listedIn(contents[key]);
    expect(listed.map((file) => contents[file.key])).toEqual(['composed', 'decomposed']);
  });

  test('stores bytes without a usable content type as bytes', async () => {
    const store = createMemoryObjectStore(BUCKET);
    const attachments = [{ ...aFile('photo', 'pixels'), contentType: 'a\r\nb' }];
    const { key } = await persist(store, { ...aSubmission(), attachments });

    const stored = await store.head(BUCKET, attachmentKey(key, 'photo', 'photo.txt'), signal);
    expect(stored?.contentType).toBe('application/octet-stream');
  });
});

test('of many submissions a few files at a time lie in memory', async () => {
  const store = createMemoryObjectStore(BUCKET);
  let inMemory = 0;
  let most = 0;
  const putIfAbsent: ObjectStore['putIfAbsent'] = async (object, until) => {
    const answer = await store.putIfAbsent(object, until);
    if (object.key.includes('/attachments/')) inMemory--;
    return answer;
  };
  const attachments = ['photo', 'plan'].map((variable) => ({
    ...aFile(variable, 'pixels'),
    async read() {
      most = Math.max(most, ++inMemory);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return Buffer.from('pixels');
    },
  }));

  const persisted = await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      persist({ ...store, putIfAbsent }, { ...aSubmission({ submittedBy: `anna-${number}` }), attachments }),
    ),
  );

  expect(persisted.every(({ result }) => result === 'persisted')).toBe(true);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(6);
});

describe('a missing bucket', () => {
  test('is an error of its own', async () => {
    await expect(persist(createMemoryObjectStore(), aSubmission())).rejects.toMatchObject({ code: 'BUCKET_MISSING' });
  });

  test('is created on the way where that is wanted, by several at once too', async () => {
    const store = createMemoryObjectStore();
    const submissions = [
      aSubmission(),
      aSubmission({ submittedBy: 'bo' }),
      aSubmission({ files: { photo: 'pixels' } }),
    ];

    const persisted = await Promise.all(submissions.map((submission) => persist(store, submission, true)));
    expect(persisted.map(({ result }) => result)).toEqual(['persisted', 'persisted', 'persisted']);
  });
});

async function putText(store: ObjectStore, key: string, body: string): Promise<void> {
  await store.putIfAbsent({ bucket: BUCKET, key, body, contentType: 'text/plain' }, signal);
}
