/** The index on a PostgreSQL server, in a schema of its own. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { FormvaultError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import type { IndexDatabase } from './index-database.ts';
import { indexFailure, isAboutSettings } from './index-failures.ts';
import { migrate } from './migrations.ts';
import type { IndexTables } from './tables.ts';

const MAX_CONNECTIONS = 6;
const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 30_000;
const IDLE_MS = 30_000;

/** @throws FormvaultError INDEX_UNAVAILABLE, CONFIG_INVALID where the server refuses the user or has no such database */
export async function openPostgres(databaseUrl: string, log: Log): Promise<IndexDatabase> {
  const db = connect(databaseUrl, { max: MAX_CONNECTIONS, query_timeout: QUERY_TIMEOUT_MS }, log);
  const patientDb = connect(databaseUrl, { max: 1 }, log);
  const close = async (): Promise<void> => {
    await Promise.all([db.destroy(), patientDb.destroy()]);
  };
  try {
    await migrate(patientDb);
  } catch (cause) {
    await close();
    throw openFailure(cause);
  }
  return { db, patientDb, isEmbedded: false, noteDamage: () => undefined, close };
}

function connect(connectionString: string, options: pg.PoolConfig, log: Log): Kysely<IndexTables> {
  const pool = new pg.Pool({
    connectionString,
    application_name: 'formvault',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    types: { getTypeParser },
    ...options,
  });
  // A connection that nobody uses was cut; without a listener that would end the process.
  pool.on('error', (cause) => {
    log.debug({ err: indexFailure('could not keep a connection to the index', cause) }, 'index: connection lost');
  });
  return new Kysely<IndexTables>({ dialect: new PostgresDialect({ pool }) });
}

/** Numbers of 64 bits are counts and times here, which JavaScript can hold; the driver would give them as text. */
const getTypeParser = ((oid: number, format?: 'text') =>
  oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;

function openFailure(cause: unknown): unknown {
  const attempted = 'could not open the index';
  if (!isAboutSettings(cause)) return indexFailure(attempted, cause);
  const failure = indexFailure(attempted, cause) as FormvaultError;
  return new FormvaultError('CONFIG_INVALID', 'could not open the index at DATABASE_URL', {
    cause: failure.cause,
    context: failure.context,
    hint: 'Correct user, password and database in DATABASE_URL; the user must be allowed to create the schema `formvault`.',
  });
}
