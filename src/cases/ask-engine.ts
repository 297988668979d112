import type { EngineCases } from '../engine/engine-cases.ts';
import { failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';

/** What the engine says, or `null` while it is away: what the vault knows is shown without it. */
export type AskEngine = <T>(
  ask: (engine: EngineCases, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T | null>;

/** While the engine is known to be away, just long enough to find out that it is back. */
const LIMIT_WHILE_AWAY_MS = 500;
const LOG_EVERY_MS = 60_000;

export function createAskEngine(options: {
  engine: EngineCases;
  log: Log;
  /** How long somebody waits for a page because of the engine. */
  limitMs?: number;
  isEngineThere?: () => boolean;
}): AskEngine {
  const { engine, log, limitMs = 3_000, isEngineThere = () => true } = options;
  let loggedMs = Number.NEGATIVE_INFINITY;

  return async (ask, signal) => {
    const limit = AbortSignal.timeout(isEngineThere() ? limitMs : LIMIT_WHILE_AWAY_MS);
    try {
      return await ask(engine, AbortSignal.any([signal, limit]));
    } catch (err) {
      const code = failureCodeOf(err);
      const isAway = limit.aborted || code === 'ENGINE_UNAVAILABLE' || code === 'ENGINE_REJECTED';
      if (signal.aborted || !isAway) throw err;
      if (performance.now() - loggedMs > LOG_EVERY_MS) {
        loggedMs = performance.now();
        log.warn({ err, part: 'cases' }, 'cases are shown without what the engine knows');
      }
      return null;
    }
  };
}
