import { LRUCache } from 'lru-cache';
import { createSharedRequests } from '../http/shared-requests.ts';

const MAX_ENTRIES = 2_000;
const MAX_BYTES = 16 * 1024 * 1024;
const ABSENT_FOR_MS = 60_000;

export type DefinitionMemory<T> = {
  /** What was read for this key, else what `read` gives. `null` is what is not there: it is asked for again after a minute. */
  recall(key: string, read: (signal: AbortSignal) => Promise<Known<T>>, signal: AbortSignal): Promise<T | null>;
};

/** With the size of what it was read from. */
export type Known<T> = { value: T; bytes: number } | null;

/**
 * Remembers what never changes: for good, as long as there is room. One read for a key at a time; failures are not remembered.
 *
 * @throws what `read` throws, and SHUTTING_DOWN when the signal aborts
 */
export function createDefinitionMemory<T extends object>(now: () => number): DefinitionMemory<T> {
  type Entry = { value: T | null; untilMs: number };
  const known = new LRUCache<string, Entry>({ max: MAX_ENTRIES, maxSize: MAX_BYTES });
  const requests = createSharedRequests<T | null>();

  async function readNow(key: string, read: (signal: AbortSignal) => Promise<Known<T>>, signal: AbortSignal) {
    const found = await read(signal);
    const value = found === null ? null : found.value;
    const untilMs = value === null ? now() + ABSENT_FOR_MS : Number.POSITIVE_INFINITY;
    known.set(key, { value, untilMs }, { size: key.length + (found?.bytes ?? 0) + 1 });
    return value;
  }

  return {
    async recall(key, read, signal) {
      const entry = known.get(key);
      if (entry !== undefined && now() < entry.untilMs) return entry.value;
      return requests.share(key, (shared) => readNow(key, read, shared), signal);
    },
  };
}
