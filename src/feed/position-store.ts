/**
 * Lease and position of the feed: one object in the state bucket, changed only with `If-Match` (F10).
 *
 * A lease has ended when the object did not change for FEED_LEASE_SECONDS by the watcher's own clock: clocks of two machines
 * are never compared. Whoever changes the object first has the lease; the one before finds its ETag gone and steps down.
 */
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { FormvaultError } from '../errors.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { pause } from '../time/pause.ts';
import { FEED_STATE_KEY } from '../vault/object-layout.ts';

/** Where each feed stands, in ms since 1970: everything before has a final outcome. */
export type Positions = { variableUpdates: number; finishedTasks: number };

export type PositionStore = ReturnType<typeof createPositionStore>;

/** What is left of the leader before: whether it gave the lease up, and how often each change was being tried when one ended. */
export type Legacy = { endedCleanly: boolean; deaths: ReadonlyMap<string, number> };

type FeedState = { owner: string | null; positions: Positions; trying: string[]; deaths: Record<string, number> };

const VERSION = 1;
const LOOKS_IN_A_LEASE = 5;

export function createPositionStore(
  store: ObjectStore,
  options: { bucket: string; leaseSeconds: number; nowMs?: () => number },
) {
  const { bucket, leaseSeconds, nowMs = () => performance.now() } = options;
  const owner = randomUUID();
  let etag: string | null = null;
  /** A state that was there and is gone is no first start: its leader writes it again, else whoever saw it last. */
  let lastSeen: Positions | null = null;
  /** Changes that are being tried one after the other, because an earlier leader ended without a word. */
  let trying: string[] = [];
  let deaths: Record<string, number> = {};
  let endedCleanly = true;
  /** Renewals and notes of what is being tried meet: each write begins with the ETag of the one before, and what is known then. */
  const oneAtATime = pLimit(1);

  const objectOf = (state: FeedState) => ({
    bucket,
    key: FEED_STATE_KEY,
    contentType: 'application/json',
    body: renderState(state),
  });

  async function read(signal: AbortSignal): Promise<{ etag: string; state: FeedState } | null> {
    const object = await store.get(bucket, FEED_STATE_KEY, signal);
    if (object === null) return null;
    const state = parseState(Buffer.from(object.body).toString(), bucket);
    lastSeen = state.positions;
    return { etag: object.etag, state };
  }

  async function take(positions: Positions, seenEtag: string | null, signal: AbortSignal): Promise<boolean> {
    const object = objectOf({ owner, positions, trying: [], deaths });
    const answer =
      seenEtag === null
        ? await store.putIfAbsent(object, signal)
        : await store.putIfUnchanged(object, seenEtag, signal);
    if (typeof answer === 'string') return false;
    etag = answer.etag;
    lastSeen = positions;
    return true;
  }

  async function write(positions: Positions, signal: AbortSignal, release: boolean): Promise<void> {
    const object = objectOf({ owner: release ? null : owner, positions, trying, deaths: release ? {} : deaths });
    let answer: { etag: string } | 'changed' | 'taken' =
      etag === null ? 'changed' : await store.putIfUnchanged(object, etag, signal);
    if (typeof answer === 'string') {
      const found = await read(signal);
      if (found === null) answer = await store.putIfAbsent(object, signal);
      else if (found.state.owner === owner) answer = await store.putIfUnchanged(object, found.etag, signal);
    }
    if (typeof answer === 'string') {
      throw new FormvaultError('LEADERSHIP_LOST', 'could not renew the lease of the feed');
    }
    etag = answer.etag;
    lastSeen = positions;
  }

  /** Whatever was being tried when a leader ended without giving up its lease may be what ended it. */
  function takeOver(state: FeedState | null): void {
    trying = [];
    if (state?.owner === owner) return; // the answer to one's own write was lost: what was known before it holds
    endedCleanly = state === null || state.owner === null;
    deaths = {};
    if (endedCleanly || state === null) return;
    deaths = { ...state.deaths };
    for (const ref of state.trying) deaths[ref] = (deaths[ref] ?? 0) + 1;
  }

  return {
    /**
     * Waits for the lease and returns the positions to begin at. `firstPositions` says where a first start begins; it is
     * asked only when there is no state at all.
     * @throws FormvaultError CONFIG_INVALID for a state that cannot be read: it never starts over by itself.
     */
    async acquire(
      firstPositions: (signal: AbortSignal) => Promise<Positions>,
      onWaiting: () => void,
      signal: AbortSignal,
    ): Promise<Positions> {
      let watched: { etag: string | null; sinceMs: number } = { etag: '', sinceMs: 0 };
      for (;;) {
        signal.throwIfAborted();
        const found = await read(signal);
        if (lastSeen === null) {
          const positions = await firstPositions(signal);
          if (await take(positions, null, signal)) return positions;
          continue;
        }
        const isOthers = found === null || (found.state.owner !== null && found.state.owner !== owner);
        const seenEtag = found?.etag ?? null;
        if (seenEtag !== watched.etag) {
          if (watched.etag === '' && isOthers) onWaiting();
          watched = { etag: seenEtag, sinceMs: nowMs() };
        }
        const isFree = !isOthers || nowMs() - watched.sinceMs >= leaseSeconds * 1000;
        const positions = lastSeen;
        if (isFree) takeOver(found?.state ?? null);
        if (isFree && (await take(positions, seenEtag, signal))) return positions;
        if (!isFree) await pause((leaseSeconds * 1000) / LOOKS_IN_A_LEASE, signal);
      }
    },

    /**
     * Renews the lease and saves the positions; `release` gives the lease up with it. A state that was deleted is written
     * again from what the leader knows.
     * @throws FormvaultError LEADERSHIP_LOST
     */
    save(positions: Positions, signal: AbortSignal, release = false): Promise<void> {
      return oneAtATime(() => write(positions, signal, release));
    },

    /** Of the leader before; to be asked once the lease is acquired. */
    legacy: (): Legacy => ({ endedCleanly, deaths: new Map(Object.entries(deaths)) }),

    /** What is being tried from now on; it is written with the next `save`. */
    noteTrying(refs: string[]): void {
      trying = refs;
    },
  };
}

function renderState({ owner, positions, trying, deaths }: FeedState): string {
  const position = {
    variableUpdates: new Date(positions.variableUpdates).toISOString(),
    finishedTasks: new Date(positions.finishedTasks).toISOString(),
  };
  const suspects = trying.length === 0 && Object.keys(deaths).length === 0 ? {} : { trying, deaths };
  return `${JSON.stringify({ version: VERSION, owner, position, ...suspects, renewed: randomUUID() }, null, 2)}\n`;
}

function parseState(text: string, bucket: string): FeedState {
  try {
    const { version, owner, position, trying = [], deaths = {} } = JSON.parse(text);
    const positions = {
      variableUpdates: Date.parse(position.variableUpdates),
      finishedTasks: Date.parse(position.finishedTasks),
    };
    if (version !== VERSION || Object.values(positions).some(Number.isNaN))
      throw new Error('unknown version or no times');
    if (owner !== null && typeof owner !== 'string') throw new Error('the owner is neither a text nor null');
    if (!Array.isArray(trying) || typeof deaths !== 'object') throw new Error('no list of suspects');
    return { owner, positions, trying, deaths };
  } catch (cause) {
    throw new FormvaultError('CONFIG_INVALID', `could not read ${FEED_STATE_KEY} in the state bucket`, {
      cause,
      context: { bucket },
      hint: 'Restore the object from its last good version, or delete it and set FEED_START to the time from which to read again.',
    });
  }
}
