/** A stretch of time, both ends inclusive, in ms since 1970 by the engine's clock. */
export type Window = { fromMs: number; toMs: number };
