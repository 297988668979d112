import { type Circumstances, type Enrichment, enrichSubmission } from '../enrichment/enrich-submission.ts';
import type { Origins } from '../enrichment/origins.ts';
import type { UserTasks } from '../enrichment/user-tasks.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import type { Change } from '../submission/change.ts';
import type { Found } from '../submission/split-convention.ts';
import type { Submission } from '../submission/submission.ts';
import { parseSubmissionDate } from '../submission/submission-date.ts';
import { type PersistedSubmission, persistSubmission } from '../vault/persist-submission.ts';

export type Processing = {
  enrichment: Enrichment;
  origins: Origins;
  userTasks: UserTasks;
  store: ObjectStore;
  createBuckets: boolean;
};

/** Enriches one submission and persists it; throws freely. Doing it again changes nothing. */
export async function processSubmission(
  found: Found,
  change: Change,
  circumstances: Circumstances,
  processing: Processing,
  signal: AbortSignal,
): Promise<PersistedSubmission> {
  if ('invalid' in found) throw found.invalid;
  const first = await findFirstWriting(found.submission, change, circumstances, processing, signal);
  const enriched = await enrichSubmission(first.submission, first.circumstances, processing.enrichment, signal);
  return persistSubmission(processing.store, enriched, { createBuckets: processing.createBuckets }, signal);
}

/** A variable that is written again unchanged is filled in as it was the first time, so that nothing new comes of it. */
async function findFirstWriting(
  submission: Submission,
  change: Change,
  circumstances: Circumstances,
  { origins, userTasks }: Processing,
  signal: AbortSignal,
): Promise<{ submission: Submission; circumstances: Circumstances }> {
  const { name, submittedBy, submissionDate } = submission.form;
  const isDated = submissionDate !== null && parseSubmissionDate(submissionDate) !== null;
  const isComplete = name !== null && submittedBy !== null && isDated;
  if (change.kind === 'task' || isComplete) return { submission, circumstances };
  const origin = await origins.find(change, submission.digest, signal);
  if (origin === null) return { submission, circumstances };
  const tasks = await userTasks.readAll([origin.change], signal);
  const userTask = tasks.get(origin.change.activityInstanceId ?? '') ?? null;
  return {
    submission: { ...submission, ...origin.submission },
    circumstances: { ...circumstances, change: origin.change, userTask },
  };
}
