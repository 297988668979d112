/**
 * The index, which may not be open yet: it is opened beside everything else, so that no form waits for a database.
 *
 * Until then each question waits a moment and then fails with INDEX_UNAVAILABLE. An opening that fails is tried again, also
 * where another process still holds the folder: during a restart it is about to let go.
 */
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import type { CaseIndex, IndexEntry } from './case-index.ts';

export type LateIndex = {
  index: CaseIndex;
  /** Opens the index, and ends when it is open or when it is stopped. */
  run(stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
};

const WAIT_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const LOG_EVERY_MS = 60_000;

export function createLateIndex(
  open: (signal: AbortSignal) => Promise<{ index: CaseIndex; isNew: boolean }>,
  log: Log,
  { waitMs = WAIT_MS } = {},
): LateIndex {
  const opened = Promise.withResolvers<CaseIndex>();
  let current: CaseIndex | null = null;
  let isClosed = false;

  async function whenOpen(): Promise<CaseIndex> {
    if (current !== null && !isClosed) return current;
    const waited = new AbortController();
    const tooLate = pause(isClosed ? 0 : waitMs, waited.signal).then(() => null);
    const index = await Promise.race([opened.promise, tooLate]);
    waited.abort();
    if (index !== null && !isClosed) return index;
    throw new FormvaultError('INDEX_UNAVAILABLE', 'could not use the index of the cases, which is not open');
  }

  const index: CaseIndex = {
    put: async (...given) => (await whenOpen()).put(...given),
    searchCases: async (...given) => (await whenOpen()).searchCases(...given),
    findSubmissions: async (...given) => (await whenOpen()).findSubmissions(...given),
    findSubmission: async (...given) => (await whenOpen()).findSubmission(...given),
    findKnown: async (...given) => (await whenOpen()).findKnown(...given),
    beginReindex: async () => (await whenOpen()).beginReindex(),
    async *rows(): AsyncIterable<IndexEntry> {
      yield* (await whenOpen()).rows();
    },
    countSubmissions: async () => (await whenOpen()).countSubmissions(),
    close: async () => {
      isClosed = true;
      await current?.close();
    },
  };

  return {
    index,
    async run(stop) {
      let loggedMs = Number.NEGATIVE_INFINITY;
      for (let failures = 0; current === null && !stop.aborted; ) {
        try {
          const { index: own } = await open(stop);
          current = own;
          opened.resolve(own);
          log.info({ part: 'index' }, 'index of the cases is open');
        } catch (err) {
          if (stop.aborted) return;
          failures++;
          if (performance.now() - loggedMs >= LOG_EVERY_MS) {
            loggedMs = performance.now();
            const fields = { err, code: failureCodeOf(err), part: 'index', failures };
            log.error(fields, 'index of the cases cannot be opened; trying again');
          }
          await pause(backOffMs(failures - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), stop);
        }
      }
    },
    close: index.close,
  };
}
