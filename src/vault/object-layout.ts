/**
 * Every bucket name, key and metadata name of the vault, and the rules that make text from outside safe for them.
 *
 *   [tenants/{tenant}/]{case}/{form}/{submitter}-{yyyyMMdd}T{HHmmss}[-{digest}].json
 *                                    same without .json/attachments/{variable}/{file}
 *
 * What is in a vault was written by these rules and is found again by them: the same text makes the same name, always.
 * A segment stays below S3 servers' 255 bytes, a key below 900.
 */
import { createHash } from 'node:crypto';
import type { SubmissionMetadata } from '../submission/submission.ts';

export const FEED_STATE_KEY = '.formvault/feed.json';

const TENANTS = 'tenants';
const RESERVED_CASES = [TENANTS, '.formvault'];

const MAX_SEGMENT_BYTES = 150;
const MAX_ATTACHMENT_SEGMENT_BYTES = 100;
const MAX_METADATA_BYTES = 2048;
const MIN_CUT_BYTES = 64;
const MAX_POINTER_BYTES = 512;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const RESERVED_BUCKET_PREFIXES = ['xn--', 'sthree-', 'amzn-s3-demo-'];
const RESERVED_BUCKET_SUFFIXES = ['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3'];

/** `{environment}-{product}` in lower case; `problem` says which of S3's rules that name would break. */
export function bucketName(environment: string, product: string): { bucket: string } | { problem: string } {
  const bucket = `${environment.trim()}-${product.trim()}`.toLowerCase();
  const problem = findBucketProblem(bucket);
  return problem === null ? { bucket } : { problem };
}

/** S3's rule against IP addresses needs no line: none has a hyphen. */
function findBucketProblem(bucket: string): string | null {
  if (!/^[a-z0-9.-]*$/.test(bucket)) return 'a bucket name holds only letters a to z, digits, dots and hyphens';
  if (bucket.length < 3 || bucket.length > 63) return 'a bucket name has 3 to 63 characters';
  if (!/^[a-z0-9].*[a-z0-9]$/.test(bucket)) return 'a bucket name begins and ends with a letter or a digit';
  if (bucket.includes('..')) return 'a bucket name has no two dots in a row';
  const prefix = RESERVED_BUCKET_PREFIXES.find((reserved) => bucket.startsWith(reserved));
  if (prefix !== undefined) return `a bucket name does not begin with ${prefix}`;
  const suffix = RESERVED_BUCKET_SUFFIXES.find((reserved) => bucket.endsWith(reserved));
  return suffix === undefined ? null : `a bucket name does not end with ${suffix}`;
}

export type SubmissionPlace = {
  tenantId: string | null;
  caseId: string;
  formName: string;
  submittedBy: string;
  submittedAtMs: number;
};

export function submissionKey(place: SubmissionPlace): string {
  const { tenantId, caseId, formName, submittedBy, submittedAtMs } = place;
  const tenant = tenantId === null ? '' : `${TENANTS}/${safeSegment(tenantId)}/`;
  const caseSegment = RESERVED_CASES.includes(caseId)
    ? percentEncode(caseId.slice(0, 1)) + caseId.slice(1)
    : safeSegment(caseId);
  const time = new Date(submittedAtMs).toISOString().replace(/[-:]|\.\d+Z$/g, '');
  return `${tenant}${caseSegment}/${safeSegment(formName)}/${safeSegment(submittedBy)}-${time}.json`;
}

/** The key for a submission whose own key holds other content: with `digits` of its digest before `.json`. */
export function suffixedKey(key: string, digest: string, digits = 8): string {
  return `${withoutJson(key)}-${digest.slice(0, digits)}.json`;
}

export function attachmentKey(key: string, variable: string, fileName: string): string {
  return `${attachmentsOf(key)}/${safeAttachmentSegment(variable, 'variable')}/${safeAttachmentSegment(fileName, 'file')}`;
}

