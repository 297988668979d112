import type { EngineDatabase } from '../dev/servers/engine.ts';
import type { BacklogResult } from './measure-backlog.ts';
import type { CasesResult } from './measure-cases.ts';
import type { FailuresResult } from './measure-failures.ts';
import type { LatencyRow } from './measure-latency.ts';
import type { LiveResult } from './measure-live.ts';
import type { SoakResult } from './measure-soak.ts';

/** In the order in which they are measured; all but the last make a full run. */
export const PARTS = ['backlog', 'latency', 'live', 'live-postgresql', 'failures', 'cases', 'soak'] as const;

export type Part = (typeof PARTS)[number];

/** What the engine of a part keeps its data in. */
export function databaseOf(part: Part): EngineDatabase {
  return part === 'live-postgresql' ? 'postgresql' : 'h2';
}

/** Everything that one run of the programme found; a part that was left out is not there. */
export type Measured = {
  isQuick: boolean;
  /** What was measured on, with each database of the engine that a part had. */
  machines: Partial<Record<EngineDatabase, string[]>>;
  latency?: LatencyRow[];
  backlog?: BacklogResult;
  live?: LiveResult;
  livePostgresql?: LiveResult;
  failures?: FailuresResult;
  cases?: CasesResult;
  soak?: SoakResult;
};
