import { SingleBar } from 'cli-progress';
import type { ReindexProgress } from '../cases/reindex.ts';

export type ShownProgress = {
  show(progress: ReindexProgress): void;
  end(): void;
};

type Stream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean };

const BAR = '{bar} {percentage} % | {value} of {total} | {rate} a second | {rest}';
const LINE_EVERY_MS = 5_000;
/** A rate over less says nothing. */
const SHORTEST_MS = 1_000;

/** A bar with rate and rest where somebody looks, a line now and then elsewhere. */
export function showProgress(stream: Stream, nowMs: () => number = () => performance.now()): ShownProgress {
  const startedMs = nowMs();
  return stream.isTTY === true ? showBar(stream, startedMs, nowMs) : showLines(stream, startedMs, nowMs);
}

function showBar(stream: Stream, startedMs: number, nowMs: () => number): ShownProgress {
  const bar = new SingleBar({ format: BAR, stream: stream as NodeJS.WriteStream, hideCursor: true, etaBuffer: 1 });
  let isStarted = false;
  return {
    show(progress) {
      const { rate, rest } = ratesOf(progress, nowMs() - startedMs);
      const total = Math.max(progress.total, progress.done);
      const words = { rate: rate ?? '–', rest };
      if (!isStarted) bar.start(total, progress.done, words);
      isStarted = true;
      bar.setTotal(total);
      bar.update(progress.done, words);
    },
    end() {
      if (isStarted) bar.stop();
      isStarted = false;
    },
  };
}

function showLines(stream: Stream, startedMs: number, nowMs: () => number): ShownProgress {
  let lastMs = startedMs;
  let unsaid: ReindexProgress | null = null;
  function say(progress: ReindexProgress): void {
    const { rate, rest } = ratesOf(progress, nowMs() - startedMs);
    const speed = rate === null ? '' : `, ${rate} a second`;
    stream.write(`${progress.done} of ${Math.max(progress.total, progress.done)}${speed}, ${rest}\n`);
    unsaid = null;
    lastMs = nowMs();
  }
  return {
    show(progress) {
      unsaid = progress;
      if (nowMs() - lastMs >= LINE_EVERY_MS) say(progress);
    },
    end() {
      if (unsaid !== null) say(unsaid);
    },
  };
}

function ratesOf(
  { total, isTotalKnown, done, doneBefore }: ReindexProgress,
  elapsedMs: number,
): { rate: number | null; rest: string } {
  const rate = elapsedMs < SHORTEST_MS ? null : Math.round(((done - doneBefore) / elapsedMs) * 1000);
  if (!isTotalKnown) return { rate, rest: 'still counting' };
  if (done >= total) return { rate, rest: 'done' };
  return { rate, rest: rate === null || rate === 0 ? 'rest unknown' : `${durationOf((total - done) / rate)} left` };
}

function durationOf(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.ceil(seconds / 60)} min` : `${Math.round(seconds / 360) / 10} h`;
}
