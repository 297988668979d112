import type { CountedPath } from './counting-proxy.ts';
import { renderTable } from './markdown.ts';

/** What was asked of the engine, through the counting proxy. */
export function renderCounted(counted: CountedPath[], things: number, thing: string): string {
  return renderTable({
    head: ['request', 'requests', `requests for each ${thing}`, 'rows', `rows for each ${thing}`],
    rows: counted.map(({ path, requests, rows }) => [
      `\`${path}\``,
      requests,
      (requests / things).toFixed(2),
      rows,
      (rows / things).toFixed(2),
    ]),
  });
}
