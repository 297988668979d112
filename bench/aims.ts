/** The aims that were set before anything was measured, and what became of them. */
import { figure, percent } from './markdown.ts';
import { ALONE, type LiveRow, STEADY } from './measure-live.ts';
import type { Measured } from './measured.ts';
import { median } from './statistics.ts';

export type Aim = { aim: string; found: string; isMet: boolean };

const FORMVAULT = 'Formvault';

export function decideAims({ latency, backlog, live }: Omit<Measured, 'isQuick' | 'machine'>): Aim[] {
  return [
    ...(latency === null ? [] : decideLatency(latency.filter(({ keeper }) => keeper === FORMVAULT))),
    ...(backlog === null ? [] : [decideBacklog(backlog)]),
    ...(live === null ? [] : decideLive(live)),
  ];
}

function decideLatency(rows: NonNullable<Measured['latency']>): Aim[] {
  const p50 = Math.max(...rows.map((row) => row.p50));
  const p99 = Math.max(...rows.map((row) => row.p99));
  const missing = rows.reduce((sum, row) => sum + row.missing, 0);
  return [
    { aim: 'p50 under 300 ms in every row', found: `${figure(p50, 'ms')} at the most`, isMet: p50 < 300 },
    { aim: 'p99 under 1 s in every row', found: `${figure(p99, 'ms')} at the most`, isMet: p99 < 1_000 },
    { aim: 'no form is missing', found: `${missing} missing`, isMet: missing === 0 },
  ];
}

function decideBacklog({ runs, raw }: NonNullable<Measured['backlog']>): Aim {
  const share = median(raw.map(({ cold }) => cold.seconds)) / median(runs.map(({ secondsLeading }) => secondsLeading));
  return { aim: "backlog at 60 % or more of the raw client's rate", found: percent(share), isMet: share >= 0.6 };
}

function decideLive(rows: LiveRow[]): Aim[] {
  const ours = rows.filter(({ name }) => name === FORMVAULT || name === STEADY);
  const workers = rows.filter(({ name }) => ![ALONE, FORMVAULT, STEADY].includes(name));
  const lag = Math.max(...ours.map(({ kept }) => kept?.lagSeconds ?? Number.NaN));
  const rateOf = (row: LiveRow): number => row.kept?.formsPerSecond ?? Number.NaN;
  return [
    { aim: 'lag under 2 s while the engine is saturated', found: `${figure(lag, 's')} at the most`, isMet: lag < 2 },
    ...ours.map(({ name, rounds }) => {
      const more = median(rounds.map(({ engineCpu }) => engineCpu)) - 1;
      const aim = `at most 15 % more engine CPU for each completion (${name})`;
      return { aim, found: percent(more), isMet: more <= 0.15 };
    }),
    ...workers.map((worker) => {
      const found = ours.map((row) => figure(rateOf(row))).join(' and ');
      return {
        aim: `more forms a second than: ${worker.name}`,
        found: `${found} against ${figure(rateOf(worker))}`,
        isMet: ours.every((row) => rateOf(row) > rateOf(worker)),
      };
    }),
    ...workers.map((worker) => {
      const found = ours.map((row) => figure(row.engineCpuMsPerForm)).join(' and ');
      return {
        aim: `less engine CPU for each form than: ${worker.name}`,
        found: `${found} ms against ${figure(worker.engineCpuMsPerForm, 'ms')}`,
        isMet: ours.every((row) => row.engineCpuMsPerForm < worker.engineCpuMsPerForm),
      };
    }),
    {
      aim: 'as many objects as completions',
      found: ours.map(({ kept, forms }) => `${kept?.objects} of ${forms}`).join(' and '),
      isMet: ours.every(({ kept, forms }) => kept?.objects === forms),
    },
  ];
}
