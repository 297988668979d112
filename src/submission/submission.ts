/** A submission is one completed form: the answers, the form section, the files. */

import type { JsonTree } from './json-tree.ts';

/** The fields of a form section as text; `null` is blank (missing, null, or a string without a visible character). */
export type FormSection = {
  name: string | null;
  formId: string | null;
  formVersionId: string | null;
  title: string | null;
  submittedBy: string | null;
  submissionDate: string | null;
};

/** A submission as it was found, before anything is filled in. */
export type Submission = {
  /** The JSON it stands in, and its place there. */
  tree: JsonTree;
  node: number;
  /** `detail/<id>#<JSON pointer>` or `task/<id>` */
  source: string;
  form: FormSection;
  process: ProcessSection;
  /** `shiftDetailsContext.email` of its own object, else of the root object. */
  email: string | null;
  /** SHA-256 of its canonical JSON, 64 hex digits. */
  digest: string;
  attachments: Attachment[];
};

/** The fields of a process section as text; `null` is blank. */
export type ProcessSection = { definitionId: string | null; instanceId: string | null; businessKey: string | null };

/** A file that was submitted with a task; its bytes are read from the engine when they are persisted. */
export type Attachment = {
  variable: string;
  fileName: string;
  contentType: string;
  /** @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED, SOURCE_GONE */
  read(signal: AbortSignal): Promise<Uint8Array>;
};

/** How the body of a submission lists a file that is in the vault. */
export type AttachmentEntry = {
  variable: string;
  fileName: string;
  contentType: string;
  bytes: number;
  sha256: string;
  key: string;
};

/** What the user metadata of the object says, before encoding and cutting; `null` is left out. */
export type SubmissionMetadata = {
  processInstanceId: string | null;
  processDefinitionId: string | null;
  formId: string | null;
  formVersionId: string | null;
  name: string;
  title: string | null;
  submittedBy: string;
  submissionDate: string;
  businessKey: string | null;
  digest: string;
  /** `detail/<id>#<JSON pointer>` or `task/<id>` */
  source: string;
  taskId: string | null;
  activityId: string | null;
  tenantId: string | null;
};

/** A submission that is complete and ready for the vault. */
export type EnrichedSubmission = {
  bucket: string;
  tenantId: string | null;
  /** Business key of the instance, else of its root instance, else the root instance's id. Never blank. */
  caseId: string;
  formName: string;
  submittedBy: string;
  /** The time in the key, in ms since 1970. */
  submittedAtMs: number;
  digest: string;
  metadata: SubmissionMetadata;
  attachments: Attachment[];
  /** The enriched JSON text, with the files listed in `attachments` where there are any. */
  renderBody(attachments: AttachmentEntry[]): string;
};
