import type { Kysely } from 'kysely';
import type { IndexTables } from './tables.ts';

/** A database with the tables of the index. */
export type IndexDatabase = {
  db: Kysely<IndexTables>;
  /** For what may take minutes. */
  patientDb: Kysely<IndexTables>;
  /** Nothing cleans up behind writers, or counts words for the planner, unless we do. */
  isEmbedded: boolean;
  /** Called once something is found to be lost. */
  noteDamage(): void;
  close(): Promise<void>;
};
