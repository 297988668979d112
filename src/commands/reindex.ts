import { harmlessText } from '../audit/harmless-text.ts';
import type { EntryMaker } from '../cases/entry-reader.ts';
import { createEnvironmentBuckets } from '../cases/environment-buckets.ts';
import { type Reindexed, type ReindexProgress, reindex } from '../cases/reindex.ts';
import { requestReindex } from '../cases/reindex-request.ts';
import { type Config, type Environment, parseConfig } from '../config.ts';
import { SETTINGS } from '../config-settings.ts';
import type { CaseIndex } from '../index/case-index.ts';
import { entryOf, isSubmissionKey } from '../index/index-entry.ts';
import { openCaseIndex } from '../index/open-case-index.ts';
import { isHeldByAnother } from '../index/open-pglite.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { createS3ObjectStore } from '../object-store/s3-object-store.ts';
import { createLog } from '../observability/log.ts';
import { defaultBucket, withoutNulls } from '../start-up.ts';
import { unlessBlank } from '../submission/blank.ts';
import { runCommand } from './run-command.ts';
import { checkBucket, EXIT } from './serve.ts';
import { showProgress } from './show-progress.ts';

/** Where the index is: a PostgreSQL server, or an embedded database in a folder. */
export type IndexPlace = { databaseUrl: string } | { dataDir: string };

/** `held`: a service uses the embedded database. */
export type OpenIndex = (place: IndexPlace) => Promise<CaseIndex | 'held'>;

const CONCURRENCY = 48;
const OTHER_CONNECTIONS = 8;

/** Builds the index again, shows how far it is, and returns the exit code. */
export function reindexCommand(env: Environment): Promise<number> {
  return runReindex(env, openIndex, { entryOf, isSubmissionKey });
}

async function openIndex(place: IndexPlace): Promise<CaseIndex | 'held'> {
  const { databaseUrl = null, dataDir = '' } = place as { databaseUrl?: string; dataDir?: string };
  try {
    const { signal } = new AbortController();
    return (await openCaseIndex({ databaseUrl, dataDir, log: createLog({ level: 'silent' }), signal })).index;
  } catch (error) {
    if (isHeldByAnother(error)) return 'held';
    throw error;
  }
}

export async function runReindex(env: Environment, openIndex: OpenIndex, maker: EntryMaker): Promise<number> {
  return runCommand(async (signal) => {
    const config = parseConfig(env, { checkBucket });
    const store = createS3ObjectStore({
      ...withoutNulls(config.s3),
      maxConnections: CONCURRENCY + OTHER_CONNECTIONS,
    });
    const shown = showProgress(process.stderr);
    try {
      const place = indexPlace(env);
      const result = await rebuild({ config, store, openIndex, maker, place, onProgress: shown.show }, signal);
      shown.end();
      process.stdout.write(summaryOf(result));
      return result.leftOut.count + result.closed.length === 0 ? EXIT.done : EXIT.failed;
    } catch (error) {
      shown.end();
      if (signal.aborted) process.stderr.write('what is done so far is kept: run it again to go on\n');
      throw error;
    } finally {
      store.close();
    }
  });
}

async function rebuild(
  of: {
    config: Config;
    store: ObjectStore;
    openIndex: OpenIndex;
    maker: EntryMaker;
    place: IndexPlace;
    onProgress(progress: ReindexProgress): void;
  },
  signal: AbortSignal,
): Promise<Reindexed> {
  const { config, store, openIndex, maker, place, onProgress } = of;
  const index = await openIndex(place);
  if (index === 'held') {
    process.stderr.write('a service holds the embedded database: it builds the index, this command waits for it\n');
    return requestReindex({ dataDir: 'dataDir' in place ? place.dataDir : '', onProgress }, signal);
  }
  try {
    const { environment, defaultProduct, stateBucket } = config.vault;
    const buckets = createEnvironmentBuckets({
      store,
      environment,
      defaultProduct,
      known: [defaultBucket(config), ...(stateBucket === null ? [] : [stateBucket])],
      log: createLog({ level: 'silent' }),
    });
    const from = { store, index, maker, concurrency: CONCURRENCY, onProgress };
    return await reindex(from, await buckets.list(signal), signal);
  } finally {
    await index.close();
  }
}

function indexPlace(env: Environment): IndexPlace {
  const databaseUrl = unlessBlank(env.DATABASE_URL);
  if (databaseUrl !== null) return { databaseUrl: databaseUrl.trim() };
  return { dataDir: unlessBlank(env.DATA_DIR)?.trim() ?? SETTINGS.DATA_DIR.fallback };
}

function summaryOf({ buckets, submissions, removed, closed, leftOut }: Reindexed): string {
  const lines = [
    `${submissions} submissions in ${buckets} buckets are in the index; ${removed} that are gone were taken out`,
  ];
  for (const bucket of closed) lines.push(`may not be listed: ${bucket}`);
  for (const { bucket, key } of leftOut.first) lines.push(`could not be indexed: ${harmlessText(`${bucket}/${key}`)}`);
  const more = leftOut.count - leftOut.first.length;
  if (more > 0) lines.push(`could not be indexed: ${more} more`);
  return `${lines.join('\n')}\n`;
}
