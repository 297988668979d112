import { figure, renderTable } from './markdown.ts';
import type { CasePagesResult } from './measure-case-pages.ts';
import type { CasesResult, Times } from './measure-cases.ts';

export function renderCases(result: CasesResult): string {
  const { submissions, cases, instances, hiddenInstances, searches, databases } = result;
  const both = ({ p50, p95 }: Times): string[] => [figure(p50), figure(p95)];
  const kinds = databases[0]?.searches ?? [];
  const head = databases.flatMap(({ name }) => [`${name} p50 ms`, 'p95', 'hidden p50', 'p95']);
  const times = renderTable({
    head: ['search', 'cases found', ...head],
    rows: [
      ...kinds.map(({ kind, example, found }, index) => [
        example === '' ? kind : `${kind} (\`${example}\`)`,
        figure(found),
        ...databases.flatMap(({ searches }) => {
          const row = searches[index];
          return row === undefined ? [] : [...both(row.everything), ...both(row.hidden)];
        }),
      ]),
      ['one case', '', ...databases.flatMap(({ oneCase }) => [...both(oneCase), '', ''])],
    ],
  });
  const building = renderTable({
    head: ['', ...databases.map(({ name }) => name)],
    rows: [
      ['entries written a second, in batches', ...databases.map((each) => figure(each.putsPerSecond))],
      ['the same again', ...databases.map((each) => figure(each.putsAgainPerSecond))],
      ['end of a reindex s', ...databases.map((each) => figure(each.finishSeconds))],
      ['one entry p50 ms', ...databases.map((each) => figure(each.onePut.p50))],
      ['one entry p95 ms', ...databases.map((each) => figure(each.onePut.p95))],
      ['size of the database MB', ...databases.map((each) => figure(each.sizeMb))],
      [
        'memory of the process MB (before it was opened)',
        ...databases.map(({ memoryMb }) => `${figure(memoryMb.after)} (${figure(memoryMb.before)})`),
      ],
    ],
  });
  return [
    `${figure(submissions)} submissions of about 2 KB in ${figure(cases)} cases with ${figure(instances)} process instances; ${figure(searches)} searches of each kind. "Hidden": for a person from whom ${figure(hiddenInstances)} process instances are hidden.`,
    times,
    `Entries made from body and metadata: ${figure(result.entriesPerSecond)} a second, in one thread.`,
    building,
    renderSite(result.site),
  ].join('\n\n');
}

function renderSite({ objects, engineCases, rawReadsPerSecond, databases }: CasePagesResult): string {
  const head = databases.flatMap(({ name }) => [`${name} p50 ms`, 'p95']);
  const kinds = databases[0]?.pages ?? [];
  const pages = renderTable({
    head: ['page', ...head],
    rows: kinds.map(({ page }, index) => [
      page,
      ...databases.flatMap((each) => {
        const times = each.pages[index]?.times;
        return times === undefined ? [] : [figure(times.p50), figure(times.p95)];
      }),
    ]),
  });
  const reindex = renderTable({
    head: ['', ...databases.map(({ name }) => name)],
    rows: [
      ["Formvault's S3 client alone: objects read a second", ...databases.map(() => figure(rawReadsPerSecond))],
      ['`formvault reindex`: submissions a second', ...databases.map((each) => figure(objects / each.reindexSeconds))],
      ['seconds, from its start to its end', ...databases.map((each) => figure(each.reindexSeconds))],
      ['its CPU s', ...databases.map((each) => figure(each.reindexCpuSeconds))],
      ['its peak memory MB', ...databases.map((each) => figure(each.reindexPeakMb))],
      [
        'memory of the serving process MB (before the first page)',
        ...databases.map(({ memoryMb }) => `${figure(memoryMb.after)} (${figure(memoryMb.before)})`),
      ],
    ],
  });
  return [
    `The same as ${figure(objects)} objects in S3, indexed by \`formvault reindex\`; then pages, one after the other, by a Formvault of all roles to a person who signed in, the entry of the audit trail included. The engine knows the first ${engineCases} cases, each with three process instances and an open task.`,
    reindex,
    pages,
  ].join('\n\n');
}
