import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type PageSize, type ReadPage, readAllRows, readWindow } from '../../../src/engine/read-window.ts';
import { FormvaultError } from '../../../src/errors.ts';

type ARow = { id: string; timeMs: number; bytes?: number };

const { signal } = new AbortController();
const rowsAt = (...times: number[]): ARow[] => times.map((timeMs, index) => ({ id: `r${index}`, timeMs }));
const idsOf = (rows: { id: string }[]): string[] => rows.map(({ id }) => id).sort();

/** As the engine answers: in the order of time, ties in any order, which may differ from page to page. */
function engineWith(rows: ARow[], options: { tieSeed?: number; maxBytes?: number } = {}) {
  const asked: { fromMs: number; toMs: number; maxRows: number }[] = [];
  const readPage: ReadPage<string> = async ({ fromMs, toMs }, maxRows) => {
    asked.push({ fromMs, toMs, maxRows });
    const turn = (options.tieSeed ?? 0) * asked.length;
    const shuffle = ({ id }: ARow): number => (Number(id.slice(1)) * 7919 + turn * 104_729) % 1_009;
    const page = rows
      .filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs)
      .sort((a, b) => a.timeMs - b.timeMs || shuffle(a) - shuffle(b))
      .slice(0, maxRows);
    const bytes = page.reduce((sum, row) => sum + (row.bytes ?? 2_000_000), 0);
    if (bytes > (options.maxBytes ?? Number.POSITIVE_INFINITY)) {
      throw new FormvaultError('ENGINE_UNAVAILABLE', 'could not read', { context: { tooLarge: true } });
    }
    return { rows: page.map(({ id, timeMs }) => ({ id, timeMs, change: id })), bytes };
  };
  return { readPage, asked };
}

const fixed = (rows: number): PageSize => ({ rows, most: rows });

describe('a window', () => {
  test('F3: is closed at both ends, and rows are told apart by id', async () => {
    const { readPage } = engineWith(rowsAt(9, 10, 10, 15, 20, 20, 21));
    const rows = await readAllRows(readPage, { fromMs: 10, toMs: 20 }, fixed(100), signal);
    expect(idsOf(rows)).toEqual(['r1', 'r2', 'r3', 'r4', 'r5']);
  });

  test('F4: with ties across page borders is read completely, with pages of two', async () => {
    const times = Array.from({ length: 10 }, (_, tie) => Array(7).fill(100 + tie)).flat();
    const { readPage } = engineWith([...rowsAt(...times)], { tieSeed: 3 });
    const rows = await readAllRows(readPage, { fromMs: 0, toMs: 1_000 }, fixed(2), signal);
    expect(idsOf(rows)).toEqual(idsOf(rowsAt(...times)));
  });

  test('F3, F4: is read row by row exactly once, whatever the ties and the page size, in the order of time', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 60 });
    const window = fc.tuple(fc.nat(12), fc.nat(12)).map(([a, b]) => ({ fromMs: Math.min(a, b), toMs: Math.max(a, b) }));
    await fc.assert(
      fc.asyncProperty(times, window, fc.integer({ min: 1, max: 9 }), fc.nat(9), async (at, asked, size, tieSeed) => {
        const all = rowsAt(...at);
        const { readPage } = engineWith(all, { tieSeed });
        const rows = await readAllRows(readPage, asked, fixed(size), signal);
        const inside = all.filter(({ timeMs }) => timeMs >= asked.fromMs && timeMs <= asked.toMs);
        expect(idsOf(rows)).toEqual(idsOf(inside));
        expect(rows.map(({ timeMs }) => timeMs)).toEqual(inside.map(({ timeMs }) => timeMs).sort((a, b) => a - b));
      }),
    );
  });

  test('says of its last page that nothing follows, and of no other', async () => {
    const { readPage } = engineWith(rowsAt(1, 2, 3, 4, 5));
    const flags: boolean[] = [];
    for await (const { isLast } of readWindow(readPage, { fromMs: 0, toMs: 9 }, fixed(2), signal)) flags.push(isLast);
    expect(flags.slice(0, -1)).not.toContain(true);
    expect(flags.at(-1)).toBe(true);
  });

  test('without rows costs one request', async () => {
    const { readPage, asked } = engineWith([]);
    await expect(readAllRows(readPage, { fromMs: 0, toMs: 9 }, fixed(2), signal)).resolves.toEqual([]);
    expect(asked).toHaveLength(1);
  });

  test('is asked for without offsets: each page begins at the last time seen', async () => {
    const { readPage, asked } = engineWith(rowsAt(1, 2, 3, 4));
    await readAllRows(readPage, { fromMs: 0, toMs: 9 }, fixed(2), signal);
    expect(asked.map(({ fromMs }) => fromMs)).toEqual([0, 2, 3, 4]);
  });
});

