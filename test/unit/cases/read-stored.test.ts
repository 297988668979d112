import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import type { Visible } from '../../../src/access/visible.ts';
import { createReadAttachment } from '../../../src/cases/read-attachment.ts';
import { readSubmission } from '../../../src/cases/read-submission.ts';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { anIndexEntry, createMemoryCaseIndex } from '../../support/memory-case-index.ts';

const BUCKET = 'dev-cop-case';
const OTHER_BUCKET = 'dev-visits';
const KEY = 'CASE-1/site-visit/anna-20261121T085306.json';
const FILE = 'CASE-1/site-visit/anna-20261121T085306/attachments/photo/gate.png';
const { signal } = new AbortController();
const nobody: Visible = { instances: { only: [] }, tenants: [] };

async function aVault() {
  const store = createMemoryObjectStore(BUCKET, OTHER_BUCKET);
  const index = createMemoryCaseIndex();
  const read: string[] = [];
  const watched = {
    ...store,
    getPart: (bucket: string, key: string, ...rest: [{ from: number; maxBytes: number }, AbortSignal]) => {
      read.push(`${bucket}/${key}`);
      return store.getPart(bucket, key, ...rest);
    },
  };
  const put = (key: string, body: string, bucket = BUCKET, contentType = 'application/json') =>
    store.putIfAbsent({ bucket, key, body, contentType, metadata: { digest: 'c0ffee' } }, signal);
  async function keep(body: object | string, fields: Partial<IndexEntry> = {}) {
    const entry = anIndexEntry(fields);
    await put(entry.key, typeof body === 'string' ? body : JSON.stringify(body), entry.bucket);
    await index.put([entry]);
  }
  const vault = { index, store: watched };
  const readAttachment = createReadAttachment(vault);
  return {
    put,
    keep,
    read,
    vault,
    submission: (place: { caseId?: string; key?: string; bucket?: string }, visible: Visible = 'everything') =>
      readSubmission(vault, { caseId: 'CASE-1', key: KEY, ...place }, visible, signal),
    file: (place: { caseId?: string; key?: string; bucket?: string } = {}, visible: Visible = 'everything') =>
      readAttachment({ caseId: 'CASE-1', key: FILE, ...place }, visible, signal),
  };
}

const listing = (...keys: string[]) => ({
  data: {},
  attachments: keys.map((key) => ({ variable: 'photo', fileName: 'gate.png', contentType: 'image/png', key })),
});

describe('a submission', () => {
  test('is given as it lies in the vault, byte for byte', async () => {
    const { keep, submission } = await aVault();
    await keep('{"big": 12345678901234567890, "twice": 1, "twice": 2}');
    const found = await submission({});
    expect(Buffer.from(found?.body ?? []).toString()).toBe('{"big": 12345678901234567890, "twice": 1, "twice": 2}');
    expect(found).toMatchObject({ submission: { key: KEY, caseId: 'CASE-1' } });
  });

  test('of another case, or under no key that the index knows, is not there, and nothing is read', async () => {
    const { keep, put, submission, read } = await aVault();
    await keep({});
    await keep({}, { caseId: 'CASE-2' });
    await put('CASE-1/site-visit/unknown.json', '{}');
    await put('.formvault/feed.json', '{}');
    await put(FILE, 'bytes');
    for (const place of [
      { key: 'CASE-2/site-visit/anna-20261121T085306.json' },
      { caseId: 'CASE-2' },
      { caseId: '' },
      { key: 'CASE-1/site-visit/unknown.json' },
      { key: '.formvault/feed.json' },
      { key: FILE },
      { key: `CASE-1/../${KEY}` },
      { key: `/${KEY}` },
      { key: encodeURIComponent(KEY) },
      { key: KEY.toUpperCase() },
      { bucket: OTHER_BUCKET },
      { bucket: 'dev-cop-case\0' },
      { key: `${KEY}\0` },
    ]) {
      await expect(submission(place)).resolves.toBeNull();
    }
    expect(read).toEqual([]);
  });

  test('that somebody may not see is not there, and is not read', async () => {
    const { keep, submission, read } = await aVault();
    await keep({});
    await expect(submission({}, nobody)).resolves.toBeNull();
    expect(read).toEqual([]);
  });

  test('that was taken away since, with or without its bucket, is not there', async () => {
    const { vault, submission } = await aVault();
    await vault.index.put([anIndexEntry(), anIndexEntry({ bucket: 'gone' })]);
    await expect(submission({})).resolves.toBeNull();
    await expect(submission({ bucket: 'gone' })).resolves.toBeNull();
  });

  test('that is too large for a page is refused', async () => {
    const { keep, vault } = await aVault();
    await keep({});
    const large = {
      ...vault,
      store: {
        getPart: async () => ({
          etag: '"e"',
          bytes: 65 * 1024 * 1024,
          contentType: '',
          metadata: {},
          body: Buffer.from(''),
        }),
      },
    };
    await expect(readSubmission(large, { caseId: 'CASE-1', key: KEY }, 'everything', signal)).rejects.toMatchObject({
      code: 'VAULT_REJECTED',
      hint: expect.stringContaining('too large'),
    });
  });
});

