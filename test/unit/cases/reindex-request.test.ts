import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Reindexed, ReindexProgress } from '../../../src/cases/reindex.ts';
import { requestReindex, serveReindexRequests } from '../../../src/cases/reindex-request.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { createRememberingLog } from '../../support/builders-log.ts';

const timing = { lookMs: 2, silenceMs: 10_000 };
/** For those whom nobody answers. */
const SHORT_MS = 100;
const result: Reindexed = { buckets: 1, submissions: 7, removed: 2, closed: [], leftOut: { count: 0, first: [] } };
const halfWay: ReindexProgress = { total: 14, isTotalKnown: true, done: 7, doneBefore: 0 };
const { signal } = new AbortController();

type Reindex = Parameters<typeof serveReindexRequests>[0]['reindex'];

let dataDir: string;
let services: (() => Promise<void>)[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'reindex-'));
  services = [];
});

afterEach(async () => {
  for (const stop of services) await stop();
  await rm(dataDir, { recursive: true });
});

/** A service that does this when it is asked. */
function serve(reindex: Reindex): { stop(): Promise<void>; log: ReturnType<typeof createRememberingLog> } {
  const stop = new AbortController();
  const log = createRememberingLog();
  const serving = serveReindexRequests({ dataDir, reindex, log, timing }, stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await serving;
  };
  services.push(end);
  return { stop: end, log };
}

function ask(callers: AbortSignal = signal, silenceMs = timing.silenceMs) {
  const progress: ReindexProgress[] = [];
  const options = { dataDir, onProgress: (each: ReindexProgress) => progress.push(each) };
  const asking = requestReindex({ ...options, timing: { ...timing, silenceMs } }, callers);
  return { asking, progress };
}

const untilAborted = (stop: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    stop.addEventListener('abort', () => reject(new FormvaultError('SHUTTING_DOWN', 'stopped')));
  });

describe('a service that is asked to build the index again', () => {
  test('does so, tells how far it is, and what came of it; and again the next time', async () => {
    let runs = 0;
    serve(async (onProgress) => {
      runs++;
      onProgress(halfWay);
      return result;
    });
    const first = ask();
    await expect(first.asking).resolves.toEqual(result);
    expect(first.progress).toContainEqual(halfWay);
    await expect(ask().asking).resolves.toEqual(result);
    expect(runs).toBe(2);
    expect(await readdir(dataDir)).toEqual(['reindex-progress.json']);
  });

  test('stops when nobody waits any more', async () => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    serve(async (_, stop) => {
      begun.resolve();
      return untilAborted(stop).finally(ended.resolve);
    });
    const caller = new AbortController();
    const { asking } = ask(caller.signal);
    await begun.promise;
    caller.abort();
    await expect(asking).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await ended.promise;
  });

  test('says that it failed, and why in its own log', async () => {
    const { log } = serve(async () => {
      throw new FormvaultError('VAULT_REJECTED', 'could not list objects');
    });
    await expect(ask().asking).rejects.toMatchObject({
      code: 'INDEX_UNAVAILABLE',
      message: expect.stringContaining('VAULT_REJECTED'),
    });
    expect(log.lines.at(-1)).toMatchObject({ level: 'error', fields: { err: { code: 'VAULT_REJECTED' } } });
  });

  test('that is stopped meanwhile says so', async () => {
    const begun = Promise.withResolvers<void>();
    const { stop } = serve((_, stopped) => {
      begun.resolve();
      return untilAborted(stopped);
    });
    const { asking } = ask();
    const failing = expect(asking).rejects.toMatchObject({ message: expect.stringContaining('SHUTTING_DOWN') });
    await begun.promise;
    await stop();
    await failing;
  });

  test('does not take up what nobody waits for, nor what it cannot read', async () => {
    const file = join(dataDir, 'reindex-request.json');
    await writeFile(file, JSON.stringify({ id: 'left over' }));
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(file, longAgo, longAgo);
    let runs = 0;
    const reindex: Reindex = async () => {
      runs++;
      return result;
    };
    const { stop } = serve(reindex);
    await writeFile(join(dataDir, 'reindex-progress.json'), 'no JSON');
    await stop();
    expect(runs).toBe(0);

    serve(reindex);
    await expect(ask().asking).resolves.toEqual(result);
    expect(runs).toBe(1);
  });
});

describe('a command', () => {
  test('says what to do where no service takes its request up, and leaves nothing behind', async () => {
    await expect(ask(signal, SHORT_MS).asking).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'no service took the work up',
      hint: expect.stringContaining('DATABASE_URL'),
    });
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('does not take what was said to another one for its own answer', async () => {
    const report = { id: 'another', beat: 9, progress: halfWay, end: { done: result } };
    await writeFile(join(dataDir, 'reindex-progress.json'), JSON.stringify(report));
    const { asking, progress } = ask(signal, SHORT_MS);
    await expect(asking).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(progress).toEqual([]);
  });
});
