/**
 * The index as one thing for everybody, whatever becomes of the database behind it.
 *
 *   closed ──somebody asks──▶ open ──a failure says that it is damaged──▶ closed
 *     ▲         │ cannot be opened
 *     └─────────┘ until a pause is over, everybody gets the same failure
 *
 * An index that is opened anew may lack what was kept before; `isNew` says so until it was built again to its end.
 */
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { CaseIndex, ReindexRun } from '../index/case-index.ts';
import type { Log } from '../observability/log.ts';
import { backOffMs } from '../time/back-off.ts';

export type LivingIndex = {
  /** Each question may open it; its failures are those of the index. */
  index: CaseIndex;
  /** @throws FormvaultError CONFIG_INVALID where the settings are wrong; everything else is tried again when somebody asks. */
  open(): Promise<void>;
  /** Whether it lacks what was kept before, or has it by other rules. @throws what opening it throws */
  isNew(): Promise<boolean>;
  /** Called when such a one was opened. */
  whenNew(listener: () => void): void;
};

type Opened = { index: CaseIndex; isNew: boolean };

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export function createLivingIndex(options: { open(): Promise<Opened>; log: Log; nowMs?: () => number }): LivingIndex {
  const { open, log, nowMs = () => performance.now() } = options;
  let opened: Opened | null = null;
  let opening: Promise<Opened> | null = null;
  let failed: { error: unknown; count: number; untilMs: number } | null = null;
  let isClosed = false;
  let onNew = (): void => undefined;

  async function openNow(): Promise<Opened> {
    try {
      const now = await open();
      if (isClosed) await now.index.close();
      else opened = now;
      if (failed !== null) log.info({ part: 'index', failures: failed.count }, 'index is open again');
      failed = null;
      if (now.isNew) onNew();
      return now;
    } catch (error) {
      const count = (failed?.count ?? 0) + 1;
      failed = { error, count, untilMs: nowMs() + backOffMs(count - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS) };
      throw error;
    } finally {
      opening = null;
    }
  }

  async function current(): Promise<Opened> {
    if (isClosed) throw new FormvaultError('SHUTTING_DOWN', 'the index is closed already');
    if (opened !== null) return opened;
    if (failed !== null && nowMs() < failed.untilMs) throw failed.error;
    opening ??= openNow();
    return opening;
  }

  async function ask<T>(question: (index: CaseIndex) => Promise<T>): Promise<T> {
    const now = await current();
    try {
      return await question(now.index);
    } catch (error) {
      if (isDamage(error)) await leave(now);
      throw error;
    }
  }

  /** Whoever notices first; the next question opens it again. */
  async function leave(damaged: Opened): Promise<void> {
    if (opened !== damaged) return;
    opened = null;
    log.error({ part: 'index' }, 'index is damaged: it is built again from the vault');
    await damaged.index.close().catch(() => undefined);
  }

  return {
    index: {
      put: (entries) => ask((index) => index.put(entries)),
      searchCases: (query, visible, page) => ask((index) => index.searchCases(query, visible, page)),
      findSubmissions: (caseId, visible) => ask((index) => index.findSubmissions(caseId, visible)),
      findSubmission: (place, visible) => ask((index) => index.findSubmission(place, visible)),
      findKnown: (bucket, keys) => ask((index) => index.findKnown(bucket, keys)),
      countSubmissions: () => ask((index) => index.countSubmissions()),
      async beginReindex() {
        const now = await current();
        const run = await ask((index) => index.beginReindex());
        return watchRun(run, ask, () => {
          now.isNew = false;
        });
      },
      async *rows() {
        yield* (await current()).index.rows();
      },
      async close() {
        isClosed = true;
        await opening?.catch(() => undefined);
        await opened?.index.close();
        opened = null;
      },
    },
    async open() {
      await current().catch((error: unknown) => {
        if (failureCodeOf(error) === 'CONFIG_INVALID') throw error;
        log.error({ err: error, part: 'index' }, 'index cannot be opened: cases are not found until it can');
      });
    },
    isNew: async () => (await current()).isNew,
    whenNew(listener) {
      onNew = listener;
    },
  };
}

/** Damage that shows in a run counts as well. */
function watchRun(
  run: ReindexRun,
  ask: <T>(question: () => Promise<T>) => Promise<T>,
  onFinished: () => void,
): ReindexRun {
  return {
    findDone: (bucket, keys) => ask(() => run.findDone(bucket, keys)),
    put: (entries) => ask(() => run.put(entries)),
    retain: (bucket, keys) => ask(() => run.retain(bucket, keys)),
    async finish(buckets) {
      const result = await ask(() => run.finish(buckets));
      onFinished();
      return result;
    },
  };
}

function isDamage(error: unknown): boolean {
  return (error as { context?: { damaged?: unknown } } | null)?.context?.damaged === true;
}
