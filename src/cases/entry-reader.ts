/**
 * Objects of the vault as entries of the index, read some at a time.
 *
 * One request gives metadata and body. What is away for a moment is waited for; an object that S3 refuses to give is left out and
 * told, but when it refuses one after the other, it is not the objects' fault.
 */
import pLimit from 'p-limit';
import { failureCodeOf } from '../errors.ts';
import type { IndexEntry } from '../index/case-index.ts';
import type { VaultObject } from '../index/index-entry.ts';
import type { ObjectStore, ReadObject } from '../object-store/object-store.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { createWorkInWaves } from './work-in-waves.ts';

/** What the index makes of an object; see `index/index-entry.ts`. */
export type EntryMaker = {
  isSubmissionKey(key: string): boolean;
  /** `null` for an object that is no submission. */
  entryOf(object: VaultObject): IndexEntry | null;
};

/** An object that somebody made to break what reads it is left out like one that S3 does not give. */
export function makeEntry(maker: EntryMaker, object: VaultObject): IndexEntry | null | 'unreadable' {
  try {
    return maker.entryOf(object);
  } catch {
    return 'unreadable';
  }
}

export type ReadEntries = {
  entries: IndexEntry[];
  /** Keys of what S3 does not give, or nothing can be made of. */
  unreadable: string[];
};

export type EntryReader = {
  /** What is gone, or is no submission after all, is left out. @throws FormvaultError of the object store */
  read(bucket: string, keys: readonly string[], signal: AbortSignal): Promise<ReadEntries>;
};

/** A larger body is indexed by its metadata alone. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_REFUSED_IN_A_ROW = 20;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** Longer than S3 takes for a burst of reads, and short beside what a far one takes for each. */
const WAVE_MS = 15;

export function createEntryReader(options: {
  store: Pick<ObjectStore, 'getPart'>;
  maker: EntryMaker;
  concurrency: number;
  /** How long an object that cannot be read now is tried again. */
  patienceMs: number;
}): EntryReader {
  const { store, maker, concurrency, patienceMs } = options;
  const limit = pLimit(concurrency);
  // While one half is worked on, the other half is read.
  const waves = createWorkInWaves({ size: Math.ceil(concurrency / 2), patienceMs: WAVE_MS });
  let reading = 0;
  let refusedInARow = 0;

  async function readEntry(
    bucket: string,
    key: string,
    signal: AbortSignal,
  ): Promise<IndexEntry | null | 'unreadable'> {
    reading++;
    const object = await readPatiently(bucket, key, signal).finally(() => reading--);
    const made =
      object === null || object === 'unreadable'
        ? object
        : waves.add(() => {
            const { metadata, body, bytes } = object;
            return makeEntry(maker, { bucket, key, metadata, body: body.length < bytes ? '' : body, bytes });
          });
    if (reading === 0) waves.flush();
    return made;
  }

  async function readPatiently(
    bucket: string,
    key: string,
    signal: AbortSignal,
  ): Promise<ReadObject | null | 'unreadable'> {
    const untilMs = performance.now() + patienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        const found = await store.getPart(bucket, key, { from: 0, maxBytes: MAX_BODY_BYTES }, signal);
        refusedInARow = 0;
        return found;
      } catch (error) {
        const code = failureCodeOf(error);
        if (code === 'VAULT_REJECTED' && ++refusedInARow < MAX_REFUSED_IN_A_ROW) return 'unreadable';
        if (code !== 'VAULT_UNAVAILABLE' || signal.aborted || performance.now() >= untilMs) throw error;
      }
      await pause(backOffMs(attempt, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), signal);
    }
  }

  return {
    async read(bucket, keys, signal) {
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      const failures: unknown[] = [];
      const unreadable: string[] = [];
      const made = await limit.map(keys, async (key) => {
        if (failures.length > 0) return null;
        try {
          const entry = await readEntry(bucket, key, either);
          if (entry !== 'unreadable') return entry;
          unreadable.push(key);
        } catch (error) {
          failures.push(error);
          failed.abort();
        }
        return null;
      });
      if (failures.length > 0) throw failures[0];
      return { entries: made.filter((entry) => entry !== null), unreadable };
    },
  };
}
