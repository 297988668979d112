import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type RunningPostgres, startPostgres } from '../../dev/servers/postgres.ts';
import { createEnvironmentBuckets } from '../../src/cases/environment-buckets.ts';
import { createIndexKeeper, type IndexKeeper } from '../../src/cases/index-keeper.ts';
import { createLivingIndex } from '../../src/cases/living-index.ts';
import { reindex } from '../../src/cases/reindex.ts';
import { serveReindexRequests } from '../../src/cases/reindex-request.ts';
import { tellOfKept } from '../../src/cases/tell-of-kept.ts';
import type { CaseIndex, IndexEntry } from '../../src/index/case-index.ts';
import { entryOf, isSubmissionKey } from '../../src/index/index-entry.ts';
import { openCaseIndex } from '../../src/index/open-case-index.ts';
import type { ObjectStore } from '../../src/object-store/object-store.ts';
import { createS3ObjectStore } from '../../src/object-store/s3-object-store.ts';
import { encodeMetadata, submissionKey } from '../../src/vault/object-layout.ts';
import { createRememberingLog } from '../support/builders-log.ts';
import { eventually } from '../support/eventually.ts';
import { runCommand, startCommand } from '../support/run-command.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const SLOW = { withinMs: 60_000 };

const { signal } = new AbortController();
const maker = { entryOf, isSubmissionKey };

let postgres: RunningPostgres;
let world: World;
let store: ObjectStore;
let dataDir: string;
let ends: (() => Promise<unknown>)[];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

beforeEach(async () => {
  world = createWorld();
  const { endpoint, region, accessKeyId, secretAccessKey } = testServers().s3;
  store = createS3ObjectStore(
    { endpoint, region, forcePathStyle: true, maxConnections: 40 },
    { credentials: { accessKeyId, secretAccessKey } },
  );
  await store.createBucket(world.bucket, signal);
  dataDir = await mkdtemp(join(tmpdir(), 'formvault-'));
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  store.close();
  await rm(dataDir, { recursive: true });
  await world.end();
});

const places = ['PostgreSQL', 'the embedded database'] as const;
type PlaceName = (typeof places)[number];

/** Settings that lead to an index of this kind. */
function settingsOf(place: PlaceName) {
  return place === 'PostgreSQL' ? { databaseUrl: postgres.url, dataDir } : { databaseUrl: null, dataDir };
}

async function openIndex(settings: { databaseUrl: string | null; dataDir: string }): Promise<CaseIndex> {
  const { index } = await openCaseIndex({ ...settings, log: createRememberingLog(), signal });
  ends.push(() => index.close());
  return index;
}

/** A living index with its keeper, as a service has them; `stop` waits until both have ended. */
function startKeeper(settings: { databaseUrl: string | null; dataDir: string }) {
  const log = createRememberingLog();
  const living = createLivingIndex({ open: () => openCaseIndex({ ...settings, log, signal }), log });
  const known = [world.bucket];
  const buckets = createEnvironmentBuckets({
    store,
    environment: world.environment,
    defaultProduct: 'cop-case',
    known,
    log,
  });
  const keeper = createIndexKeeper({ store, living, maker, buckets, log });
  const stop = new AbortController();
  const running = keeper.run({ stop: stop.signal, abort: new AbortController().signal });
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
    await living.index.close();
  };
  ends.push(end);
  return { living, buckets, keeper, stop: end };
}

const caseOf = (each: number): string => `${world.environment}-case-${each % 50}`;

/** The embedded database takes seconds to begin. */
function untilFresh(keeper: IndexKeeper): Promise<void> {
  return eventually(async () => expect(keeper.state().state).toBe('fresh'), SLOW);
}

/** As the pipeline writes it; `each` makes it a submission of its own. */
async function persist(each: number, through = store, bucket = world.bucket): Promise<void> {
  const submittedAtMs = Date.parse('2026-11-21T08:00:00Z') + each * 1000;
  const place = { tenantId: null, caseId: caseOf(each), formName: 'site-visit', submittedBy: 'anna' };
  const submissionDate = new Date(submittedAtMs).toISOString();
  const metadata = encodeMetadata({
    processInstanceId: `instance-${each % 70}`,
    processDefinitionId: 'site-visit:2:f64b29c4',
    formId: null,
    formVersionId: null,
    name: 'site-visit',
    title: 'Besuch der Baustelle – größer',
    submittedBy: 'anna',
    submissionDate,
    businessKey: place.caseId,
    digest: String(each).padStart(64, '0'),
    source: `task/${each}`,
    taskId: `${each}`,
    activityId: 'describeSite',
    tenantId: null,
  });
  const body = JSON.stringify({ data: { city: 'Oslo', note: `word${each}` }, form: { name: 'site-visit' } });
  const object = {
    bucket,
    key: submissionKey({ ...place, submittedAtMs }),
    body,
    contentType: 'application/json',
    metadata,
  };
  await through.putIfAbsent(object, signal);
}

async function persistMany(count: number): Promise<void> {
  for (let at = 0; at < count; at += 32) {
    await Promise.all(Array.from({ length: Math.min(32, count - at) }, (_, each) => persist(at + each)));
  }
}

async function rowsOf(index: CaseIndex): Promise<IndexEntry[]> {
  const rows: IndexEntry[] = [];
  for await (const row of index.rows()) if (row.bucket.startsWith(world.environment)) rows.push(row);
  return rows;
}

