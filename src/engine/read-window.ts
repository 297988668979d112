/**
 * Reads a window page by page, in the order of time, without offsets (F3, F4).
 *
 * The next page begins at the last time seen, inclusive; ids drop what was seen already. A page that holds a single instant
 * is read again with a larger size, since there is no telling where in the instant it ended. Pages shrink while answers are
 * heavy: a page of 5 MB variables must not become a gigabyte, here or in the engine. They shrink too where the engine fails to
 * answer: it may be for the page's weight, and the same page would fail for ever.
 */

import { failureCodeOf } from '../errors.ts';
import { isTooLarge } from '../http/http-client.ts';
import type { Window } from '../time/window.ts';
import type { Page } from './engine-history.ts';

export type ReadPage<T> = (window: Window, maxRows: number, signal: AbortSignal) => Promise<Page<T>>;
export type Row<T> = Page<T>['rows'][number];

/** Rows of a window; `isLast` is false where more may follow in the window. */
export type Batch<T> = { rows: Row<T>[]; isLast: boolean };

/** How many rows to ask for, by the weight of the answers so far. To be kept from one reading to the next. */
export type PageSize = { rows: number; readonly most: number };

const HEAVY_BYTES = 8_000_000;
const LIGHT_BYTES = 1_000_000;

export async function* readWindow<T>(
  readPage: ReadPage<T>,
  window: Window,
  pageSize: PageSize,
  signal: AbortSignal,
): AsyncGenerator<Batch<T>> {
  let fromMs = window.fromMs;
  let seenAtFrom = new Set<string>();
  let tieRows = 0;
  for (;;) {
    const maxRows = Math.max(pageSize.rows, tieRows);
    const page = await readPage({ fromMs, toMs: window.toMs }, maxRows, signal).catch((error: unknown) => {
      if (failureCodeOf(error) === 'ENGINE_UNAVAILABLE') shrink(pageSize);
      if (maxRows === 1 || tieRows > 0 || !isTooLarge(error)) throw error;
      return null;
    });
    if (page === null) {
      pageSize.rows = Math.max(1, Math.floor(maxRows / 2));
      continue;
    }
    adaptPageSize(pageSize, page);
    const rows = page.rows.filter(({ id }) => !seenAtFrom.has(id));
    const lastMs = page.rows.at(-1)?.timeMs;
    const isLast = lastMs === undefined || page.rows.length < maxRows;
    yield { rows, isLast };
    if (isLast) return;

    const idsAtLast = page.rows.filter(({ timeMs }) => timeMs === lastMs).map(({ id }) => id);
    if (lastMs === fromMs) {
      tieRows = maxRows * 2;
      seenAtFrom = new Set([...seenAtFrom, ...idsAtLast]);
    } else {
      tieRows = 0;
      seenAtFrom = new Set(idsAtLast);
      fromMs = lastMs;
    }
  }
}

export async function readAllRows<T>(
  readPage: ReadPage<T>,
  window: Window,
  pageSize: PageSize,
  signal: AbortSignal,
): Promise<Row<T>[]> {
  const rows: Row<T>[] = [];
  for await (const batch of readWindow(readPage, window, pageSize, signal)) rows.push(...batch.rows);
  return rows;
}

function adaptPageSize(size: PageSize, page: Page<unknown>): void {
  if (page.bytes > HEAVY_BYTES) shrink(size);
  else if (page.bytes < LIGHT_BYTES) size.rows = Math.min(size.most, size.rows * 2);
}

function shrink(size: PageSize): void {
  size.rows = Math.max(1, Math.floor(size.rows / 2));
}
