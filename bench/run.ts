/** `make bench`: measures Formvault on this machine, beside the raw S3 client and beside workers written by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decideSoak } from './aims.ts';
import { replaceMeasured } from './markdown.ts';
import { measureBacklog } from './measure-backlog.ts';
import { measureCases } from './measure-cases.ts';
import { measureFailures } from './measure-failures.ts';
import { measureLatency } from './measure-latency.ts';
import { measureLive } from './measure-live.ts';
import { measureSoak } from './measure-soak.ts';
import { databaseOf, type Measured, PARTS, type Part } from './measured.ts';
import type { HotFunction } from './profile.ts';
import { renderParts } from './report.ts';
import { describeMachine, loadOfMachine, withServers } from './servers.ts';
import { FULL, QUICK } from './sizes.ts';

const USAGE = `usage: node bench/run.ts [--quick] [--only PART [--minutes M]] [--write] [--profile]

  --quick    small counts: to try the programme, not to quote figures
  --only     one part: ${PARTS.join(', ')}; soak is measured only when it is asked for
  --minutes  how long soak takes (30)
  --write    put the tables of what is measured into docs/PERFORMANCE.md
  --profile  one more backlog run with a CPU profile of Formvault`;

const DOCUMENT = join(import.meta.dirname, '..', 'docs', 'PERFORMANCE.md');

async function main(): Promise<number> {
  const options = parseOptions();
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort()).once('SIGTERM', () => interruption.abort());
  const { signal } = interruption;
  try {
    const measured = await measure(options, signal);
    const parts = renderParts(measured);
    if (measured.backlog?.profile) console.log(renderProfile(measured.backlog.profile));
    console.log(parts.map(({ part, text }) => `## ${part}\n\n${text}`).join('\n\n'));
    if (options.write) {
      const document = readFileSync(DOCUMENT, 'utf8');
      writeFileSync(
        DOCUMENT,
        parts.reduce((written, { part, text }) => replaceMeasured(written, part, text), document),
      );
    }
    return measured.soak === undefined || decideSoak(measured.soak).every(({ isMet }) => isMet) ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('interrupted; everything is stopped');
    return 130;
  }
}

type Options = { quick: boolean; only: Part | null; minutes: number | null; write: boolean; profile: boolean };

function parseOptions(): Options | null {
  try {
    const flag = { type: 'boolean', default: false } as const;
    const { values } = parseArgs({
      options: {
        quick: flag,
        only: { type: 'string' },
        minutes: { type: 'string' },
        write: flag,
        profile: flag,
        help: flag,
      },
    });
    const only = PARTS.find((part) => part === values.only) ?? null;
    const minutes = values.minutes === undefined ? null : Number(values.minutes);
    if (values.help || (values.only !== undefined && only === null)) return null;
    if (minutes !== null && (only !== 'soak' || !(minutes > 0))) return null;
    return { quick: values.quick, only, minutes, write: values.write, profile: values.profile };
  } catch {
    return null;
  }
}

async function measure({ quick, only, minutes, profile }: Options, signal: AbortSignal): Promise<Measured> {
  const sizes = quick ? QUICK : FULL;
  const isWanted = (part: Part): boolean => (only === null ? part !== 'soak' : only === part);
  const loadAtStart = loadOfMachine();
  const measured: Measured = { isQuick: quick, machines: {} };
  for (const database of new Set(PARTS.filter(isWanted).map(databaseOf))) {
    const machine = await withServers(signal, (servers) => describeMachine(servers, loadAtStart), { database });
    for (const line of machine) console.error(line);
    measured.machines[database] = machine;
  }
  if (isWanted('backlog')) measured.backlog = await measureBacklog(sizes, { profile }, signal);
  if (isWanted('latency')) measured.latency = await measureLatency(sizes, signal);
  if (isWanted('live')) measured.live = await measureLive(sizes, databaseOf('live'), signal);
  if (isWanted('live-postgresql')) {
    measured.livePostgresql = await measureLive(sizes, databaseOf('live-postgresql'), signal);
  }
  if (isWanted('failures')) measured.failures = await measureFailures(sizes, signal);
  if (isWanted('cases')) measured.cases = await measureCases(sizes.cases, signal);
  if (isWanted('soak')) {
    measured.soak = await measureSoak({ minutes: minutes ?? sizes.soak.minutes, isQuick: quick }, signal);
  }
  return measured;
}

function renderProfile({ file, functions }: { file: string; functions: HotFunction[] }): string {
  const lines = functions.map(({ name, selfMs, share }) => {
    return `${(share * 100).toFixed(1).padStart(5)} %  ${selfMs.toFixed(0).padStart(6)} ms  ${name}`;
  });
  return [`Profile of the backlog run, self time (${file}):`, ...lines, ''].join('\n');
}

process.exitCode = await main();
