import { nameByTask } from '../enrichment/enrich-submission.ts';
import { failureCodeOf } from '../errors.ts';
import { type About, type Cause, causeOf, incidentMessage } from '../incidents/incident-message.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Found } from '../submission/split-convention.ts';
import { pause } from '../time/pause.ts';
import type { EngineFaults } from './engine-faults.ts';
import { IN_PLACE_MS, type Outages } from './outages.ts';
import { decideOutcome } from './outcome.ts';
import type { PreparedChange } from './prepare-changes.ts';
import { type Processing, processSubmission } from './process-submission.ts';

/** Why something could not be kept, and what it is about. `cause`: `null` where it is no outage. */
export type Failure = { error: unknown; about: About; cause: Cause | null };

export type RunResult = 'kept' | 'interrupted' | Failure;

/** `abort`: the run itself. `stopRetrying`: no more second attempts. */
export type RunSignals = { abort: AbortSignal; stopRetrying: AbortSignal };

export type Running = { processing: Processing; outages: Outages; log: Log; metrics: Metrics };

/** A JSON pointer can be as long as the variable is deep. */
const MAX_SOURCE_LENGTH = 200;
export const NOTHING_KNOWN: About = { form: null, caseId: null };

export function failureOf(error: unknown, about: About): Failure {
  return { error, about, cause: causeOf(incidentMessage(error, about)) };
}

/** One attempt for one submission; `null` when it is kept. @throws nothing but what `signal` asks for */
export async function runOnce(
  prepared: PreparedChange,
  found: Found,
  { processing, outages, log, metrics }: Running,
  signal: AbortSignal,
  attempt = 1,
): Promise<Failure | null> {
  const { change, topic, circumstances } = prepared;
  const startedMs = performance.now();
  try {
    const { result, bucket, bytes } = await processSubmission(found, change, circumstances, processing, signal);
    const elapsedMs = performance.now() - startedMs;
    outages.noteKept();
    metrics.changeEnded(topic, result, elapsedMs / 1000);
    const measured = { source: sourceOf(prepared, found), topic, attempt, durationMs: Math.round(elapsedMs) };
    log.info({ ...measured, outcome: result, bucket, bytes }, 'submission kept');
    return null;
  } catch (error) {
    return failureOf(error, aboutOf(prepared, found));
  }
}

/** One submission to its outcome; passing faults are tried again for some seconds, an engine that is away as long as it is. */
export async function runInPlace(
  prepared: PreparedChange,
  found: Found,
  running: Running & { engineFaults: EngineFaults },
  signals: RunSignals,
): Promise<RunResult> {
  const { outages, log, metrics } = running;
  const { topic } = prepared;
  const judgeFault = running.engineFaults.watch();
  const firstMs = performance.now();
  for (let attempt = 1; ; attempt++) {
    if (signals.abort.aborted) return 'interrupted';
    const failed = await runOnce(prepared, found, running, signals.abort, attempt);
    if (failed === null) return 'kept';
    const failure = failureOf(await judgeFault(failed.error, signals.stopRetrying), failed.about);
    const { error: err, cause } = failure;
    const leftMs = firstMs + IN_PLACE_MS - performance.now();
    const isLast = leftMs <= 0 || (cause !== null && outages.isOut(cause.target));
    const decision = decideOutcome(err, { number: attempt, isLast });
    if (decision.kind === 'incident') return failure;
    if (decision.kind !== 'retry' || signals.abort.aborted || signals.stopRetrying.aborted) return 'interrupted';
    const { pauseMs } = decision;
    const code = failureCodeOf(err);
    // A pause that the other side asks for may be longer than what is tried in place.
    if (pauseMs > leftMs && code !== 'ENGINE_UNAVAILABLE') return failure;
    metrics.changeEnded(topic, 'retry', null);
    const source = sourceOf(prepared, found);
    log.warn({ source, topic, attempt, err, code, outcome: 'retry', pauseMs }, 'submission will be tried again');
    await pause(pauseMs, signals.stopRetrying);
  }
}

function sourceOf({ change }: PreparedChange, found: Found): string {
  return 'submission' in found ? found.submission.source.slice(0, MAX_SOURCE_LENGTH) : change.ref;
}

function aboutOf({ circumstances }: PreparedChange, found: Found): About {
  const { userTask, model } = circumstances;
  const named = 'submission' in found ? found.submission.form.name : null;
  return { form: named ?? nameByTask(userTask, model), caseId: circumstances.case.caseId };
}
