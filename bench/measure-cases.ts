/** How long a search for cases takes and how quick the index is built: embedded in a folder, and on PostgreSQL. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../dev/servers/postgres.ts';
import type { Visible } from '../src/access/visible.ts';
import type { CaseIndex, IndexEntry } from '../src/index/case-index.ts';
import { openCaseIndex } from '../src/index/open-case-index.ts';
import { parseCaseQuery } from '../src/index/parse-query.ts';
import { createLog } from '../src/observability/log.ts';
import { buildEntries, CASES_BUCKET, caseIdOf, INSTANCES_PER_CASE, instanceIdOf } from './cases-data.ts';
import { KINDS, PAGE_SIZE, type SearchKind } from './cases-queries.ts';
import { type CasePagesResult, measureCasePages } from './measure-case-pages.ts';
import { memoryMb } from './process-usage.ts';
import { BENCH_POSTGRES } from './servers.ts';
import { percentile } from './statistics.ts';

export type CasesSize = { submissions: number; cases: number; searches: number };

export type Times = { p50: number; p95: number };

export type SearchRow = {
  kind: string;
  example: string;
  /** Cases in the middle of the searches, for somebody who may see everything. */
  found: number;
  everything: Times;
  /** For somebody from whom thousands of process instances are hidden. */
  hidden: Times;
};

export type CasesDatabase = {
  name: string;
  /** Entries written as a reindex writes them. */
  putsPerSecond: number;
  /** The same again: nothing changes. */
  putsAgainPerSecond: number;
  finishSeconds: number;
  /** One entry, as it comes from the feed. */
  onePut: Times;
  searches: SearchRow[];
  oneCase: Times;
  sizeMb: number;
  /** Of this process, which has the embedded database in it: before it was opened, and at the end. */
  memoryMb: { before: number; after: number };
};

export type CasesResult = CasesSize & {
  instances: number;
  hiddenInstances: number;
  /** Made from body and metadata, before anything is written. */
  entriesPerSecond: number;
  databases: CasesDatabase[];
  site: CasePagesResult;
};

const BATCH = 500;
const LIVE_PUTS = 200;
const ENTRIES_TIMED = 5_000;

export async function measureCases(size: CasesSize, signal: AbortSignal): Promise<CasesResult> {
  const hidden = hiddenInstances(size.cases);
  return {
    ...size,
    instances: size.cases * INSTANCES_PER_CASE,
    hiddenInstances: hidden.length,
    entriesPerSecond: await rate(ENTRIES_TIMED, async () => {
      for (const _entry of buildEntries(ENTRIES_TIMED, size.cases));
    }),
    databases: [await measureEmbedded(size), await measurePostgres(size)],
    site: await measureCasePages(size, signal),
  };
}

async function measureEmbedded(size: CasesSize): Promise<CasesDatabase> {
  const dataDir = mkdtempSync(join(tmpdir(), 'formvault-bench-cases-'));
  try {
    const sizeMb = async () => folderMb(join(dataDir, 'index', 'base'));
    return await measureIndex('PGlite', { databaseUrl: null, dataDir }, size, sizeMb);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
}

async function measurePostgres(size: CasesSize): Promise<CasesDatabase> {
  const server = await startPostgres(BENCH_POSTGRES);
  const client = new pg.Client(server.url);
  try {
    await client.connect();
    const sizeMb = async () => {
      const { rows } = await client.query('select pg_database_size(current_database()) as bytes');
      return Number(rows[0].bytes) / 2 ** 20;
    };
    const name = `PostgreSQL ${server.majorVersion}`;
    return await measureIndex(name, { databaseUrl: server.url, dataDir: '' }, size, sizeMb);
  } finally {
    await client.end();
    await server.stop();
  }
}

async function measureIndex(
  name: string,
  place: { databaseUrl: string | null; dataDir: string },
  size: CasesSize,
  sizeMb: () => Promise<number>,
): Promise<CasesDatabase> {
  const before = memoryMb(process.pid);
  const log = createLog({ level: 'warn' });
  const { index } = await openCaseIndex({ ...place, log, signal: new AbortController().signal });
  try {
    const run = await index.beginReindex();
    const putsPerSecond = await putAll(run.put, size);
    const putsAgainPerSecond = await putAll(run.put, size);
    const finishSeconds = 1 / (await rate(1, () => run.finish([CASES_BUCKET])));
    const onePut = await measureOnePut(index, size);
    const searches: SearchRow[] = [];
    for (const kind of KINDS) searches.push(await measureSearch(index, kind, size));
    const oneCase = await timed(size.searches, (number) =>
      index.findSubmissions(caseIdOf((number * 37) % size.cases), 'everything'),
    );
    const after = memoryMb(process.pid);
    const usage = { sizeMb: await sizeMb(), memoryMb: { before, after } };
    return { name, putsPerSecond, putsAgainPerSecond, finishSeconds, onePut, searches, oneCase, ...usage };
  } finally {
    await index.close();
  }
}

/** Entries a second, without the time it takes to make them. */
async function putAll(put: (entries: IndexEntry[]) => Promise<void>, size: CasesSize): Promise<number> {
  let seconds = 0;
  let batch: IndexEntry[] = [];
  const write = async (): Promise<void> => {
    const startedAt = performance.now();
    await put(batch);
    seconds += (performance.now() - startedAt) / 1000;
    batch = [];
  };
  for (const entry of buildEntries(size.submissions, size.cases)) {
    batch.push(entry);
    if (batch.length === BATCH) await write();
  }
  await write();
  return size.submissions / seconds;
}

/** Of new submissions, in cases that are there. */
async function measureOnePut(index: CaseIndex, { cases }: CasesSize): Promise<Times> {
  const entries = [...buildEntries(LIVE_PUTS, cases)];
  return timed(LIVE_PUTS, async (number) => {
    const entry = entries[number];
    if (entry !== undefined) await index.put([{ ...entry, key: entry.key.replace('.json', '-c0ffee12.json') }]);
  });
}

async function measureSearch(index: CaseIndex, kind: SearchKind, size: CasesSize): Promise<SearchRow> {
  const found: number[] = [];
  const search = (visible: Visible) => async (number: number) => {
    const page = { number: Math.floor(kind.page?.(size.cases) ?? 0), size: PAGE_SIZE };
    const { total } = await index.searchCases(parseCaseQuery(kind.query(number, size.cases)), visible, page);
    if (visible === 'everything') found.push(total);
  };
  const hidden = { instances: { allExcept: hiddenInstances(size.cases) }, tenants: [] };
  const everything = await timed(size.searches, search('everything'));
  return {
    kind: kind.name,
    example: kind.query(0, size.cases),
    found: percentile(found, 50),
    everything,
    hidden: await timed(size.searches, search(hidden)),
  };
}

/** One of each second case: a sixth of all. */
function hiddenInstances(cases: number): string[] {
  const numbers = Array.from({ length: Math.floor(cases / 2) }, (_, index) => index);
  return numbers.map((number) => instanceIdOf(number * 2, number % INSTANCES_PER_CASE));
}

export async function timed(times: number, ask: (number: number) => Promise<unknown>): Promise<Times> {
  const durations: number[] = [];
  for (let number = 0; number < times; number++) {
    const startedAt = performance.now();
    await ask(number);
    durations.push(performance.now() - startedAt);
  }
  return { p50: percentile(durations, 50), p95: percentile(durations, 95) };
}

export async function rate(things: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (things * 1000) / (performance.now() - startedAt);
}

function folderMb(dir: string): number {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0) / 2 ** 20;
}
