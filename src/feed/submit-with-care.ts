/**
 * After a leader that ended without a word: what it may have ended on is tried in small groups, and each group is written into
 * the state of the feed first.
 *
 *   first end      nobody knows why            -> the next leader tries what it finds in groups
 *   second end     while a group was tried     -> the next leader tries each of that group by itself
 *   third end      while one change was tried  -> the next leader hands it over to the engine and goes on
 *
 * So a change that always ends the process cannot stop the others. Only what happened before the lease was taken is tried so.
 */
import { failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import type { Pipeline, Term } from '../pipeline/pipeline.ts';
import type { Change } from '../submission/change.ts';
import type { Legacy, PositionStore, Positions } from './position-store.ts';

const GROUP = 50;
const DEATHS = 2;
/** A change that is still being tried after this time does not end the process at once. */
const SURVIVED_MS = 5_000;

export function submitWithCare(options: {
  pipeline: Pick<Pipeline, 'submit' | 'handOverSuspect' | 'drain'>;
  positionStore: Pick<PositionStore, 'save' | 'noteTrying'>;
  positions(): Positions;
  legacy: Legacy;
  finish(change: Change): void;
  term: Term;
  log: Log;
}): (changes: Change[]) => Promise<void> {
  const { pipeline, positionStore, positions, legacy, finish, term, log } = options;
  log.warn({ part: 'feed', changes: legacy.deaths.size }, 'leader before ended without a word; trying with care');

  async function noteTrying(refs: string[]): Promise<void> {
    positionStore.noteTrying(refs);
    await positionStore.save(positions(), term.stopRetrying).catch((err: unknown) => {
      if (term.stopRetrying.aborted) return;
      log.warn({ err, code: failureCodeOf(err), part: 'feed' }, 'what is being tried could not be noted');
    });
  }

  async function tryGroup(group: Change[]): Promise<void> {
    await noteTrying(group.map(({ ref }) => ref));
    await pipeline.submit(group, finish, term);
    await pipeline.drain(AbortSignal.any([term.stopRetrying, AbortSignal.timeout(SURVIVED_MS)]));
  }

  return async (changes) => {
    const old = changes.filter(({ timeMs }) => timeMs <= term.readAgainUntilMs);
    const deathsOf = ({ ref }: Change): number => legacy.deaths.get(ref) ?? 0;
    for (const suspect of old.filter((change) => deathsOf(change) >= DEATHS)) {
      pipeline.handOverSuspect(suspect, finish, term);
    }
    const innocent = old.filter((change) => deathsOf(change) === 0);
    for (let at = 0; at < innocent.length; at += GROUP) await tryGroup(innocent.slice(at, at + GROUP));
    for (const change of old.filter((each) => deathsOf(each) === 1)) await tryGroup([change]);
    if (old.length > 0) await noteTrying([]);
    const fresh = changes.filter(({ timeMs }) => timeMs > term.readAgainUntilMs);
    if (fresh.length > 0) await pipeline.submit(fresh, finish, term);
  };
}