/**
 * One key for each file of a submission. Names that differ can be the same when they are safe (composed and decomposed
 * letters, for one): files that would share a key carry the hash of their variable's name.
 */
export function attachmentKeys(key: string, files: readonly { variable: string; fileName: string }[]): string[] {
  const plain = files.map((file) => attachmentKey(key, file.variable, file.fileName));
  return files.map((file, index) => {
    const own = plain[index] ?? '';
    if (plain.indexOf(own) === plain.lastIndexOf(own)) return own;
    const mark = `~${sha256(Buffer.from(file.variable, 'utf16le')).slice(0, 32)}`;
    const variable = safeSegment(file.variable, MAX_ATTACHMENT_SEGMENT_BYTES - mark.length) + mark;
    return `${attachmentsOf(key)}/${variable}/${safeAttachmentSegment(file.fileName, 'file')}`;
  });
}

/** A text as one segment of a key: readable, of at most `maxBytes`, and nothing in it that a path, XML or a server minds. */
export function safeSegment(text: string, maxBytes = MAX_SEGMENT_BYTES): string {
  if (text.length <= maxBytes && SAFE_ASCII.test(text)) return text;
  const normal = text.normalize('NFC');
  const units: string[] = [];
  let bytes = 0;
  for (const unit of encodeSegment(normal)) {
    units.push(unit);
    bytes += Buffer.byteLength(unit);
    if (bytes > maxBytes) return cutSegment(units, bytes, maxBytes, normal);
  }
  return units.join('');
}

function cutSegment(units: string[], bytes: number, maxBytes: number, text: string): string {
  const mark = `~${sha256(text).slice(0, 8)}`;
  let left = bytes;
  while (left > maxBytes - mark.length) left -= Buffer.byteLength(units.pop() ?? '');
  return units.join('') + mark;
}

