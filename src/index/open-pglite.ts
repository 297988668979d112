/**
 * The index in a folder, by the embedded database.
 *
 *   index/               the database
 *   index.lock           who has it open
 *   index.damaged-…      one that could not be read any more; only the last of them is kept
 *
 * A folder that is damaged is moved aside and a new one is begun: the vault has everything that was in it. What is damaged may
 * show only when it is asked for; then a mark is left in the folder for the next opening.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, type PGlite, PGliteDialect, sql } from 'kysely';
import { FormvaultError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import type { IndexDatabase } from './index-database.ts';
import { indexFailure } from './index-failures.ts';
import { migrate } from './migrations.ts';
import { openPGlite } from './pglite-thread.ts';
import type { IndexTables } from './tables.ts';

const DAMAGE_MARK = 'formvault-damaged';
const DAMAGED = /^index\.damaged-/;

/** @throws FormvaultError CONFIG_INVALID where another process has the folder, or nothing can be written there */
export async function openPGliteFolder(dataDir: string, log: Log, signal: AbortSignal): Promise<IndexDatabase> {
  const lock = await takeFolder(dataDir, signal);
  try {
    return await openOrBegin(dataDir, lock, log);
  } catch (cause) {
    lock.release();
    throw indexFailure('could not open the index in DATA_DIR', cause);
  }
}

/** Whether the folder could not be opened because another process uses it. */
export function isHeldByAnother(error: unknown): boolean {
  return (error as { context?: { held?: unknown } } | null)?.context?.held === true;
}

async function takeFolder(dataDir: string, signal: AbortSignal): Promise<FolderLock> {
  let lock: FolderLock | null;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    lock = await lockFolder(join(dataDir, 'index.lock'), signal);
  } catch (cause) {
    throw new FormvaultError('CONFIG_INVALID', 'could not open the index in DATA_DIR', {
      cause,
      context: { dataDir },
      hint: 'Let DATA_DIR name a folder that can be written to, or set DATABASE_URL.',
    });
  }
  if (signal.aborted) {
    lock?.release();
    throw new FormvaultError('SHUTTING_DOWN', 'could not open the index: Formvault is being stopped');
  }
  if (lock !== null) return lock;
  throw new FormvaultError('CONFIG_INVALID', 'could not open the index in DATA_DIR: another process uses it', {
    context: { dataDir, held: true },
    hint: 'Set DATABASE_URL, so that several processes share one index, or another DATA_DIR for this one.',
  });
}

async function openOrBegin(dataDir: string, lock: FolderLock, log: Log): Promise<IndexDatabase> {
  const dir = join(dataDir, 'index');
  if (existsSync(join(dir, DAMAGE_MARK))) await moveAside(dataDir, log);
  const isNew = !existsSync(dir);
  try {
    return await open(dir, lock);
  } catch (cause) {
    if (isNew) throw cause;
    log.error({ err: indexFailure('could not open the index in DATA_DIR', cause), part: 'index' }, 'index is damaged');
    await moveAside(dataDir, log);
  }
  return open(dir, lock);
}

async function open(dir: string, lock: FolderLock): Promise<IndexDatabase> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const pglite = await openPGlite(dir);
  const db = new Kysely<IndexTables>({ dialect: new PGliteDialect({ pglite }) });
  try {
    await migrate(db);
    await readThrough(db);
  } catch (cause) {
    await closeBoth(db, pglite);
    throw cause;
  }
  return {
    db,
    patientDb: db,
    isEmbedded: true,
    noteDamage: () => writeFileSync(join(dir, DAMAGE_MARK), ''),
    async close() {
      await closeBoth(db, pglite);
      lock.release();
    },
  };
}

/** Kysely closes only what it has used. */
async function closeBoth(db: Kysely<IndexTables>, pglite: PGlite): Promise<void> {
  await db.destroy().catch(() => undefined);
  if (!pglite.closed) await pglite.close();
}

/** Finds most of what a broken disk or a cut copy leaves behind, without reading all. */
async function readThrough(db: Kysely<IndexTables>): Promise<void> {
  await sql`select count(*), max(latest_ms), max(instance) from formvault.parts`.execute(db);
  await sql`select count(*), max(submitted_at_ms) from formvault.words`.execute(db);
  await sql`select count(*) from formvault.submissions where bucket >= ''`.execute(db);
  await sql`select count(*) from formvault.cases where case_id >= ''`.execute(db);
}

async function moveAside(dataDir: string, log: Log): Promise<void> {
  const earlier = (await readdir(dataDir)).filter((name) => DAMAGED.test(name));
  const name = `index.damaged-${new Date().toISOString().replace(/[-:.]/g, '')}`;
  await rename(join(dataDir, 'index'), join(dataDir, name));
  for (const other of earlier) await rm(join(dataDir, other), { recursive: true, force: true });
  log.error({ target: name, part: 'index' }, 'index was damaged: moved aside, a new one is begun');
}
