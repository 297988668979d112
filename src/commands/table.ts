/** Columns of a table that is written while its rows come: as wide as what has come so far, up to a limit. */
export type Table = {
  row(cells: readonly string[]): void;
  /** What was not written yet. */
  end(): void;
};

const ROWS_TO_MEASURE = 200;
const WIDEST_COLUMN = 60;

export function createTable(headings: readonly string[], write: (text: string) => void): Table {
  const widths = headings.map(() => 0);
  let rows: (readonly string[])[] = [headings];

  function flush(): void {
    for (const row of rows) {
      for (const [column, cell] of row.entries()) {
        widths[column] = Math.max(widths[column] ?? 0, Math.min(lengthOf(cell), WIDEST_COLUMN));
      }
    }
    if (rows.length > 0) write(rows.map((row) => `${lineOf(row, widths)}\n`).join(''));
    rows = [];
  }

  return {
    row(cells) {
      rows.push(cells);
      if (rows.length >= ROWS_TO_MEASURE) flush();
    },
    end: flush,
  };
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(cell))));
  return padded.join('  ').trimEnd();
}

function lengthOf(text: string): number {
  return [...text].length;
}
