/** `completions`: in each run. */
type LiveRounds = { completions: number; rounds: number };

export type Sizes = {
  isQuick: boolean;
  /** `warmUps`: runs of Formvault before those that count, in which the engine's code for reading it gets compiled. */
  backlog: { submissions: number; warmUps: number; repetitions: number };
  latency: { warmUp: number; seconds: Record<'few' | 'many', number> };
  /** `warmUp`: for each keeper, after the engine's own. */
  live: { engineWarmUp: number; warmUp: number; shared: LiveRounds; apart: LiveRounds };
  /** `changes`: in each stage. */
  failures: { warmUp: number; changes: number; repetitions: number };
  outage: { warmUp: number; forms: number };
  /** `searches`: of each kind, and requests for each page. */
  cases: { submissions: number; cases: number; searches: number };
  soak: { minutes: number };
};

/** Forms a second of the latency measurement. */
export const RATES = { few: 5, many: 30 } as const;
export const LIVE_CLIENTS = 8;
/** With H2 the history of some 80,000 forms lies in the engine's memory, and its collector must not be what is measured. */
export const LIVE_HEAP_MB = 4_096;
export const CONCURRENCY = 32;
export const WORKER_COUNTS = [1, 4];
export const OUTAGE_LIMIT = 50;

export const FULL: Sizes = {
  isQuick: false,
  backlog: { submissions: 5_000, warmUps: 5, repetitions: 5 },
  latency: { warmUp: 1_000, seconds: { few: 40, many: 40 } },
  live: {
    engineWarmUp: 12_000,
    warmUp: 500,
    shared: { completions: 3_000, rounds: 3 },
    // A machine drifts within minutes: many short runs are compared better than few long ones.
    apart: { completions: 1_000, rounds: 9 },
  },
  failures: { warmUp: 1_000, changes: 2_000, repetitions: 3 },
  outage: { warmUp: 200, forms: 1_000 },
  cases: { submissions: 100_000, cases: 10_000, searches: 100 },
  soak: { minutes: 30 },
};

export const QUICK: Sizes = {
  isQuick: true,
  backlog: { submissions: 1_000, warmUps: 1, repetitions: 1 },
  latency: { warmUp: 300, seconds: { few: 4, many: 4 } },
  live: {
    engineWarmUp: 1_500,
    warmUp: 100,
    shared: { completions: 300, rounds: 1 },
    apart: { completions: 300, rounds: 1 },
  },
  failures: { warmUp: 100, changes: 200, repetitions: 1 },
  outage: { warmUp: 20, forms: 200 },
  cases: { submissions: 2_000, cases: 200, searches: 20 },
  soak: { minutes: 3 },
};
