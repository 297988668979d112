/**
 * Cases from the vault to the reader: objects in S3, `formvault reindex` over them, then the pages of a Formvault that has this
 * index, for somebody who signed in.
 */
import { rmSync } from 'node:fs';
import { newScratchDir } from '../dev/servers/cache.ts';
import { findFreePort } from '../dev/servers/free-port.ts';
import { startOidcProvider } from '../dev/servers/oidc-provider.ts';
import { startPostgres } from '../dev/servers/postgres.ts';
import { createS3ObjectStore } from '../src/object-store/s3-object-store.ts';
import { buildObjects, CASES_BUCKET, CASES_ENVIRONMENT, type CaseObject, caseIdOf, vocabulary } from './cases-data.ts';
import { type RunningFormvault, startCommand, startFormvault } from './formvault-process.ts';
import { createHttpConnection } from './http-connection.ts';
import { type CasesSize, rate, type Times, timed } from './measure-cases.ts';
import { cpuSeconds, memoryMb, peakMemoryMb } from './process-usage.ts';
import { BENCH_POSTGRES, type Servers, withServers } from './servers.ts';
import { signInByForm } from './sign-in.ts';
import { conventionVariables } from './site-visit.ts';
import { CONCURRENCY } from './sizes.ts';

export type CasePagesResult = {
  objects: number;
  engineCases: number;
  /** Formvault's S3 client alone, as many at a time as a reindex, in this process: the ceiling. */
  rawReadsPerSecond: number;
  databases: CasePagesDatabase[];
};

export type CasePagesDatabase = {
  name: string;
  /** From the start of the process to its end. */
  reindexSeconds: number;
  reindexCpuSeconds: number;
  reindexPeakMb: number;
  /** From the click to the last byte. */
  pages: { page: string; times: Times }[];
  /** Of the serving process: just started, and after all pages. */
  memoryMb: { before: number; after: number };
};

type Place = { name: string; settings: Record<string, string>; end(): Promise<void> };

const LOOK_EVERY_MS = 50;
const PERSON = 'anna';
/** As `formvault reindex` does. */
const REINDEX_READS = 64;
const MAX_BYTES = 8 * 1024 * 1024;
const RAW_READS = 20_000;

export async function measureCasePages(size: CasesSize, signal: AbortSignal): Promise<CasePagesResult> {
  return withServers(signal, async (servers) => {
    const engineCases = Math.min(size.searches, size.cases);
    await servers.createBucket(CASES_BUCKET);
    const keys = await writeObjects(servers, size);
    const rawReadsPerSecond = await readRaw(servers, keys.slice(0, RAW_READS));
    await startInstances(servers, engineCases);
    const forms = firstKeys(size, engineCases);
    const databases: CasePagesDatabase[] = [];
    for (const open of [embedded, postgres]) {
      const place = await open();
      try {
        databases.push(await measureOn(place, servers, { ...size, engineCases, forms }));
      } finally {
        await place.end();
      }
    }
    return { objects: size.submissions, engineCases, rawReadsPerSecond, databases };
  });
}

async function embedded(): Promise<Place> {
  const dataDir = newScratchDir('bench-cases');
  return {
    name: 'PGlite',
    settings: { DATA_DIR: dataDir },
    end: async () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

async function postgres(): Promise<Place> {
  const server = await startPostgres(BENCH_POSTGRES);
  return { name: 'PostgreSQL', settings: { DATABASE_URL: server.url }, end: () => server.stop() };
}

async function writeObjects(servers: Servers, { submissions, cases }: CasesSize): Promise<string[]> {
  const keys: string[] = [];
  const store = storeOf(servers, CONCURRENCY);
  const objects: Iterator<CaseObject> = buildObjects(submissions, cases);
  const writeSome = async (): Promise<void> => {
    for (let next = objects.next(); next.done !== true; next = objects.next()) {
      const { key, metadata, body } = next.value;
      const object = { bucket: CASES_BUCKET, key, body: Buffer.from(body), contentType: 'application/json', metadata };
      await store.putIfAbsent(object, servers.signal);
      keys.push(key);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, writeSome));
    return keys;
  } finally {
    store.close();
  }
}

async function readRaw(servers: Servers, keys: string[]): Promise<number> {
  const store = storeOf(servers, REINDEX_READS);
  let next = 0;
  const readSome = async (): Promise<void> => {
    for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
      const part = { from: 0, maxBytes: MAX_BYTES };
      if ((await store.getPart(CASES_BUCKET, key, part, servers.signal)) === null) throw new Error('an object is gone');
    }
  };
  try {
    return await rate(keys.length, () => Promise.all(Array.from({ length: REINDEX_READS }, readSome)));
  } finally {
    store.close();
  }
}

function storeOf({ s3 }: Servers, maxConnections: number) {
  return createS3ObjectStore({ ...s3, forcePathStyle: true, maxConnections }, { credentials: s3 });
}

