/**
 * Where a submission was first written.
 *
 * A variable is written again by later steps, mostly unchanged. What is filled in (who, when, under which name) must then come
 * from the first writing, or each step would make another object out of the same form. What was read of a variable is
 * remembered, so a variable that changes a thousand times is not read a million times.
 */
import { LRUCache } from 'lru-cache';
import type { EngineHistory } from '../engine/engine-history.ts';
import { readWindow } from '../engine/read-window.ts';
import type { VariableChange, VariableWriting } from '../submission/change.ts';
import { splitConvention } from '../submission/split-convention.ts';
import type { Submission } from '../submission/submission.ts';

/** The first writing of a submission; without the value, of which it holds only what was found in it. */
export type Origin = { change: VariableWriting; submission: Pick<Submission, 'source' | 'email'> };

export type Origins = ReturnType<typeof createOrigins>;

type Known = { untilMs: number; byDigest: Map<string, Origin> };

const REMEMBERED_DIGESTS = 50_000;
const REMEMBERED_VARIABLES = 20_000;
const PAGE_ROWS = 50;

export function createOrigins(history: Pick<EngineHistory, 'readEarlierValues'>) {
  const variables = new LRUCache<string, Known>({
    maxSize: REMEMBERED_DIGESTS,
    sizeCalculation: ({ byDigest }) => byDigest.size + 1,
  });

  const pageSize = { rows: PAGE_ROWS, most: PAGE_ROWS };
  const firstTimes = new LRUCache<string, number>({ max: REMEMBERED_VARIABLES });

  function learn(known: Known, change: VariableChange): void {
    for (const found of splitConvention(change)) {
      if (!('submission' in found) || known.byDigest.has(found.submission.digest)) continue;
      const { text: _, ...place } = change;
      const { source, email, digest } = found.submission;
      known.byDigest.set(digest, { change: place, submission: { source, email } });
    }
    known.untilMs = Math.max(known.untilMs, change.timeMs);
  }

  return {
    /** To be called for every change in the order of time: tells two writings in one transaction, of one revision, apart. */
    note({ variableInstanceId, timeMs }: VariableChange): void {
      if (!firstTimes.has(variableInstanceId)) firstTimes.set(variableInstanceId, timeMs);
    },

    /** The first writing of a submission of this change; `null` where that is the change itself. */
    async find(change: VariableChange, digest: string, signal: AbortSignal): Promise<Origin | null> {
      const { variableInstanceId, revision, timeMs, ref } = change;
      if (revision === 0 && (firstTimes.get(variableInstanceId) ?? timeMs) >= timeMs) return null;
      const known = variables.get(variableInstanceId) ?? { untilMs: 0, byDigest: new Map() };
      variables.set(variableInstanceId, known);
      if (!known.byDigest.has(digest) || known.untilMs < timeMs) {
        const readPage = history.readEarlierValues.bind(history, change);
        const window = { fromMs: known.untilMs, toMs: timeMs };
        for await (const batch of readWindow(readPage, window, pageSize, signal)) {
          for (const { change: earlier } of batch.rows) if (earlier !== null) learn(known, earlier);
        }
        variables.set(variableInstanceId, known); // its size has changed
      }
      const origin = known.byDigest.get(digest);
      return origin === undefined || origin.change.ref === ref ? null : origin;
    },
  };
}
