import { sql } from 'kysely';
import type { Database } from './tables.ts';

/** Settings of the database, until the end of the transaction. */
export async function setLocally(trx: Database, settings: Record<string, string>): Promise<void> {
  const calls = Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`);
  await sql`select ${sql.join(calls)}`.execute(trx);
}