describe('pages', () => {
  test('shrink while answers are heavy and grow again while they are light', async () => {
    const heavy = rowsAt(...Array.from({ length: 20 }, (_, at) => at)).map((row) => ({ ...row, bytes: 3_000_000 }));
    const size = { rows: 16, most: 32 };
    await readAllRows(engineWith(heavy).readPage, { fromMs: 0, toMs: 99 }, size, signal);
    expect(size.rows).toBeLessThanOrEqual(4);

    const light = heavy.map((row) => ({ ...row, bytes: 10 }));
    await readAllRows(engineWith(light).readPage, { fromMs: 0, toMs: 99 }, size, signal);
    expect(size.rows).toBeGreaterThan(4);
    expect(size.rows).toBeLessThanOrEqual(32);
  });

  test('that are too large to be taken are asked for again with half the rows, and nothing is lost', async () => {
    const all = rowsAt(1, 2, 3, 4, 5, 6, 7).map((row) => ({ ...row, bytes: 50 }));
    const { readPage } = engineWith(all, { maxBytes: 120 });
    const rows = await readAllRows(readPage, { fromMs: 0, toMs: 9 }, { rows: 8, most: 8 }, signal);
    expect(idsOf(rows)).toEqual(idsOf(all));
  });

  test('that the engine fails to answer are half as large the next time, and grow again while answers are light', async () => {
    const light = rowsAt(...Array.from({ length: 9 }, (_, at) => at)).map((row) => ({ ...row, bytes: 10 }));
    const { readPage } = engineWith(light);
    const asked: number[] = [];
    const heavy: ReadPage<string> = (window, maxRows) => {
      asked.push(maxRows);
      if (maxRows <= 2) return readPage(window, maxRows, signal);
      throw new FormvaultError('ENGINE_UNAVAILABLE', 'could not read', { context: { status: 500 } });
    };
    const size = { rows: 9, most: 9 };
    const read = () => readAllRows(async (...of) => heavy(...of), { fromMs: 0, toMs: 9 }, size, signal);
    for (let each = 0; each < 2; each++) await expect(read()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(asked).toEqual([9, 4]);
    await readAllRows(readPage, { fromMs: 0, toMs: 9 }, size, signal);
    expect(size.rows).toBe(9);
  });

  test('never shrink below one row, nor by what says nothing of their weight', async () => {
    const failing = (code: 'ENGINE_UNAVAILABLE' | 'ENGINE_REJECTED' | 'SHUTTING_DOWN') => () =>
      Promise.reject(new FormvaultError(code, 'could not read'));
    const size = { rows: 8, most: 8 };
    for (const code of ['ENGINE_REJECTED', 'SHUTTING_DOWN'] as const) {
      await expect(readAllRows(failing(code), { fromMs: 0, toMs: 9 }, size, signal)).rejects.toMatchObject({ code });
    }
    expect(size.rows).toBe(8);
    for (let each = 0; each < 9; each++) {
      const read = readAllRows(failing('ENGINE_UNAVAILABLE'), { fromMs: 0, toMs: 9 }, size, signal);
      await expect(read).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    }
    expect(size.rows).toBe(1);
  });

  test('that hold one row and are too large fail, and so does every other fault', async () => {
    const { readPage } = engineWith([{ id: 'r0', timeMs: 1, bytes: 500 }], { maxBytes: 120 });
    const read = readAllRows(readPage, { fromMs: 0, toMs: 9 }, { rows: 8, most: 8 }, signal);
    await expect(read).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', context: { tooLarge: true } });

    const down: ReadPage<string> = () => Promise.reject(new FormvaultError('ENGINE_UNAVAILABLE', 'could not read'));
    await expect(readAllRows(down, { fromMs: 0, toMs: 9 }, fixed(8), signal)).rejects.toMatchObject({ context: {} });
  });
});
