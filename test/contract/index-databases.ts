/** The two databases that the index runs on, for the tests of its contract. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../dev/servers/postgres.ts';
import type { CaseIndex, IndexEntry } from '../../src/index/case-index.ts';
import { openCaseIndex } from '../../src/index/open-case-index.ts';
import { createRememberingLog } from '../support/builders-log.ts';

export type IndexPlace = { databaseUrl: string | null; dataDir: string };

export type IndexDatabases = {
  /** A place for an index of its own, which nobody has used before. */
  places: { name: string; create: () => Promise<IndexPlace> }[];
  /** Of the PostgreSQL server. */
  createDatabase(): Promise<string>;
  postgres: Awaited<ReturnType<typeof startPostgres>>;
  end(): Promise<void>;
};

export async function startDatabases(): Promise<IndexDatabases> {
  const postgres = await startPostgres();
  const dirs: string[] = [];
  async function createDatabase(): Promise<string> {
    const name = `index_${randomBytes(6).toString('hex')}`;
    const client = new pg.Client(postgres.url);
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return postgres.url.replace(/[^/]+$/, name);
  }
  return {
    places: [
      { name: 'PostgreSQL', create: async () => ({ databaseUrl: await createDatabase(), dataDir: '' }) },
      {
        name: 'PGlite',
        async create() {
          const dataDir = mkdtempSync(join(tmpdir(), 'formvault-index-'));
          dirs.push(dataDir);
          return { databaseUrl: null, dataDir };
        },
      },
    ],
    createDatabase,
    postgres,
    async end() {
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
      await postgres.stop();
    },
  };
}

export function open(place: IndexPlace, log = createRememberingLog()): Promise<{ index: CaseIndex; isNew: boolean }> {
  return openCaseIndex({ ...place, log, signal: new AbortController().signal });
}

/** Takes out everything that is in these buckets. */
export async function empty(index: CaseIndex, buckets: string[]): Promise<void> {
  const run = await index.beginReindex();
  await run.finish(buckets);
}

export async function rowsOf(index: CaseIndex): Promise<IndexEntry[]> {
  const all: IndexEntry[] = [];
  for await (const row of index.rows()) all.push(row);
  return all;
}
