import { harmlessText } from '../audit/harmless-text.ts';
import { createEnvironmentBuckets } from '../cases/environment-buckets.ts';
import { type Reindexed, type ReindexProgress, reindex } from '../cases/reindex.ts';
import { requestReindex } from '../cases/reindex-request.ts';
import { type Config, type Environment, parseConfig } from '../config.ts';
import type { CaseIndex } from '../index/case-index.ts';
import { entryOf, isSubmissionKey } from '../index/index-entry.ts';
import { openCaseIndex } from '../index/open-case-index.ts';
import { isHeldByAnother } from '../index/open-pglite.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { createS3ObjectStore } from '../object-store/s3-object-store.ts';
import { createLog, type Log } from '../observability/log.ts';
import { defaultBucket, withoutNulls } from '../start-up.ts';
import { runCommand } from './run-command.ts';
import { checkBucket, EXIT } from './serve.ts';
import { showProgress } from './show-progress.ts';

const CONCURRENCY = 64;
const OTHER_CONNECTIONS = 8;

/** Builds the index again, shows how far it is, and returns the exit code. */
export function reindexCommand(env: Environment): Promise<number> {
  return runCommand(async (signal) => {
    const config = parseConfig(env, { checkBucket });
    const store = createS3ObjectStore({
      ...withoutNulls(config.s3),
      maxConnections: CONCURRENCY + OTHER_CONNECTIONS,
    });
    const shown = showProgress(process.stderr);
    try {
      const result = await rebuild(config, store, shown.show, signal);
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
  config: Config,
  store: ObjectStore,
  onProgress: (progress: ReindexProgress) => void,
  signal: AbortSignal,
): Promise<Reindexed> {
  const log = createLog({ level: 'silent' });
  const index = await openUnlessHeld(config, log, signal);
  if (index === 'held') {
    process.stderr.write('a service holds the embedded database: it builds the index, this command waits for it\n');
    return requestReindex({ dataDir: config.cases.dataDir, onProgress }, signal);
  }
  try {
    const { environment, defaultProduct, stateBucket } = config.vault;
    const buckets = createEnvironmentBuckets({
      store,
      environment,
      defaultProduct,
      known: [defaultBucket(config), ...(stateBucket === null ? [] : [stateBucket])],
      log,
    });
    const maker = { entryOf, isSubmissionKey };
    const from = { store, index, maker, concurrency: CONCURRENCY, onProgress };
    return await reindex(from, await buckets.list(signal), signal);
  } finally {
    await index.close();
  }
}

/** `held`: a service uses the embedded database. */
async function openUnlessHeld(
  { cases: { databaseUrl, dataDir } }: Config,
  log: Log,
  signal: AbortSignal,
): Promise<CaseIndex | 'held'> {
  try {
    return (await openCaseIndex({ databaseUrl, dataDir, log, signal })).index;
  } catch (error) {
    if (isHeldByAnother(error)) return 'held';
    throw error;
  }
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
