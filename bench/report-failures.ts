import { figure, renderTable } from './markdown.ts';
import { type FailuresResult, type Stage, WORKER_LONG_POLL_MS, type WorkersRow } from './measure-failures.ts';
import type { OutageResult } from './measure-outage.ts';
import type { SoakResult } from './measure-soak.ts';
import { renderCounted } from './report-counted.ts';
import { OUTAGE_LIMIT } from './sizes.ts';
import { median } from './statistics.ts';

export function renderFailures({ changes, handedOver, counted, workers, outage }: FailuresResult): string {
  const each = handedOver.map(({ perSecond }) => figure(perSecond)).join(', ');
  const requests = counted.reduce((sum, path) => sum + path.requests, 0);
  const rows = counted.reduce((sum, path) => sum + path.rows, 0);
  return [
    `${figure(changes)} changes in each row; hand-overs are the middle of ${handedOver.length} ${handedOver.length === 1 ? 'run' : 'runs'} (${each} a second). Workers ask every ${WORKER_LONG_POLL_MS} ms while there is nothing to do.`,
    renderStages(handedOver, workers),
    `One request that gives all of them another attempt took ${workers.map((row) => figure(row.retryRequestSeconds, 's')).join(' and ')}.`,
    `Asked of the engine in a run of its own: ${figure(requests / changes)} requests and ${figure(rows / changes)} rows for each hand-over.`,
    renderCounted(counted, changes, 'hand-over'),
    renderOutage(outage),
  ].join('\n\n');
}

function renderStages(handedOver: Stage[], workers: WorkersRow[]): string {
  const middle = (value: (stage: Stage) => number): number => median(handedOver.map(value));
  const row = (name: string, count: number | string, { perSecond, engineCpuMs, formvaultCpuMs }: Stage) => [
    name,
    count,
    ...[perSecond, engineCpuMs, formvaultCpuMs].map((value) => figure(value)),
  ];
  const stages: [name: string, stage: (row: WorkersRow) => Stage][] = [
    ['kept through the topics', ({ kept }) => kept],
    ['failed into incidents', ({ raised }) => raised],
    ['retried and kept', ({ retried }) => retried],
  ];
  return renderTable({
    head: ['', 'workers', 'a second', 'engine CPU ms each', 'Formvault CPU ms each'],
    rows: [
      row('handed over', '', {
        perSecond: middle(({ perSecond }) => perSecond),
        engineCpuMs: middle(({ engineCpuMs }) => engineCpuMs),
        formvaultCpuMs: middle(({ formvaultCpuMs }) => formvaultCpuMs),
      }),
      ...stages.flatMap(([name, stage]) => workers.map((of) => row(name, of.workers, stage(of)))),
    ],
  });
}

function renderOutage(outage: OutageResult): string {
  return [
    `S3 refuses every connection while ${figure(outage.forms)} forms are submitted, until the feed stands still behind ${OUTAGE_LIMIT} incidents; then it is back.`,
    renderTable({
      head: ['', 'measured'],
      rows: [
        [
          'from the last form until the feed stands still and the incidents stand',
          figure(outage.secondsToStandStill, 's'),
        ],
        ['incidents at the most', outage.mostIncidents],
        ['from the return of S3 until all forms can be read', figure(outage.secondsToAllKept, 's')],
        ['from the return of S3 until no incident stands', figure(outage.secondsToNoIncident, 's')],
        ['forms missing', outage.missing],
        ['objects beside one for each form', outage.extra],
      ],
    }),
  ].join('\n\n');
}

export function renderSoak(result: SoakResult): string {
  const { minutes, perSecond, forms, faults, memory } = result;
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${figure(Math.abs(value))}`;
  return [
    `${minutes} minutes, ${perSecond} forms a second.`,
    renderTable({
      head: ['', 'measured'],
      rows: [
        ['forms', figure(forms)],
        ['periods of refusal, of slow answers', `${faults.refused}, ${faults.slow}`],
        ['time with faults', figure(faults.seconds / 60, 'min')],
        ['changes handed over to the engine', figure(result.handedOver)],
        ['incidents raised in all', figure(result.incidentsRaised)],
        ['open incidents at the most', figure(result.mostOpenIncidents)],
        ['longest lag', figure(result.longestLagSeconds, 's')],
        [`resident memory after ${figure(memory.earlyMinute)} minutes`, figure(memory.early, 'MB')],
        ['… median', figure(memory.middle, 'MB')],
        ['… most', figure(memory.most, 'MB')],
        ['… at the end', figure(memory.atEnd, 'MB')],
        [
          `… slope from minute ${figure(memory.slopeFromMinute)} to ${figure(minutes)}, least squares`,
          `${signed(memory.slopePerHour)} MB an hour`,
        ],
        ['heap in use at the most', figure(memory.mostHeap, 'MB')],
        ['from the last fault until everything is kept and no incident is left', figure(result.secondsToClean, 's')],
        ['forms missing', result.missing],
        ['objects beside one for each form', result.extra],
        ['incidents left', result.incidentsLeft],
      ],
    }),
  ].join('\n\n');
}
