import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { openInParts } from '../../../src/cases/open-in-parts.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { ReadObject } from '../../../src/object-store/object-store.ts';

const MEGABYTE = 1024 * 1024;
const { signal } = new AbortController();
const place = { bucket: 'dev-cop-case', key: 'scan.pdf' };

function aStore(bytes: number, answer: (from: number, found: ReadObject) => ReadObject | null = (_, found) => found) {
  const whole = Buffer.alloc(bytes, 'abcdefg');
  const reads: number[] = [];
  const store = {
    async getPart(_bucket: string, _key: string, { from, maxBytes }: { from: number; maxBytes: number }) {
      reads.push(from);
      const body = whole.subarray(from, from + maxBytes);
      return answer(from, { etag: '"e"', bytes, contentType: 'application/pdf', metadata: {}, body });
    },
  };
  return { whole, reads, store };
}

describe('an object in parts', () => {
  test.each([0, 1, 4 * MEGABYTE, 9 * MEGABYTE])('of %d bytes is given whole', async (bytes) => {
    const { store, whole, reads } = aStore(bytes);

    const opened = await openInParts(store, place, signal);

    expect(opened).toMatchObject({ bytes, contentType: 'application/pdf' });
    expect((await buffer(opened?.parts ?? Readable.from([]))).equals(whole)).toBe(true);
    expect(reads).toHaveLength(Math.max(1, Math.ceil(bytes / (4 * MEGABYTE))));
  });

  test('is read no further than somebody asks for', async () => {
    const { store, reads } = aStore(100 * MEGABYTE);

    const opened = await openInParts(store, place, signal);
    for await (const _part of opened?.parts ?? []) if (reads.length === 2) break;

    expect(reads).toEqual([0, 4 * MEGABYTE]);
  });

  test.each([
    ['is gone', () => null],
    ['is another one', (found: ReadObject) => ({ ...found, etag: '"other"' })],
    ['is shorter', (found: ReadObject) => ({ ...found, body: Buffer.alloc(0) })],
  ])('ends with a failure where what follows %s', async (_, change) => {
    const { store } = aStore(9 * MEGABYTE, (from, found) => (from === 0 ? found : change(found)));

    const opened = await openInParts(store, place, signal);

    await expect(buffer(opened?.parts ?? Readable.from([]))).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
  });

  test('that is not there, or whose bucket is not, is none', async () => {
    await expect(openInParts(aStore(1, () => null).store, place, signal)).resolves.toBeNull();
    const getPart = () => Promise.reject(new FormvaultError('BUCKET_MISSING', 'no bucket'));
    await expect(openInParts({ getPart }, place, signal)).resolves.toBeNull();
  });

  test('that is away is a failure before anything is given', async () => {
    const getPart = () => Promise.reject(new FormvaultError('VAULT_UNAVAILABLE', 'away'));
    await expect(openInParts({ getPart }, place, signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  });
});
