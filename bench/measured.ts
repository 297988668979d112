import type { BacklogResult } from './measure-backlog.ts';
import type { CasesResult } from './measure-cases.ts';
import type { FailuresResult } from './measure-failures.ts';
import type { LatencyRow } from './measure-latency.ts';
import type { LiveResult } from './measure-live.ts';
import type { SoakResult } from './measure-soak.ts';

/** In the order in which they are measured; all but the last make a full run. */
export const PARTS = ['backlog', 'latency', 'live', 'failures', 'cases', 'soak'] as const;

export type Part = (typeof PARTS)[number];

/** Everything that one run of the programme found; a part that was left out is not there. */
export type Measured = {
  isQuick: boolean;
  machine: string[];
  latency?: LatencyRow[];
  backlog?: BacklogResult;
  live?: LiveResult;
  failures?: FailuresResult;
  cases?: CasesResult;
  soak?: SoakResult;
};
