import type { S3Address } from '../dev/servers/s3-server.ts';
import { pause } from '../src/time/pause.ts';
import { createHttpConnection } from './http-connection.ts';
import { presignGet } from './presign.ts';

/** Between two looks at the same object. */
export const LOOK_EVERY_MS = 10;
const TAIL = 64;

export type VaultWatch = ReturnType<typeof createVaultWatch>;

/** Sees when objects appear, by reading them. */
export function createVaultWatch(s3: S3Address, signal: AbortSignal) {
  const connection = createHttpConnection();
  let looks = 0;

  async function isReadable(address: string): Promise<boolean> {
    looks++;
    const { status } = await connection.request('GET', address, { signal });
    if (status !== 200 && status !== 404)
      throw new Error(`could not look for an object: the server answered ${status}`);
    return status === 200;
  }

  async function untilTrue(look: () => Promise<boolean>, untilMs: number, everyMs = LOOK_EVERY_MS): Promise<boolean> {
    for (;;) {
      signal.throwIfAborted();
      if (await look()) return true;
      if (performance.now() > untilMs) return false;
      await pause(everyMs, signal);
    }
  }

  async function listPage(
    bucket: string,
    query: Record<string, string>,
  ): Promise<{ keys: string[]; next: string | null }> {
    const address = presignGet(s3, `/${bucket}`, { 'list-type': '2', ...query });
    const { status, text } = await connection.request('GET', address, { signal });
    if (status !== 200) throw new Error(`could not list a bucket: the server answered ${status}`);
    const keys = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
    return { keys, next: /<NextContinuationToken>([^<]*)</.exec(text)?.[1] ?? null };
  }

  async function listKeys(bucket: string): Promise<Set<string>> {
    const keys = new Set<string>();
    for (let token: string | null = ''; token !== null; ) {
      const page = await listPage(bucket, token === '' ? {} : { 'continuation-token': token });
      for (const key of page.keys) keys.add(key);
      token = page.next;
    }
    return keys;
  }

  return {
    /** How often it looked so far. */
    looks: () => looks,

    /** The time (`performance.now()`) at which the object could be read; `null` if it could not within the time given. */
    async untilReadable(bucket: string, key: string, withinMs: number): Promise<number | null> {
      const address = presignGet(s3, `/${bucket}/${key}`);
      const found = await untilTrue(() => isReadable(address), performance.now() + withinMs);
      return found ? performance.now() : null;
    },

    /** The same for the only object below a prefix, whose key is not known: listed, then read. */
    async untilReadableBelow(bucket: string, prefix: string, withinMs: number): Promise<number | null> {
      const look = async () => {
        looks++;
        const { keys } = await listPage(bucket, { prefix });
        return keys[0] !== undefined && isReadable(presignGet(s3, `/${bucket}/${keys[0]}`));
      };
      return (await untilTrue(look, performance.now() + withinMs)) ? performance.now() : null;
    },

    /**
     * The time at which the last of many objects appeared, and how many never did. `keys` in the order in which they are
     * expected: it waits for the last ones, lists once, and waits for what is still missing. Where nothing else is to lose
     * processor time to looking, `everyMs` is longer.
     */
    async untilAllReadable(bucket: string, keys: string[], withinMs: number, everyMs = LOOK_EVERY_MS) {
      const untilMs = performance.now() + withinMs;
      let waitingFor = keys.slice(-TAIL);
      for (;;) {
        for (const key of waitingFor) {
          const address = presignGet(s3, `/${bucket}/${key}`);
          await untilTrue(() => isReadable(address), untilMs, everyMs);
        }
        const doneMs = performance.now();
        const found = await listKeys(bucket);
        const missing = keys.filter((key) => !found.has(key));
        if (missing.length === 0 || doneMs > untilMs) return { doneMs, missing: missing.length };
        waitingFor = missing;
      }
    },

    listKeys,
    close: () => connection.close(),
  };
}