/** The key of a form in each of the first cases. */
function firstKeys({ submissions, cases }: CasesSize, count: number): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { caseId, key } of buildObjects(submissions, cases)) {
    if (keys.size === count) break;
    keys.set(caseId, key);
  }
  return keys;
}

/** What the engine knows of a case: two process instances that are over, and one with an open task. */
async function startInstances({ load }: Servers, engineCases: number): Promise<void> {
  for (let number = 0; number < engineCases; number++) {
    const variables = conventionVariables(number);
    await load.submit('bench_form', caseIdOf(number), variables);
    await load.submit('bench_form', caseIdOf(number), variables);
    await load.submit('bench_form_then_wait', caseIdOf(number), variables);
  }
}

async function measureOn(
  { name, settings }: Place,
  servers: Servers,
  size: CasesSize & { engineCases: number; forms: Map<string, string> },
): Promise<CasePagesDatabase> {
  const reindexed = await measureReindex(servers, settings, size.submissions);
  const port = await findFreePort();
  const site = `http://127.0.0.1:${port}`;
  const oidc = await startOidcProvider({ redirectUris: [`${site}/sign-in/callback`] });
  try {
    const formvault = await startFormvault(servers, {
      name: `cases-${name.toLowerCase()}`,
      environment: CASES_ENVIRONMENT,
      until: 'ready',
      settings: {
        ...settings,
        ROLES: 'feed,worker,web',
        PORT: String(port),
        OIDC_ISSUER: oidc.url,
        OIDC_CLIENT_ID: oidc.clientId,
        OIDC_CLIENT_SECRET: oidc.clientSecret ?? '',
      },
    });
    try {
      return { name, ...reindexed, ...(await measurePages(formvault, size, servers.signal)) };
    } finally {
      await formvault.stop();
    }
  } finally {
    await oidc.stop();
  }
}

async function measureReindex(servers: Servers, settings: Record<string, string>, submissions: number) {
  const startedAt = performance.now();
  const command = await startCommand(servers, 'reindex', { environment: CASES_ENVIRONMENT, settings });
  let [cpu, peakMb] = [0, 0];
  const watch = setInterval(() => {
    if (command.hasExited()) return;
    try {
      const peakNow = peakMemoryMb(command.pid);
      if (Number.isFinite(peakNow)) [cpu, peakMb] = [cpuSeconds(command.pid), peakNow];
    } catch {
      // it has just ended
    }
  }, LOOK_EVERY_MS);
  const exitCode = await command.exited;
  clearInterval(watch);
  const said = command.lastLogLines(1);
  if (exitCode !== 0 || !said.replaceAll(/\D/g, '').includes(String(submissions))) {
    throw new Error(`reindex ended with ${exitCode}: ${said}`);
  }
  return {
    reindexSeconds: (performance.now() - startedAt) / 1000,
    reindexCpuSeconds: cpu,
    reindexPeakMb: peakMb,
  };
}

async function measurePages(
  { pid, url }: RunningFormvault,
  { searches, cases, engineCases, forms }: CasesSize & { engineCases: number; forms: Map<string, string> },
  signal: AbortSignal,
): Promise<Pick<CasePagesDatabase, 'pages' | 'memoryMb'>> {
  const before = memoryMb(pid);
  const cookie = await signInByForm(url, PERSON, signal);
  const connection = createHttpConnection();
  const read = async (path: string, mustShow: string): Promise<void> => {
    const { status, text } = await connection.request('GET', `${url}${path}`, { headers: { Cookie: cookie }, signal });
    if (status !== 200 || !text.includes(mustShow)) throw new Error(`${path} was answered with ${status}`);
  };
  const known = (number: number): string => caseIdOf(number % engineCases);
  const unknown = (number: number): string => caseIdOf(engineCases + (number % (cases - engineCases)));
  const kinds: { page: string; ask: (number: number) => Promise<void> }[] = [
    { page: 'all cases', ask: () => read('/cases', 'BF-2026') },
    { page: 'search: a common word', ask: (number) => read(`/cases?query=${vocabulary[60 + number]}`, 'BF-2026') },
    {
      page: 'a case: three process instances in the engine',
      ask: (number) => read(`/cases/${known(number)}`, known(number)),
    },
    { page: 'a case: from the vault alone', ask: (number) => read(`/cases/${unknown(number)}`, unknown(number)) },
    { page: 'a whole case, to print', ask: (number) => read(`/cases/${known(number)}/print`, known(number)) },
    {
      page: 'a form',
      ask(number) {
        const key = encodeURIComponent(forms.get(known(number)) ?? '');
        return read(`/cases/${known(number)}/submission?key=${key}`, known(number));
      },
    },
  ];
  const pages: CasePagesDatabase['pages'] = [];
  for (const { page, ask } of kinds) pages.push({ page, times: await timed(searches, ask) });
  connection.close();
  return { pages, memoryMb: { before, after: memoryMb(pid) } };
}
