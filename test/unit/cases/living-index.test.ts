import { describe, expect, test } from '@jest/globals';
import { createLivingIndex } from '../../../src/cases/living-index.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { CaseIndex } from '../../../src/index/case-index.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { anIndexEntry, createMemoryCaseIndex } from '../../support/memory-case-index.ts';

const away = () => new FormvaultError('INDEX_UNAVAILABLE', 'could not open the index');
const damaged = () =>
  new FormvaultError('INDEX_UNAVAILABLE', 'could not read the index', { context: { damaged: true } });

/** A database that can be away, or be damaged; each opening after damage begins a new one. */
function aDatabase() {
  const clock = { nowMs: 0 };
  const log = createRememberingLog();
  const control = {
    openings: 0,
    closings: 0,
    isNew: false,
    openFault: null as unknown,
    questionFault: null as unknown,
    held: null as Promise<void> | null,
  };
  const open = async (): Promise<{ index: CaseIndex; isNew: boolean }> => {
    control.openings++;
    await control.held;
    if (control.openFault !== null) throw control.openFault;
    const memory = createMemoryCaseIndex();
    const index: CaseIndex = {
      ...memory,
      async findKnown(bucket, keys) {
        if (control.questionFault !== null) throw control.questionFault;
        return memory.findKnown(bucket, keys);
      },
      async close() {
        control.closings++;
      },
    };
    return { index, isNew: control.isNew };
  };
  const living = createLivingIndex({ open, log, nowMs: () => clock.nowMs });
  return { living, control, clock, log };
}

const { bucket, key } = anIndexEntry();

describe('an index that lives', () => {
  test('is opened once, by whoever asks first', async () => {
    const { living, control } = aDatabase();
    await Promise.all([living.index.put([anIndexEntry()]), living.index.countSubmissions(), living.open()]);
    await expect(living.index.findKnown(bucket, [key])).resolves.toEqual(new Set([key]));
    await expect(living.index.findSubmissions('CASE-1', 'everything')).resolves.toHaveLength(1);
    await expect(living.index.findSubmission({ caseId: 'CASE-1', key }, 'everything')).resolves.toMatchObject({ key });
    const query = { terms: [], fromMs: null, toMs: null, ignored: [] };
    await expect(living.index.searchCases(query, 'everything', { number: 0, size: 1 })).resolves.toMatchObject({
      total: 1,
    });
    for await (const row of living.index.rows()) expect(row.key).toBe(key);
    expect(control.openings).toBe(1);
  });

  test('gives its failure to everybody while it cannot be opened, and is tried again after pauses', async () => {
    const { living, control, clock, log } = aDatabase();
    control.openFault = away();
    await living.open();
    for (let each = 0; each < 10; each++) {
      await expect(living.index.countSubmissions()).rejects.toMatchObject({ message: 'could not open the index' });
    }
    expect(control.openings).toBe(1);
    clock.nowMs += 500;
    await expect(living.isNew()).rejects.toMatchObject({ message: 'could not open the index' });
    expect(control.openings).toBe(2);

    control.openFault = null;
    clock.nowMs += 60_000;
    await expect(living.index.countSubmissions()).resolves.toBe(0);
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info']);
  });

  test('that settings lead nowhere is told at once', async () => {
    const { living, control } = aDatabase();
    control.openFault = new FormvaultError('CONFIG_INVALID', 'could not open the index at DATABASE_URL');
    await expect(living.open()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('that is damaged is left and opened anew, which whoever fills it is told', async () => {
    const { living, control, log } = aDatabase();
    let told = 0;
    living.whenNew(() => {
      told++;
    });
    await living.index.put([anIndexEntry()]);
    control.questionFault = damaged();
    control.isNew = true;
    const asked = [1, 2].map(() => living.index.findKnown(bucket, [key]));
    await expect(Promise.allSettled(asked)).resolves.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(control.closings).toBe(1);
    control.questionFault = null;
    await expect(living.index.countSubmissions()).resolves.toBe(0);
    await expect(living.isNew()).resolves.toBe(true);
    expect([control.openings, told]).toEqual([2, 1]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('is left for no other failure', async () => {
    const { living, control } = aDatabase();
    await living.open();
    control.questionFault = away();
    await expect(living.index.findKnown(bucket, [key])).rejects.toThrow();
    control.questionFault = null;
    await living.index.findKnown(bucket, [key]);
    expect([control.openings, control.closings]).toEqual([1, 0]);
  });

  test('is new until a run has built it to its end', async () => {
    const { living, control } = aDatabase();
    control.isNew = true;
    await expect(living.isNew()).resolves.toBe(true);
    const run = await living.index.beginReindex();
    await run.put([anIndexEntry()]);
    await expect(run.findDone(bucket, [key])).resolves.toEqual(new Set([key]));
    await expect(living.isNew()).resolves.toBe(true);
    await run.finish([bucket]);
    await expect(living.isNew()).resolves.toBe(false);
  });

  test('closes what is open, also when it is only just being opened', async () => {
    const { living, control } = aDatabase();
    const held = Promise.withResolvers<void>();
    control.held = held.promise;
    const opening = living.open();
    const closing = living.index.close();
    held.resolve();
    await Promise.all([opening, closing]);
    expect(control.closings).toBe(1);
    await expect(living.index.countSubmissions()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(control.openings).toBe(1);
  });
});
