import { describe, expect, test } from '@jest/globals';
import type { Legacy } from '../../../src/feed/position-store.ts';
import { submitWithCare } from '../../../src/feed/submit-with-care.ts';
import type { Change } from '../../../src/submission/change.ts';
import { aVariableChange, NOON_MS } from '../../support/builders.ts';
import { createRememberingLog } from '../../support/builders-log.ts';

function aWorld(deaths: Record<string, number> = {}) {
  const legacy: Legacy = { endedCleanly: false, deaths: new Map(Object.entries(deaths)) };
  const stop = new AbortController();
  const faults: { onSave: unknown } = { onSave: null };
  let noted: string[] = [];
  let saved: string[] = [];
  const tried: { refs: string[]; savedBefore: string[] }[] = [];
  const suspects: string[] = [];
  const drains: AbortSignal[] = [];
  const log = createRememberingLog();
  const submit = submitWithCare({
    pipeline: {
      async submit(changes) {
        tried.push({ refs: changes.map(({ ref }) => ref), savedBefore: saved });
      },
      handOverSuspect: ({ ref }) => void suspects.push(ref),
      async drain(signal) {
        drains.push(signal);
      },
    },
    positionStore: {
      noteTrying(refs) {
        noted = refs;
      },
      async save() {
        if (faults.onSave !== null) throw faults.onSave;
        saved = noted;
      },
    },
    positions: () => ({ variableUpdates: NOON_MS, finishedTasks: NOON_MS }),
    legacy,
    finish: () => undefined,
    term: { abort: new AbortController().signal, stopRetrying: stop.signal, readAgainUntilMs: NOON_MS },
    log,
  });
  return { submit, tried, suspects, drains, saved: () => saved, faults, stop, log };
}

const oldChange = (id: string): Change => aVariableChange({ ref: `detail/${id}`, timeMs: NOON_MS });
const freshChange = (id: string): Change => aVariableChange({ ref: `detail/${id}`, timeMs: NOON_MS + 1 });
const many = (count: number) => Array.from({ length: count }, (_, each) => oldChange(`${each}`));

describe('after a leader that ended without a word', () => {
  test('what it may have ended on is tried in groups, each noted in the state of the feed before', async () => {
    const { submit, tried, drains, saved } = aWorld();
    await submit(many(120));
    expect(tried.map(({ refs }) => refs.length)).toEqual([50, 50, 20]);
    for (const { refs, savedBefore } of tried) expect(savedBefore).toEqual(refs);
    expect(drains).toHaveLength(3);
    expect(saved()).toEqual([]);
  });

  test('a change that was in such a group when one ended is tried by itself, behind the others', async () => {
    const { submit, tried } = aWorld({ 'detail/1': 1, 'detail/2': 1 });
    await submit(many(4));
    expect(tried).toEqual([
      { refs: ['detail/0', 'detail/3'], savedBefore: ['detail/0', 'detail/3'] },
      { refs: ['detail/1'], savedBefore: ['detail/1'] },
      { refs: ['detail/2'], savedBefore: ['detail/2'] },
    ]);
  });

  test.each([2, 3])(
    'a change that was being tried when %d ended is not tried, but handed over as suspect',
    async (times) => {
      const { submit, tried, suspects } = aWorld({ 'detail/1': times });
      await submit(many(3));
      expect(suspects).toEqual(['detail/1']);
      expect(tried.map(({ refs }) => refs)).toEqual([['detail/0', 'detail/2']]);
    },
  );

  test('what happened since is taken as ever: the one before cannot have ended on it', async () => {
    const { submit, tried, saved, drains } = aWorld({ 'detail/a': 2 });
    await submit([freshChange('a'), oldChange('b')]);
    expect(tried).toEqual([
      { refs: ['detail/b'], savedBefore: ['detail/b'] },
      { refs: ['detail/a'], savedBefore: [] },
    ]);
    await submit([freshChange('c')]);
    expect([saved(), drains.length]).toEqual([[], 1]);
  });

  test('a state bucket that is away is told, and holds up nothing', async () => {
    const { submit, tried, faults, log } = aWorld();
    faults.onSave = new Error('away');
    await submit(many(2));
    expect(tried).toHaveLength(1);
    expect(log.lines.filter(({ sentence }) => sentence.includes('could not be noted')).length).toBeGreaterThan(0);
  });

  test('waiting for a group ends when Formvault stops', async () => {
    const { submit, drains, stop } = aWorld();
    await submit(many(1));
    expect(drains[0]?.aborted).toBe(false);
    stop.abort();
    expect(drains[0]?.aborted).toBe(true);
  });
});