/** Most texts: with neither dots nor blanks at the ends. */
const SAFE_ASCII = /^[\w@-](?:[\w .:@+-]*[\w@-])?$/;
/** Slash, backslash, percent, control characters, lone surrogates and the two characters that XML excludes. */
const UNSAFE = /[/\\%\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

/** Character by character. A mark behind an encoded character is encoded too, else it would join with its last hex digit. */
function* encodeSegment(text: string): Generator<string> {
  const isDots = text === '.' || text === '..';
  const firstInk = text.length - text.trimStart().length;
  const endOfInk = text.trimEnd().length;
  let index = 0;
  let isEncoded = false;
  for (const character of text) {
    const isOuterBlank = index < firstInk || index >= endOfInk;
    isEncoded = isDots || isOuterBlank || UNSAFE.test(character) || (isEncoded && /\p{M}/u.test(character));
    yield isEncoded ? percentEncode(character) : character;
    index += character.length;
  }
}

/** Every byte of it, upper case; a lone surrogate becomes U+FFFD. */
function percentEncode(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function safeAttachmentSegment(text: string, whenEmpty: string): string {
  return safeSegment(text === '' ? whenEmpty : text, MAX_ATTACHMENT_SEGMENT_BYTES);
}

function attachmentsOf(key: string): string {
  return `${withoutJson(key)}/attachments`;
}

function withoutJson(key: string): string {
  return key.replace(/\.json$/, '');
}

/** In the order of the contract. */
const METADATA_NAMES = {
  processinstanceid: 'processInstanceId',
  processdefinitionid: 'processDefinitionId',
  formid: 'formId',
  formversionid: 'formVersionId',
  name: 'name',
  title: 'title',
  submittedby: 'submittedBy',
  submissiondate: 'submissionDate',
  businesskey: 'businessKey',
  digest: 'digest',
  source: 'source',
  taskid: 'taskId',
  activityid: 'activityId',
  tenantid: 'tenantId',
} as const satisfies Record<string, keyof SubmissionMetadata>;

type MetadataName = keyof typeof METADATA_NAMES;

/** Each is cut to no less than 64 bytes before the next one is. */
const CUT_FIRST: MetadataName[] = ['title', 'name', 'submittedby', 'businesskey'];

/** Left out, one after the other, when cutting was not enough: a body may hold ids and dates of any length. */
const LEFT_OUT_FIRST: MetadataName[] = [
  'formversionid',
  'formid',
  'submissiondate',
  'activityid',
  'tenantid',
  'taskid',
  'processdefinitionid',
];

/** User metadata of a submission's object: absent values left out, printable ASCII, at most 2 KB with S3's own prefix. */
export function encodeMetadata(metadata: SubmissionMetadata): Record<string, string> {
  const encoded: Record<string, string> = {};
  for (const [name, field] of Object.entries(METADATA_NAMES)) {
    const value = metadata[field];
    if (value === null || value === '') continue;
    encoded[name] = name === 'source' ? encodeSource(value) : encodeMetadataValue(value.slice(0, MAX_METADATA_BYTES));
  }
  if (bytesOfMetadata(encoded) <= MAX_METADATA_BYTES) return encoded;
  for (const name of CUT_FIRST) {
    const value = encoded[name];
    const excess = bytesOfMetadata(encoded) - MAX_METADATA_BYTES;
    if (value !== undefined && excess > 0) encoded[name] = cutEncoded(value, value.length - excess, MIN_CUT_BYTES);
  }
  for (const name of LEFT_OUT_FIRST) {
    if (bytesOfMetadata(encoded) > MAX_METADATA_BYTES) delete encoded[name];
  }
  return encoded;
}

/** A value as it was before encoding; one that the seeds' system wrote with a bare `%` is given back as it is. */
export function decodeMetadataValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function encodeMetadataValue(value: string): string {
  return needsEncoding(value) ? encodeURIComponent(value.toWellFormed()) : value;
}

/** Blanks at the ends or in a row do not outlive a header, and `=?` begins an encoded word, which S3 would decode. */
function needsEncoding(value: string): boolean {
  return /[^\x20-\x7e]|%|^ | $| {2}|=\?/.test(value);
}

function encodeSource(source: string): string {
  const encode = needsEncoding(source) ? (text: string) => encodeURIComponent(text.toWellFormed()) : String;
  const pointerAt = source.indexOf('#') + 1;
  const pointer = pointerAt === 0 ? '' : source.slice(pointerAt);
  const encoded = encode(pointer);
  if (encoded.length <= MAX_POINTER_BYTES) return encode(source);
  const mark = `~${sha256(pointer).slice(0, 8)}`;
  return encode(source.slice(0, pointerAt)) + cutEncoded(encoded, MAX_POINTER_BYTES - mark.length) + mark;
}

/** The longest beginning of at most `maxBytes` that ends on a character border, but always at least `minBytes`. */
function cutEncoded(encoded: string, maxBytes: number, minBytes = 0): string {
  let end = 0;
  for (const [unit] of encoded.matchAll(/%[0-7].|%[CD].{4}|%E.{7}|%F.{10}|[^%]/g)) {
    if (end >= minBytes && end + unit.length > maxBytes) break;
    end += unit.length;
  }
  return encoded.slice(0, end);
}

function bytesOfMetadata(encoded: Record<string, string>): number {
  return Object.entries(encoded).reduce((sum, [name, value]) => sum + `x-amz-meta-${name}`.length + value.length, 0);
}

const CONTENT_TYPE =
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *; *[\w!#$&^.+-]+=([\w!#$&^.+-]+|"[\x20-\x21\x23-\x5b\x5d-\x7e]*"))*$/;

/** A content type as a header can carry it; anything else is just bytes. */
export function safeContentType(text: string): string {
  const trimmed = text.trim();
  return trimmed.length <= 255 && CONTENT_TYPE.test(trimmed) ? trimmed : 'application/octet-stream';
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