function build(index: CaseIndex) {
  return reindex({ store, index, maker, concurrency: 16, onProgress: () => undefined }, [world.bucket], signal);
}

const commandEnv = (place: PlaceName): Record<string, string> => ({
  ENVIRONMENT: world.environment,
  DATA_DIR: dataDir,
  ...(place === 'PostgreSQL' ? { DATABASE_URL: postgres.url } : {}),
});

describe.each(places)('the index on %s', (place) => {
  test('has a submission within a second of its being kept, and built from nothing it is the same, row by row', async () => {
    const { keeper, living } = startKeeper(settingsOf(place));
    await untilFresh(keeper);
    const told = tellOfKept(store, keeper.note);
    for (let each = 0; each < 60; each++) await persist(each, told);
    const keptMs = performance.now();
    await persist(60, told);
    await eventually(async () => expect(await rowsOf(living.index)).toHaveLength(61));
    expect(performance.now() - keptMs).toBeLessThan(1_000);

    const other = await openIndex({ databaseUrl: null, dataDir: join(dataDir, 'other') });
    await expect(build(other)).resolves.toMatchObject({ submissions: 61, leftOut: { count: 0 } });
    const live = await rowsOf(living.index);
    expect(await rowsOf(other)).toEqual(live);
  });

  test('is built by the command, which is killed half-way and goes on', async () => {
    await persistMany(800);
    await world.vault.put(world.bucket, 'CASE-1/old form/bob-20200102T030405.json', '{"form":{"name":"old form"}}');
    const command = await startCommand(['reindex'], commandEnv(place));
    if (place === 'PostgreSQL') {
      const index = await openIndex(settingsOf(place));
      await eventually(async () => expect((await rowsOf(index)).length).toBeGreaterThan(0), SLOW);
      command.signal('SIGKILL');
      await command.exited;
      expect((await rowsOf(index)).length).toBeLessThan(801);
    } else {
      await eventually(async () => expect(existsSync(join(dataDir, 'index'))).toBe(true), SLOW);
      command.signal('SIGKILL');
      await command.exited;
    }

    const { exitCode, said } = await runCommand(['reindex'], commandEnv(place));
    expect(said).toContain('801 submissions in 1 buckets are in the index; 0 that are gone were taken out');
    expect(exitCode).toBe(0);
    const rows = await rowsOf(await openIndex(settingsOf(place)));
    expect(rows).toHaveLength(801);
    expect(rows.find(({ formName }) => formName === 'old form')).toMatchObject({ submittedBy: 'bob', digest: null });
  });

  test('is searched while it is built again', async () => {
    await persistMany(50);
    const index = await openIndex(settingsOf(place));
    await build(index);
    const counts = new Set<number>();
    let isBuilt = false;
    const building = build(index).finally(() => {
      isBuilt = true;
    });
    while (!isBuilt) counts.add((await index.findSubmissions(caseOf(7), 'everything')).length);
    await building;
    expect(counts).toEqual(new Set([1]));
  });
});

test('several services on one PostgreSQL keep one index', async () => {
  await persistMany(300);
  const services = [startKeeper(settingsOf('PostgreSQL')), startKeeper(settingsOf('PostgreSQL'))];
  const stores = services.map(({ keeper }) => tellOfKept(store, keeper.note));
  await Promise.all(Array.from({ length: 100 }, (_, each) => persist(1_000 + each, stores[each % 2])));
  await eventually(async () => {
    for (const { living } of services) expect(await rowsOf(living.index)).toHaveLength(400);
  }, SLOW);
  for (const { keeper } of services) await untilFresh(keeper);
});

describe('the embedded database', () => {
  test('that a service holds is built again by the service, as the command asks it to', async () => {
    await persistMany(40);
    const { living, buckets, keeper } = startKeeper(settingsOf('the embedded database'));
    await untilFresh(keeper);
    const gone = { ...(await rowsOf(living.index))[0], key: 'CASE-1/gone/anna-20260101T000000.json' } as IndexEntry;
    await living.index.put([gone]);
    const stop = new AbortController();
    const serving = serveReindexRequests(
      {
        dataDir,
        async reindex(onProgress, ending) {
          const from = { store, index: living.index, maker, concurrency: 8, onProgress };
          return reindex(from, await buckets.list(ending), ending);
        },
        log: createRememberingLog(),
      },
      stop.signal,
    );
    const { exitCode, said } = await runCommand(['reindex'], commandEnv('the embedded database'));
    stop.abort();
    await serving;
    expect(said).toContain('a service holds the embedded database');
    expect(said).toContain('40 submissions in 1 buckets are in the index; 1 that are gone were taken out');
    expect(exitCode).toBe(0);
  });

  test('that was damaged is left and filled again from the vault', async () => {
    await persistMany(40);
    const before = startKeeper(settingsOf('the embedded database'));
    await untilFresh(before.keeper);
    const rows = await rowsOf(before.living.index);
    await before.stop();
    await scribbleOver(join(dataDir, 'index'));

    const after = startKeeper(settingsOf('the embedded database'));
    await untilFresh(after.keeper);
    expect(await rowsOf(after.living.index)).toEqual(rows);
    expect(rows).toHaveLength(40);
  });
});

async function scribbleOver(dir: string): Promise<void> {
  for (const entry of await readdir(join(dir, 'base'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await writeFile(join(entry.parentPath, entry.name), 'scribble');
  }
}
