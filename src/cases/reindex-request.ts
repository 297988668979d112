/**
 * `formvault reindex` beside a service that holds the embedded database: asks it to do the work, through files beside the database.
 *
 *   command                                    service
 *   reindex-request.json, touched again and ─▶ looks for it every second, builds the index again
 *   again while somebody waits
 *   shows how far it is                     ◀─ reindex-progress.json
 *   removes its request when it is stopped  ─▶ stops, to go on the next time
 *
 * A request that nobody touches any more is not taken up, and one that is being worked on is given up.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { pause } from '../time/pause.ts';
import type { Reindexed, ReindexProgress } from './reindex.ts';

type Report = {
  id: string;
  /** Changes while the service lives. */
  beat: number;
  progress: ReindexProgress | null;
  end: { done: Reindexed } | { failed: string } | null;
};

type Timing = { lookMs: number; silenceMs: number };

const TIMING: Timing = { lookMs: 500, silenceMs: 15_000 };

/** Does what is asked for until it is stopped; never throws. */
export async function serveReindexRequests(
  options: {
    dataDir: string;
    reindex(onProgress: (progress: ReindexProgress) => void, signal: AbortSignal): Promise<Reindexed>;
    log: Log;
    timing?: Timing;
  },
  stop: AbortSignal,
): Promise<void> {
  const { dataDir, reindex, log, timing = TIMING } = options;
  const { request, report } = filesIn(dataDir);

  async function serve(id: string): Promise<void> {
    const ended = new AbortController();
    const state: Report = { id, beat: 0, progress: null, end: null };
    const write = async (): Promise<void> => {
      state.beat++;
      await writeWhole(report, JSON.stringify(state)).catch(() => undefined);
    };
    const watching = (async () => {
      const signal = AbortSignal.any([stop, ended.signal]);
      for (; !signal.aborted; await pause(timing.lookMs, signal)) {
        await write();
        if ((await findRequest(request, timing.silenceMs)) !== id) ended.abort();
      }
    })();
    log.info({ part: 'index' }, 'building the index again, as a command asks for');
    try {
      const onProgress = (progress: ReindexProgress): void => {
        state.progress = progress;
      };
      state.end = { done: await reindex(onProgress, AbortSignal.any([stop, ended.signal])) };
      log.info({ part: 'index', rows: state.end.done.submissions }, 'index was built again');
    } catch (err) {
      state.end = { failed: failureCodeOf(err) };
      log.error({ err, part: 'index' }, 'index could not be built again');
    }
    ended.abort();
    await watching;
    await write();
    await rm(request, { force: true }).catch(() => undefined);
  }

  for (; !stop.aborted; await pause(timing.lookMs, stop)) {
    const id = await findRequest(request, timing.silenceMs);
    if (id !== null) await serve(id);
  }
}

/**
 * Asks the service that uses this folder, and waits for it.
 * @throws FormvaultError CONFIG_INVALID where no service takes it up; INDEX_UNAVAILABLE where it fails; SHUTTING_DOWN
 */
export async function requestReindex(
  options: { dataDir: string; onProgress(progress: ReindexProgress): void; timing?: Timing },
  signal: AbortSignal,
): Promise<Reindexed> {
  const { dataDir, onProgress, timing = TIMING } = options;
  const { request, report } = filesIn(dataDir);
  const id = randomUUID();
  await mkdir(dataDir, { recursive: true });
  await writeWhole(request, JSON.stringify({ id }));
  let heard = { beat: 0, atMs: performance.now() };
  try {
    for (; ; await pause(timing.lookMs, signal)) {
      if (signal.aborted) throw new FormvaultError('SHUTTING_DOWN', 'stopped waiting for the service');
      const now = new Date();
      await utimes(request, now, now).catch(() => undefined);
      const said = await readReport(report, id);
      if (said?.progress) onProgress(said.progress);
      if (said?.end) return resultOf(said.end);
      if (said !== null && said.beat !== heard.beat) heard = { beat: said.beat, atMs: performance.now() };
      if (performance.now() - heard.atMs > timing.silenceMs) throw silence(heard.beat > 0, dataDir);
    }
  } finally {
    await rm(request, { force: true });
  }
}

function resultOf(end: NonNullable<Report['end']>): Reindexed {
  if ('done' in end) return end.done;
  throw new FormvaultError('INDEX_UNAVAILABLE', `the service could not build the index (${end.failed})`, {
    hint: 'Its log says why. What it did so far is not lost: run the command again.',
  });
}

function silence(hasBegun: boolean, dataDir: string): FormvaultError {
  return new FormvaultError('CONFIG_INVALID', hasBegun ? 'the service fell silent' : 'no service took the work up', {
    context: { dataDir },
    hint: 'Something holds the database in DATA_DIR. Stop the service and run this again, or use a PostgreSQL server (DATABASE_URL), which both can use at the same time.',
  });
}

function filesIn(dataDir: string): { request: string; report: string } {
  return { request: join(dataDir, 'reindex-request.json'), report: join(dataDir, 'reindex-progress.json') };
}

/** The id of a request that somebody waits for. */
async function findRequest(file: string, silenceMs: number): Promise<string | null> {
  try {
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > silenceMs) return null;
    const { id } = JSON.parse(await readFile(file, 'utf8')) as { id?: unknown };
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}

/** What was said to this request, not to one before it. */
async function readReport(file: string, id: string): Promise<Report | null> {
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    return report.id === id ? report : null;
  } catch {
    return null;
  }
}

/** Nobody reads half of it. */
async function writeWhole(file: string, text: string): Promise<void> {
  const beside = `${file}.${randomUUID()}`;
  await writeFile(beside, text);
  await rename(beside, file);
}
