/** What was measured, as Markdown. Nothing is typed here that could be computed. */
import { decideAims } from './aims.ts';
import { figure, percent, renderTable, type Table } from './markdown.ts';
import { type BacklogResult, type BacklogRun, sharesOfRaw } from './measure-backlog.ts';
import type { LatencyRow } from './measure-latency.ts';
import type { LiveResult, LiveRow } from './measure-live.ts';
import { databaseOf, type Measured, PARTS, type Part } from './measured.ts';
import { renderCases } from './report-cases.ts';
import { renderCounted } from './report-counted.ts';
import { renderFailures, renderSoak } from './report-failures.ts';
import { CONCURRENCY } from './sizes.ts';
import { median } from './statistics.ts';
import { LOOK_EVERY_MS } from './vault-watch.ts';

/** Each part that was measured, with what it was measured on and the aims that were set for it. */
export function renderParts(measured: Measured): { part: Part; text: string }[] {
  return PARTS.flatMap((part) => {
    const found = renderPart(part, measured);
    if (found === null) return [];
    const warning = measured.isQuick ? ['**A quick run: too few forms for figures that may be quoted.**'] : [];
    const aims = decideAims(part, measured).map(({ aim, found, isMet }) => [aim, found, isMet ? 'yes' : '**no**']);
    const table = renderTable({ head: ['aim', 'measured', 'met'], rows: aims });
    return [
      { part, text: [...warning, renderMachine(measured.machines[databaseOf(part)]), found, table].join('\n\n') },
    ];
  });
}

function renderMachine(machine: string[] = []): string {
  return `*${machine.join('; ')}.*`;
}

function renderPart(part: Part, measured: Measured): string | null {
  const { latency, backlog, live, livePostgresql, failures, cases, soak } = measured;
  switch (part) {
    case 'latency':
      return latency === undefined ? null : renderLatency(latency);
    case 'backlog':
      return backlog === undefined ? null : renderBacklog(backlog);
    case 'live':
      return live === undefined ? null : renderLive(live);
    case 'live-postgresql':
      return livePostgresql === undefined ? null : renderLive(livePostgresql);
    case 'failures':
      return failures === undefined ? null : renderFailures(failures);
    case 'cases':
      return cases === undefined ? null : renderCases(cases);
    case 'soak':
      return soak === undefined ? null : renderSoak(soak);
    default:
      return part satisfies never;
  }
}

function renderLatency(rows: LatencyRow[]): string {
  const kinds = { convention: 'convention', task: 'task submission' };
  const table: Table = {
    head: [
      'kept by',
      'forms',
      'a second',
      'count',
      'missing',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'most ms',
      'completion p50 ms',
    ],
    rows: rows.map((row) => [
      row.keeper,
      kinds[row.kind],
      row.perSecond,
      row.forms,
      row.missing,
      ...[row.p50, row.p95, row.p99, row.most, row.completionP50].map((ms) => figure(ms)),
    ]),
  };
  const looks = rows.map((row) => row.looksPerSecond);
  const shares = rows.map((row) => row.measuringShare);
  return [
    renderTable(table),
    `Each object is looked for every ${LOOK_EVERY_MS} ms, which adds half of that to each figure in the mean. Looking made ${figure(Math.min(...looks))} to ${figure(Math.max(...looks))} requests a second to the S3 server; the measuring programme took ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))} of a core.`,
  ].join('\n\n');
}

