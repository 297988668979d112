/**
 * An object of the vault as an entry of the index.
 *
 * Metadata may be cut or missing, and a key holds its texts encoded and cut as well. So each text that a key is made of is
 * taken from whoever still knows the whole of it: that one's safe form is the key's segment. Objects of the seeds' system have
 * less metadata and keys that were not made safe.
 */
import { parseSubmissionDate } from '../submission/submission-date.ts';
import { decodeMetadataValue, safeSegment, submissionKey } from '../vault/object-layout.ts';
import { type ReadBody, readBody } from './body-texts.ts';
import type { IndexEntry } from './case-index.ts';
import { renderWords } from './words.ts';

export type VaultObject = {
  bucket: string;
  key: string;
  /** As stored: lower-case names, values still percent-encoded. */
  metadata: Record<string, string>;
  body: string | Uint8Array;
  bytes: number;
};

type KeyParts = {
  tenant: string | null;
  caseId: string;
  formName: string;
  submittedBy: string;
  /** To the second, in UTC: `20261121T085306`. */
  time: string | null;
};

/** `null` for an object that is no submission. */
export function entryOf({ bucket, key, metadata, body, bytes }: VaultObject): IndexEntry | null {
  const parts = partsOf(key);
  if (parts === null) return null;
  const said = (name: string): string | null => nonEmpty(decodeMetadataValue(metadata[name] ?? ''));
  const read = readBody(body);
  const caseId = firstThatMakes(parts.caseId, [said('businesskey'), read.businessKey], caseSegment);
  const formName = firstThatMakes(parts.formName, [said('name'), read.form.name], safeSegment);
  const submittedBy = firstThatMakes(parts.submittedBy, [said('submittedby'), read.form.submittedBy], safeSegment);
  const title = wholeTitle(said('title'), read.form.title);
  return {
    bucket,
    key,
    caseId,
    tenantId: parts.tenant === null ? said('tenantid') : firstThatMakes(parts.tenant, [said('tenantid')], safeSegment),
    processInstanceId: said('processinstanceid') ?? read.instanceId,
    processDefinitionId: said('processdefinitionid') ?? read.definitionId,
    formName,
    title,
    formId: said('formid') ?? read.form.formId,
    formVersionId: said('formversionid') ?? read.form.formVersionId,
    submittedBy,
    submissionDate: said('submissiondate'),
    submittedAtMs: submittedAtMs(said('submissiondate'), read, parts),
    taskId: said('taskid'),
    activityId: said('activityid'),
    digest: said('digest'),
    source: said('source'),
    bytes,
    ...renderWords({ caseId, formName, title, submittedBy, answers: read.answers() }),
  };
}

/** Whether the object under this key is a submission: no file of one, and none of Formvault's own objects. */
export function isSubmissionKey(key: string): boolean {
  return partsOf(key) !== null;
}

const LAST_SEGMENT = /^(.*?)(?:-(\d{8}T\d{6})(?:-(?:[0-9a-f]{8}|[0-9a-f]{32}))?)?\.json$/s;

/** Still encoded. A name with a slash in it, which the seeds' system did not encode, makes more segments. */
function partsOf(key: string): KeyParts | null {
  const segments = key.split('/');
  const hasTenant = segments[0] === 'tenants' && segments.length >= 5;
  const [caseId = '', ...rest] = hasTenant ? segments.slice(2) : segments;
  const last = LAST_SEGMENT.exec(rest.pop() ?? '');
  if (caseId === '' || caseId === '.formvault' || rest.length === 0 || last === null) return null;
  if (rest.indexOf('attachments', 2) >= 0) return null;
  const [, submittedBy = '', time] = last;
  return {
    tenant: hasTenant ? (segments[1] ?? '') : null,
    caseId,
    formName: rest.join('/'),
    submittedBy,
    time: time ?? null,
  };
}

/** The first text that this segment was made of, else what the segment itself tells. */
function firstThatMakes(segment: string, texts: (string | null)[], encode: (text: string) => string): string {
  const isWhole = (text: string | null): text is string =>
    text !== null && (encode(text) === segment || text === segment);
  return texts.find(isWhole) ?? decodeMetadataValue(segment);
}

function caseSegment(caseId: string): string {
  const key = submissionKey({ tenantId: null, caseId, formName: '', submittedBy: '', submittedAtMs: 0 });
  return key.slice(0, key.indexOf('/'));
}

/** The metadata may hold only its beginning. */
function wholeTitle(said: string | null, inBody: string | null): string | null {
  return said === null || inBody?.startsWith(said) ? inBody : said;
}

function submittedAtMs(said: string | null, read: ReadBody, { time }: KeyParts): number {
  for (const date of [said, read.form.submissionDate, time && `${time}Z`]) {
    const timeMs = date === null ? null : parseSubmissionDate(date);
    if (timeMs !== null) return timeMs;
  }
  return 0;
}

function nonEmpty(text: string): string | null {
  return text === '' ? null : text;
}