describe('a file', () => {
  test('that the submission lists is given with its name and type', async () => {
    const { keep, put, file } = await aVault();
    await keep(listing(FILE));
    await put(FILE, 'bytes', BUCKET, 'image/png');
    const found = await file();
    expect(found).toMatchObject({
      bucket: BUCKET,
      key: FILE,
      fileName: 'gate.png',
      contentType: 'image/png',
      bytes: 5,
    });
    expect(await text(found?.parts ?? Readable.from([]))).toBe('bytes');
  });

  test('is looked for where its submission is', async () => {
    const { keep, put, file } = await aVault();
    await keep(listing(FILE), { bucket: OTHER_BUCKET });
    await put(FILE, 'another', BUCKET);
    await expect(file()).resolves.toBeNull();
    await put(FILE, 'bytes', OTHER_BUCKET);
    await expect(file()).resolves.toMatchObject({ bucket: OTHER_BUCKET });
  });

  test('that the submission does not list is not there, whatever lies beside it', async () => {
    const { keep, put, file, read } = await aVault();
    await keep(listing());
    await put(FILE, 'left over from a crash');
    await expect(file()).resolves.toBeNull();
    expect(read).toEqual([`${BUCKET}/${KEY}`]);
  });

  test('of another submission is not there, even where a body lists it', async () => {
    const foreign = 'CASE-2/site-visit/bob-20261121T085306/attachments/photo/gate.png';
    const above = 'CASE-1/site-visit/anna-20261121T085306/attachments/../../../CASE-2/secret.json';
    const { keep, put, file, read } = await aVault();
    await keep(listing(FILE, foreign, above, '.formvault/feed.json', 'CASE-2/site-visit/bob-20261121T085306.json'));
    for (const key of [foreign, above, 'CASE-2/site-visit/bob-20261121T085306.json']) await put(key, 'secret');
    for (const key of [
      foreign,
      above,
      '.formvault/feed.json',
      'CASE-2/site-visit/bob-20261121T085306.json',
      'CASE-1/site-visit/anna-20261121T085306/attachments/..',
      'CASE-1/site-visit/anna-20261121T085306/attachments/../x',
      'CASE-1/site-visit/anna-20261121T085306/attachments//x',
      '/attachments/a/b',
      '',
    ]) {
      await expect(file({ key })).resolves.toBeNull();
    }
    expect(read).toEqual([]);
  });

  test('of a submission that somebody may not see, or that is of another case, is not there', async () => {
    const { keep, put, file, read } = await aVault();
    await keep(listing(FILE));
    await put(FILE, 'bytes');
    await expect(file({}, nobody)).resolves.toBeNull();
    await expect(file({ caseId: 'CASE-2' })).resolves.toBeNull();
    expect(read).toEqual([]);
  });

  test.each(['no JSON', 'null', '[]', '{"attachments": {"key": 1}}', '{"attachments": [null, 1, {"key": 1}]}'])(
    'of a body that lists nothing is not there (%s)',
    async (body) => {
      const { keep, put, file } = await aVault();
      await keep(body);
      await put(FILE, 'bytes');
      await expect(file()).resolves.toBeNull();
    },
  );

  test('that was listed without a name has one all the same', async () => {
    const { keep, put, file } = await aVault();
    await keep({ attachments: [{ key: FILE, fileName: 7 }] });
    await put(FILE, 'bytes');
    await expect(file()).resolves.toMatchObject({ fileName: 'file' });
  });
});
