import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import type { Attachment, AttachmentEntry, EnrichedSubmission } from '../../../src/submission/submission.ts';

export const BUCKET = 'dev-cop-case';

/** A submission whose digest follows from its answers and the bytes of its files. */
export function aSubmission(
  given: { answers?: string; submittedBy?: string; files?: Record<string, string>; metadataTitle?: string } = {},
): EnrichedSubmission {
  const { answers = 'yes', submittedBy = 'anna@example.com', files = {}, metadataTitle = 'Site visit' } = given;
  const digest = createHash('sha256')
    .update(JSON.stringify([answers, files]))
    .digest('hex');
  return {
    bucket: BUCKET,
    tenantId: null,
    caseId: 'CASE-1',
    formName: 'site-visit',
    submittedBy,
    submittedAtMs: Date.UTC(2024, 1, 29, 8, 5, 9),
    digest,
    metadata: {
      processInstanceId: 'p-1',
      processDefinitionId: 'visit:1:1',
      formId: 'f-1',
      formVersionId: 'v-1',
      name: 'site-visit',
      title: metadataTitle,
      submittedBy,
      submissionDate: '2024-02-29T08:05:09Z',
      businessKey: 'CASE-1',
      digest,
      source: 'task/t-1',
      taskId: 't-1',
      activityId: 'fillIn',
      tenantId: null,
    },
    attachments: Object.entries(files).map(([variable, content]) => aFile(variable, content)),
    renderBody: (attachments) => JSON.stringify({ answers, ...(attachments.length === 0 ? {} : { attachments }) }),
  };
}

export function aFile(variable: string, content: string): Attachment {
  return {
    variable,
    fileName: `${variable}.txt`,
    contentType: 'text/plain',
    read: async () => Buffer.from(content),
  };
}

/** The text of every object by its key. */
export async function contentsOf(store: ObjectStore): Promise<Record<string, string>> {
  const { signal } = new AbortController();
  const contents: Record<string, string> = {};
  for await (const key of store.list(BUCKET, '', signal)) {
    contents[key] = Buffer.from((await store.get(BUCKET, key, signal))?.body ?? []).toString();
  }
  return contents;
}

/** The files that a submission's body lists. */
export function listedIn(body: string | undefined): AttachmentEntry[] {
  return JSON.parse(body ?? '{}').attachments ?? [];
}
