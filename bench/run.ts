/** `make bench`: measures Formvault on this machine, beside the raw S3 client and beside workers written by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceMeasured } from './markdown.ts';
import { measureBacklog } from './measure-backlog.ts';
import { measureLatency } from './measure-latency.ts';
import { measureLive } from './measure-live.ts';
import type { Measured } from './measured.ts';
import type { HotFunction } from './profile.ts';
import { renderReport } from './report.ts';
import { describeMachine, loadOfMachine, withServers } from './servers.ts';
import { FULL, QUICK } from './sizes.ts';

const USAGE = `usage: node bench/run.ts [--quick] [--only latency|backlog|live] [--write] [--profile]

  --quick    small counts: to try the programme, not to quote figures
  --only     one part
  --write    put the tables into docs/PERFORMANCE.md (needs all parts)
  --profile  one more backlog run with a CPU profile of Formvault`;

const PARTS = ['backlog', 'latency', 'live'] as const;
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
    const report = renderReport(measured);
    if (measured.backlog?.profile) console.log(renderProfile(measured.backlog.profile));
    console.log(report);
    if (options.write) writeFileSync(DOCUMENT, replaceMeasured(readFileSync(DOCUMENT, 'utf8'), report));
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('interrupted; everything is stopped');
    return 130;
  }
}

type Options = { quick: boolean; only: (typeof PARTS)[number] | null; write: boolean; profile: boolean };

function parseOptions(): Options | null {
  try {
    const flag = { type: 'boolean', default: false } as const;
    const { values } = parseArgs({
      options: { quick: flag, only: { type: 'string' }, write: flag, profile: flag, help: flag },
    });
    const only = PARTS.find((part) => part === values.only) ?? null;
    if (values.help || (values.only !== undefined && only === null) || (values.write && only !== null)) return null;
    return { quick: values.quick, only, write: values.write, profile: values.profile };
  } catch {
    return null;
  }
}

async function measure({ quick, only, profile }: Options, signal: AbortSignal): Promise<Measured> {
  const sizes = quick ? QUICK : FULL;
  const isWanted = (part: (typeof PARTS)[number]): boolean => only === null || only === part;
  const loadAtStart = loadOfMachine();
  const machine = await withServers(signal, (servers) => describeMachine(servers, loadAtStart));
  for (const line of machine) console.error(line);
  return {
    isQuick: quick,
    machine,
    backlog: isWanted('backlog') ? await measureBacklog(sizes, { profile }, signal) : null,
    latency: isWanted('latency') ? await measureLatency(sizes, signal) : null,
    live: isWanted('live') ? await measureLive(sizes, signal) : null,
  };
}

function renderProfile({ file, functions }: { file: string; functions: HotFunction[] }): string {
  const lines = functions.map(({ name, selfMs, share }) => {
    return `${(share * 100).toFixed(1).padStart(5)} %  ${selfMs.toFixed(0).padStart(6)} ms  ${name}`;
  });
  return [`Profile of the backlog run, self time (${file}):`, ...lines, ''].join('\n');
}

process.exitCode = await main();
