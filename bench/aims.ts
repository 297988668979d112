/** The aims that were set before anything was measured, and what became of them. */
import { CONTROL } from './keepers.ts';
import { figure, percent } from './markdown.ts';
import { sharesOfRaw } from './measure-backlog.ts';
import type { CasesResult } from './measure-cases.ts';
import type { FailuresResult } from './measure-failures.ts';
import { ALONE, type LiveResult, type LiveRow, STEADY } from './measure-live.ts';
import type { SoakResult } from './measure-soak.ts';
import type { Measured, Part } from './measured.ts';
import { OUTAGE_LIMIT } from './sizes.ts';
import { median } from './statistics.ts';

export type Aim = { aim: string; found: string; isMet: boolean };

const FORMVAULT = 'Formvault';

/** Those of one part; none where it was not measured. */
export function decideAims(part: Part, measured: Measured): Aim[] {
  const { latency, backlog, live, livePostgresql, failures, cases, soak } = measured;
  switch (part) {
    case 'latency':
      return latency === undefined ? [] : decideLatency(latency.filter(({ keeper }) => keeper.startsWith(FORMVAULT)));
    case 'backlog':
      return backlog === undefined ? [] : [decideBacklog(backlog)];
    case 'live':
      return live === undefined ? [] : decideLive(live);
    case 'live-postgresql':
      return livePostgresql === undefined ? [] : decideLive(livePostgresql);
    case 'failures':
      return failures === undefined ? [] : decideFailures(failures);
    case 'cases':
      return cases === undefined ? [] : decideCases(cases);
    case 'soak':
      return soak === undefined ? [] : decideSoak(soak);
    default:
      return part satisfies never;
  }
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

function decideBacklog(backlog: NonNullable<Measured['backlog']>): Aim {
  const share = median(sharesOfRaw(backlog));
  return { aim: "backlog at 60 % or more of the raw client's rate", found: percent(share), isMet: share >= 0.6 };
}

function decideLive({ shared: rows, apart }: LiveResult): Aim[] {
  const oursOf = (of: LiveRow[]) => of.filter(({ name }) => name === FORMVAULT || name === STEADY);
  const ours = oursOf(rows);
  const workers = rows.filter(({ name }) => ![ALONE, FORMVAULT, STEADY, CONTROL].includes(name));
  const lag = Math.max(...ours.map(({ kept }) => kept?.lagSeconds ?? Number.NaN));
  const rateOf = (row: LiveRow): number => row.kept?.formsPerSecond ?? Number.NaN;
  return [
    { aim: 'lag under 2 s while the engine is saturated', found: `${figure(lag, 's')} at the most`, isMet: lag < 2 },
    ...oursOf(apart ?? rows).flatMap(({ name, rounds }) => {
      const row = `${name}; ${apart === null ? 'cores shared' : 'engine on its own core'}`;
      const atMost = (aim: string, more: number): Aim => ({ aim, found: percent(more), isMet: more <= 0.15 });
      return [
        atMost(
          `at most 15 % more engine CPU for each completion: by what it does for Formvault (${row})`,
          median(rounds.map(({ asked }) => asked)),
        ),
        atMost(
          `the same by the whole engine, beside the runs alone (${row})`,
          median(rounds.map(({ engineCpu }) => engineCpu)) - 1,
        ),
      ];
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

function decideFailures({ outage: { forms, missing, extra, mostIncidents } }: FailuresResult): Aim[] {
  return [
    keptOnce('every form of the outage is kept once', forms, missing, extra),
    {
      aim: `at most ${OUTAGE_LIMIT} incidents stand in the outage`,
      found: `${mostIncidents} at the most`,
      isMet: mostIncidents <= OUTAGE_LIMIT,
    },
  ];
}

function decideCases({ submissions, databases, site }: CasesResult): Aim[] {
  const slowestSearch = databases.map(({ name, searches }) => {
    const kinds = searches.flatMap(({ kind, everything, hidden }) => [
      { kind, p95: everything.p95 },
      { kind, p95: hidden.p95 },
    ]);
    return { name, ...slowest(kinds) };
  });
  const slowestPage = site.databases.map(({ name, pages }) => {
    const cases = pages.filter(({ page }) => page.startsWith('a case'));
    return { name, ...slowest(cases.map(({ page, times }) => ({ kind: page, p95: times.p95 }))) };
  });
  return [
    ...slowestSearch.map(({ name, kind, p95 }) => ({
      aim: `search p95 under 50 ms for every kind (${name})`,
      found: `${figure(p95, 'ms')} at the most (${kind})`,
      isMet: p95 < 50,
    })),
    ...slowestPage.map(({ name, kind, p95 }) => ({
      aim: `case page p95 under 150 ms (${name})`,
      found: `${figure(p95, 'ms')} at the most (${kind})`,
      isMet: p95 < 150,
    })),
    ...site.databases
      .filter(({ name }) => name.startsWith('PostgreSQL'))
      .map(({ name, reindexSeconds }) => {
        const rate = submissions / reindexSeconds;
        return { aim: `reindex above 1,000 a second (${name})`, found: figure(rate), isMet: rate > 1_000 };
      }),
  ];
}

function slowest(kinds: { kind: string; p95: number }[]): { kind: string; p95: number } {
  return kinds.reduce((most, kind) => (kind.p95 > most.p95 ? kind : most), { kind: '', p95: Number.NEGATIVE_INFINITY });
}

export function decideSoak({ forms, missing, extra, incidentsLeft }: SoakResult): Aim[] {
  return [
    keptOnce('every form is kept once', forms, missing, extra),
    { aim: 'no incident is left', found: `${incidentsLeft} left`, isMet: incidentsLeft === 0 },
  ];
}

function keptOnce(aim: string, forms: number, missing: number, extra: number): Aim {
  const found = `${forms - missing} of ${forms}, ${extra} objects more`;
  return { aim, found, isMet: missing === 0 && extra === 0 };
}
