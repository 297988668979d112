import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KeptObject, VaultReader } from '../dev/clients/vault-reader.ts';
import type { SentForm } from './story.ts';

export type KeptForm = { sent: SentForm; key: string };

type Body = Record<string, unknown> & { form?: Record<string, unknown>; attachments?: AttachmentEntry[] };
type AttachmentEntry = { variable: string; fileName: string; bytes: number; sha256: string; key: string };
type Check = (promise: string, holds: boolean) => void;

/** Reads every object back and compares it with what was sent; one line for each check. Returns how many failed. */
export async function checkObjects(vault: VaultReader, kept: KeptForm[]): Promise<number> {
  let failed = 0;
  const check: Check = (promise, holds) => {
    if (!holds) failed++;
    console.log(`${holds ? '  ok     ' : '  FAILED '} ${promise}`);
  };

  for (const { sent, key } of kept) {
    console.log(`${sent.bucket}/${key}`);
    const object = await vault.read(sent.bucket, key);
    const body = parseBody(object.text);
    checkKey(sent, key, check);
    check('the body has the answers as they were sent', contains(body, sent.body));
    checkFormSection(sent, body, check);
    checkMetadata(sent, object, check);
    for (const file of sent.files) await checkFile(vault, sent, file, body, check);
  }

  console.log('all buckets');
  for (const bucket of new Set(kept.map(({ sent }) => sent.bucket))) {
    const here = kept.filter(({ sent }) => sent.bucket === bucket);
    const expected = here.length + here.reduce((files, { sent }) => files + sent.files.length, 0);
    check(`${bucket} holds exactly ${expected} objects`, (await vault.list(bucket)).length === expected);
  }
  return failed;
}

function checkKey({ caseId, formName, submittedBy }: SentForm, key: string, check: Check): void {
  const prefix = `${caseId}/${formName}/${submittedBy}-`;
  const time = key.slice(prefix.length);
  check('the key is case, form name, submitter and time', key.startsWith(prefix) && /^\d{8}T\d{6}\.json$/.test(time));
}

function checkFormSection({ form, formName, submittedBy }: SentForm, body: Body, check: Check): void {
  const section = body.form ?? {};
  check(
    'the form section has name, submitter and date',
    section.name === formName &&
      section.submittedBy === submittedBy &&
      !Number.isNaN(Date.parse(String(section.submissionDate))),
  );
  if (form === null) return;
  const { formId, formVersionId, title } = section;
  check(
    'ids and title of the form come from the form API',
    formId === form.id && formVersionId === form.versionId && title === form.title,
  );
}

function checkMetadata(sent: SentForm, { metadata, contentType }: KeptObject, check: Check): void {
  check('it is JSON', contentType.startsWith('application/json'));
  check(
    'the metadata names instance, case, form and submitter',
    metadata.processinstanceid === sent.processInstanceId &&
      metadata.businesskey === sent.caseId &&
      metadata.name === sent.formName &&
      metadata.submittedby === sent.submittedBy &&
      metadata.processdefinitionid?.startsWith('benefit-claim:') === true,
  );
  check(
    'the metadata has digest and source',
    /^[0-9a-f]{64}$/.test(metadata.digest ?? '') && /^(detail|task)\//.test(metadata.source ?? ''),
  );
}

async function checkFile(
  vault: VaultReader,
  { bucket }: SentForm,
  file: SentForm['files'][number],
  body: Body,
  check: Check,
): Promise<void> {
  const entry = body.attachments?.find(({ variable }) => variable === file.variable);
  check(`the body lists the file ${file.fileName}`, entry?.fileName === file.fileName);
  if (entry === undefined) return;
  const stored = await vault.read(bucket, entry.key);
  const sha256 = createHash('sha256').update(stored.bytes).digest('hex');
  check(
    `${entry.key} is that file, byte for byte`,
    stored.text === file.text && entry.sha256 === sha256 && entry.bytes === stored.bytes.length,
  );
}

/** Every expected field is there with its value; objects may hold more. */
function contains(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return isDeepStrictEqual(actual, expected);
  if (typeof actual !== 'object' || actual === null) return false;
  const fields = actual as Record<string, unknown>;
  return Object.entries(expected).every(([name, value]) => contains(fields[name], value));
}

function parseBody(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}
