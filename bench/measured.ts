import type { BacklogResult } from './measure-backlog.ts';
import type { LatencyRow } from './measure-latency.ts';
import type { LiveRow } from './measure-live.ts';

/** Everything that one run of the programme found; `null` for a part that was left out. */
export type Measured = {
  isQuick: boolean;
  machine: string[];
  latency: LatencyRow[] | null;
  backlog: BacklogResult | null;
  live: LiveRow[] | null;
};
