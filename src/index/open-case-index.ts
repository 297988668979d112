/** Opens the index of cases: on PostgreSQL where there is one, else in a folder. */
import type { Log } from '../observability/log.ts';
import type { CaseIndex } from './case-index.ts';
import { countSubmissions, findKnown, findSubmission, findSubmissions, readRows } from './find-submissions.ts';
import type { IndexDatabase } from './index-database.ts';
import { attempt, indexFailure, isDamage } from './index-failures.ts';
import { openPGliteFolder } from './open-pglite.ts';
import { openPostgres } from './open-postgres.ts';
import { createPartCatalog } from './part-catalog.ts';
import { putEntries } from './put-entries.ts';
import { beginReindex, tidyUp, wasBuilt } from './reindex-run.ts';
import { searchCases } from './search-cases.ts';

export type CaseIndexOptions = {
  /** `null`: embedded in `dataDir`. */
  databaseUrl: string | null;
  dataDir: string;
  log: Log;
  /** Of the opening alone. */
  signal: AbortSignal;
};

/** The embedded database has nobody who does that by himself. */
const TIDY_UP_AFTER = 10_000;

/**
 * `isNew`: it was never built from the vault to its end, or by other rules; so it lacks what was kept before.
 *
 * @throws FormvaultError INDEX_UNAVAILABLE; CONFIG_INVALID where the settings lead nowhere, or another process has the folder
 */
export async function openCaseIndex(options: CaseIndexOptions): Promise<{ index: CaseIndex; isNew: boolean }> {
  const { databaseUrl, dataDir, log, signal } = options;
  const database =
    databaseUrl === null ? await openPGliteFolder(dataDir, log, signal) : await openPostgres(databaseUrl, log);
  try {
    const isNew = !(await attempt('could not read the index', () => wasBuilt(database.db)));
    return { index: createCaseIndex(database, log), isNew };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A failure with `damaged` in its context means: close the index and open it again, which begins a new one. */
function createCaseIndex(database: IndexDatabase, log: Log): CaseIndex {
  const { db, isEmbedded } = database;
  const catalog = createPartCatalog();
  let written = 0;

  async function guard<T>(attempted: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await attempt(attempted, ask);
    } catch (error) {
      if (isDamage(error)) database.noteDamage();
      throw error;
    }
  }

  async function tidyUpNowAndThen(entries: number): Promise<void> {
    written += entries;
    if (!isEmbedded || written < TIDY_UP_AFTER) return;
    written = 0;
    await tidyUp(db);
  }

  const reading = 'could not read the index';
  return {
    put: (entries) =>
      guard('could not write to the index', async () => {
        await putEntries(db, entries, 'soon');
        await tidyUpNowAndThen(entries.length);
      }),
    searchCases: (query, visible, page) =>
      guard('could not search the index', () => searchCases(db, catalog, query, visible, page)),
    findSubmissions: (caseId, visible) => guard(reading, () => findSubmissions(db, caseId, visible)),
    findSubmission: (place, visible) => guard(reading, () => findSubmission(db, place, visible)),
    findKnown: (bucket, keys) => guard(reading, () => findKnown(db, bucket, keys)),
    beginReindex: () => guard('could not begin to build the index', () => beginReindex(database)),
    async *rows() {
      const rows = readRows(db);
      for (;;) {
        const { done, value } = await guard(reading, () => rows.next());
        if (done) return;
        yield value;
      }
    },
    countSubmissions: () => guard(reading, () => countSubmissions(db)),
    async close() {
      await database.close().catch((cause: unknown) => {
        log.warn({ err: indexFailure('could not close the index', cause), part: 'index' }, 'index: not closed');
      });
    },
  };
}
