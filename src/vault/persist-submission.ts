/**
 * Writes submissions to the vault: attachments first, the submission last.
 *
 * A submission exists once its JSON does; readers look at nothing else, so a crash before that leaves files which nobody
 * takes for a submission and which the next run finds and uses. Do not write the two in parallel.
 *
 * Nothing is overwritten. A submission has three keys, tried in turn: its own, that with 8 digits of its digest and that
 * with 32. Whatever other content holds one of them, even a single file below it, it moves on to the next with all it has.
 */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { FormvaultError } from '../errors.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import type { Attachment, AttachmentEntry, EnrichedSubmission } from '../submission/submission.ts';
import { attachmentKeys, encodeMetadata, safeContentType, submissionKey, suffixedKey } from './object-layout.ts';

export type PersistedSubmission = {
  /** `unchanged`: the vault had it already, perhaps from one's own write whose answer was lost. */
  result: 'persisted' | 'unchanged';
  bucket: string;
  key: string;
  /** What this run wrote, files included. */
  bytes: number;
};

const ATTEMPTED = 'could not write the submission';
/** Of all submissions, since each lies in memory until it is written. */
const fileAtATime = pLimit(6);

/** @throws FormvaultError of the object store and of `Attachment.read`; VAULT_REJECTED when all its keys are taken */
export async function persistSubmission(
  store: ObjectStore,
  submission: EnrichedSubmission,
  options: { createBuckets: boolean },
  signal: AbortSignal,
): Promise<PersistedSubmission> {
  try {
    return await persistUnderFreeKey(store, submission, signal);
  } catch (error) {
    if (!options.createBuckets || (error as { code?: unknown }).code !== 'BUCKET_MISSING') throw error;
  }
  await store.createBucket(submission.bucket, signal);
  return persistUnderFreeKey(store, submission, signal);
}

async function persistUnderFreeKey(
  store: ObjectStore,
  submission: EnrichedSubmission,
  signal: AbortSignal,
): Promise<PersistedSubmission> {
  const { bucket, digest } = submission;
  const ownKey = submissionKey(submission);
  const written = { bytes: 0 };
  for (const key of [ownKey, suffixedKey(ownKey, digest), suffixedKey(ownKey, digest, 32)]) {
    const result = await persistUnder(key, store, submission, written, signal);
    if (result !== 'taken') return { result, bucket, key, bytes: written.bytes };
  }
  throw new FormvaultError('VAULT_REJECTED', ATTEMPTED, {
    context: { bucket, digest },
    hint: 'Other content stands under every key that this submission may have: look for what else writes to the bucket.',
  });
}

async function persistUnder(
  key: string,
  store: ObjectStore,
  submission: EnrichedSubmission,
  written: { bytes: number },
  signal: AbortSignal,
): Promise<'persisted' | 'unchanged' | 'taken'> {
  const { bucket, digest, attachments } = submission;

  // only spares the files a wrong place: the writes below decide
  const holder = attachments.length === 0 ? 'nobody' : await findHolder(store, bucket, key, 'digest', digest, signal);
  if (holder !== 'nobody') return holder === 'same' ? 'unchanged' : 'taken';

  const entries = await persistAttachments(key, store, submission, written, signal);
  if (entries === 'taken') return 'taken';

  const body = submission.renderBody(entries);
  const metadata = encodeMetadata({ ...submission.metadata, digest });
  const answer = await store.putIfAbsent({ bucket, key, body, contentType: 'application/json', metadata }, signal);
  if (answer === 'taken') {
    return (await findHolder(store, bucket, key, 'digest', digest, signal)) === 'same' ? 'unchanged' : 'taken';
  }
  written.bytes += Buffer.byteLength(body);
  return 'persisted';
}

/** One file after the other, so that none waits in memory. */
async function persistAttachments(
  submissionKey: string,
  store: ObjectStore,
  { bucket, attachments }: EnrichedSubmission,
  written: { bytes: number },
  signal: AbortSignal,
): Promise<AttachmentEntry[] | 'taken'> {
  const entries: AttachmentEntry[] = [];
  const keys = attachmentKeys(submissionKey, attachments);
  for (const [index, attachment] of attachments.entries()) {
    const key = keys[index] ?? '';
    const file = await fileAtATime(persistFile, store, { bucket, key, attachment }, signal);
    if (file === 'taken') return 'taken';
    if (file.isWritten) written.bytes += file.entry.bytes;
    entries.push(file.entry);
  }
  return entries;
}

async function persistFile(
  store: ObjectStore,
  { bucket, key, attachment }: { bucket: string; key: string; attachment: Attachment },
  signal: AbortSignal,
): Promise<{ entry: AttachmentEntry; isWritten: boolean } | 'taken'> {
  const { variable, fileName } = attachment;
  const contentType = safeContentType(attachment.contentType);
  const body = await attachment.read(signal);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const entry = { variable, fileName, contentType, bytes: body.length, sha256, key };
  const answer = await store.putIfAbsent({ bucket, key, body, contentType, metadata: { sha256 } }, signal);
  if (answer !== 'taken') return { entry, isWritten: true };
  const holder = await findHolder(store, bucket, key, 'sha256', sha256, signal);
  return holder === 'same' ? { entry, isWritten: false } : 'taken';
}

/** Objects of the seeds' system have no digest: they are other content. */
async function findHolder(
  store: ObjectStore,
  bucket: string,
  key: string,
  hash: 'digest' | 'sha256',
  value: string,
  signal: AbortSignal,
): Promise<'nobody' | 'same' | 'other'> {
  const stored = await store.head(bucket, key, signal);
  if (stored === null) return 'nobody';
  return stored.metadata[hash] === value ? 'same' : 'other';
}