function renderBacklog(backlog: BacklogResult): string {
  const { submissions, runs, raw, counted } = backlog;
  const shares = sharesOfRaw(backlog);
  const middle = (value: (run: BacklogRun) => number): number => median(runs.map(value));
  const perSecond = (seconds: number) => figure(submissions / seconds);
  const leading = middle(({ secondsLeading }) => secondsLeading);
  const raws = {
    cold: median(raw.map(({ cold }) => cold.seconds)),
    warm: median(raw.map(({ warm }) => warm.seconds)),
  };
  const rates = renderTable({
    head: [
      '',
      'submissions a second',
      'share of the raw client',
      'CPU s',
      'peak memory MB',
      'engine CPU s',
      'S3 server CPU s',
    ],
    rows: [
      [
        'Formvault, from leading to the last object',
        perSecond(leading),
        `${percent(median(shares))} (${percent(Math.min(...shares))} to ${percent(Math.max(...shares))})`,
        figure(middle(({ cpuSeconds }) => cpuSeconds)),
        figure(middle((run) => run.peakMemoryMb)),
        figure(middle(({ engineCpuSeconds }) => engineCpuSeconds)),
        figure(middle(({ s3CpuSeconds }) => s3CpuSeconds)),
      ],
      [
        'Formvault, from the start of the process',
        perSecond(middle((run) => run.secondsSinceStart)),
        '',
        '',
        '',
        '',
        '',
      ],
      [
        'raw client, fresh process',
        perSecond(raws.cold),
        '100 %',
        figure(median(raw.map(({ cold }) => cold.cpuSeconds))),
        '',
        '',
        '',
      ],
      [
        'raw client, second time in the same process',
        perSecond(raws.warm),
        '',
        figure(median(raw.map(({ warm }) => warm.cpuSeconds))),
        '',
        '',
        '',
      ],
    ],
  });
  const rows = counted.reduce((sum, path) => sum + path.rows, 0);
  const each = runs.map(({ secondsLeading }) => figure(submissions / secondsLeading)).join(', ');
  const eachRaw = raw.map(({ cold }) => figure(submissions / cold.seconds)).join(', ');
  return [
    `${figure(submissions)} submissions, concurrency ${CONCURRENCY}, middle of ${runs.length} ${runs.length === 1 ? 'run' : 'runs'} (Formvault ${each}; raw client ${eachRaw} a second). The share is the middle of the shares of each run, of the mean of the raw client just before and after it (least to most). CPU is of the whole process, its start included.`,
    rates,
    `Read from the engine in a run of its own: ${figure(rows / submissions)} rows for each submission until the last object was there.`,
    renderCounted(counted, submissions, 'submission'),
  ].join('\n\n');
}

function renderLive({ shared, apart }: LiveResult): string {
  return [
    'Engine, S3 server, keeper and clients share all cores:',
    renderRounds(shared),
    ...(apart === null
      ? []
      : ['The engine has a core of its own, everything else the other ones:', renderRounds(apart)]),
  ].join('\n\n');
}

function renderRounds(rows: LiveRow[]): string {
  const rounds = Math.max(...rows.map((row) => row.rounds.length));
  const rates = renderTable({
    head: [
      '',
      'completions a second',
      'of alone',
      'forms kept a second',
      'keeper CPU ms a form',
      'peak memory MB',
      'longest lag at the end s',
      'objects',
    ],
    rows: rows.map((row) => [
      row.name,
      figure(row.completionsPerSecond),
      ...(row.kept === null
        ? ['', '', '', '', '', '']
        : [
            percent(median(row.rounds.map(({ completions }) => completions))),
            figure(row.kept.formsPerSecond),
            figure(row.kept.cpuMsPerForm),
            figure(row.kept.peakMemoryMb),
            figure(row.kept.lagSeconds),
            `${row.kept.objects} of ${row.forms}`,
          ]),
    ]),
  });
  const hasDatabase = rows.some((row) => row.databaseCpuMsPerForm !== null);
  const engineCpu = renderTable({
    head: [
      'CPU ms a form',
      'engine',
      'more than alone (least to most)',
      'to complete the form',
      'for the keeper',
      'more for the keeper (least to most)',
      ...(hasDatabase ? ['database'] : []),
    ],
    rows: rows.map((row) => [
      row.name,
      figure(row.engineCpuMsPerForm),
      row.kept === null ? '' : renderMiddle(row.rounds.map(({ engineCpu }) => engineCpu - 1)),
      figure(row.completingCpuMsPerForm),
      row.kept === null ? '' : figure(row.askedCpuMsPerForm),
      row.kept === null ? '' : renderMiddle(row.rounds.map(({ asked }) => asked)),
      ...(row.databaseCpuMsPerForm === null ? [] : [figure(row.databaseCpuMsPerForm)]),
    ]),
  });
  return [
    `Middle of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, the runs taking turns. "Alone" is the mean of the two runs of the engine alone before and after each.`,
    rates,
    engineCpu,
  ].join('\n\n');
}

function renderMiddle(shares: number[]): string {
  return `${percent(median(shares))} (${percent(Math.min(...shares))} to ${percent(Math.max(...shares))})`;
}
