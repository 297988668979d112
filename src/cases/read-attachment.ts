/**
 * A file that a submission of the case lists.
 *
 * The submission is found by the file's own key, and must list that key: so nobody reaches a file by a body that somebody else
 * wrote, and nothing outside of the submission's own folder by any body at all.
 */
import type { Visible } from '../access/visible.ts';
import type { IndexedSubmission } from '../index/case-index.ts';
import { type ObjectInParts, openInParts } from './open-in-parts.ts';
import { type CaseVault, type ObjectPlace, readSubmission } from './read-submission.ts';

export type StoredFile = ObjectInParts & {
  bucket: string;
  key: string;
  fileName: string;
  /** That it was sent with. */
  submission: IndexedSubmission;
};

/** `null` where there is no such file that the person may see. */
export type ReadAttachment = (place: ObjectPlace, visible: Visible, signal: AbortSignal) => Promise<StoredFile | null>;

export function createReadAttachment(vault: CaseVault): ReadAttachment {
  return async (place, visible, signal) => {
    const submissionKey = submissionKeyOf(place.key);
    if (submissionKey === null) return null;
    const stored = await readSubmission(vault, { ...place, key: submissionKey }, visible, signal);
    const fileName = stored && findFileName(stored.body, place.key);
    if (stored === null || fileName === null) return null;
    const { submission } = stored;
    const { bucket } = submission;
    const file = await openInParts(vault.store, { bucket, key: place.key }, signal);
    return file && { ...file, bucket, key: place.key, fileName, submission };
  };
}

/** Of the submission in whose folder a file lies; `null` for a key that is none of a file. */
function submissionKeyOf(key: string): string | null {
  const [, own, ...names] = /^(.+)\/attachments\/([^/]+)\/([^/]+)$/s.exec(key) ?? [];
  // a server might walk along such a path
  if (own === undefined || [...own.split('/'), ...names].some((name) => ['', '.', '..'].includes(name))) return null;
  return `${own}.json`;
}

function findFileName(body: Uint8Array, key: string): string | null {
  const { attachments } = parseObject(Buffer.from(body).toString());
  if (!Array.isArray(attachments)) return null;
  const entry = attachments.find((each: { key?: unknown } | null) => each?.key === key);
  if (entry === undefined) return null;
  return typeof entry.fileName === 'string' && entry.fileName !== '' ? entry.fileName : 'file';
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}
