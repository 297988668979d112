export type Table = { head: string[]; rows: (string | number)[][] };

/** The first column to the left, the others, which are figures, to the right. */
export function renderTable({ head, rows }: Table): string {
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
  const ruler = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(ruler), ...rows.map(line)].join('\n');
}

/** Puts what was measured between the two markers of its part; the rest of the document stays as it is. */
export function replaceMeasured(document: string, part: string, measured: string): string {
  const [startMark, endMark] = [`<!-- measured: ${part} -->`, `<!-- end of ${part} -->`];
  const start = document.indexOf(startMark);
  const end = document.indexOf(endMark);
  if (start < 0 || end < start) throw new Error(`the document does not have the markers ${startMark} and ${endMark}`);
  return `${document.slice(0, start)}${startMark}\n\n${measured}\n\n${document.slice(end)}`;
}

/** Three significant digits at the most, whole numbers from 100 on. */
export function figure(value: number, unit = ''): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = value >= 100 ? Math.round(value) : Number(value.toPrecision(value >= 10 ? 3 : 2));
  return `${rounded.toLocaleString('en-US')}${unit === '' ? '' : ` ${unit}`}`;
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %` : '–';
}
