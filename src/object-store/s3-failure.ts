/**
 * Turns what the S3 client throws into our own errors.
 *
 * S3 repeats keys in its messages, keys hold names of persons, and the client hangs requests and answers on its errors. So
 * the cause is made anew: error code, status, request id and stack frames, and of a message only what names no object.
 */
import { type FailureCode, FormvaultError } from '../errors.ts';

type Verdict = { code: FailureCode; hint?: string };

type S3Error = {
  name: string;
  message: string;
  stack: string;
  code: string | null;
  status: number | null;
  requestId: string | null;
  retryAfter: string | null;
  isSystemError: boolean;
};

const MAX_RETRY_AFTER_MS = 60_000;

export function s3Failure(thrown: unknown, attempted: string, bucket: string, signal: AbortSignal): FormvaultError {
  const error = parseS3Error(thrown);
  const { code, hint } = signal.aborted ? { code: 'SHUTTING_DOWN' as const } : judge(error);
  const retryAfterMs = parseRetryAfterMs(error.retryAfter);
  return new FormvaultError(code, attempted, {
    cause: slimCause(error),
    context: { bucket },
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

export function statusOf(thrown: unknown): number | null {
  return parseS3Error(thrown).status;
}

/** A conditional write, or the creation of a bucket, that met another one in flight: nothing happened, ask again. */
export function isWriteConflict(thrown: unknown): boolean {
  return ['ConditionalRequestConflict', 'OperationAborted'].includes(parseS3Error(thrown).name);
}

const REGION_HINT = 'Check AWS_REGION and S3_ENDPOINT: the bucket is in another region, or behind another endpoint.';
const CREDENTIALS_HINT = 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role that Formvault runs under.';

const ACCESS_DENIED: Verdict = {
  code: 'VAULT_REJECTED',
  hint: 'Allow s3:GetObject, s3:PutObject and s3:ListBucket to the owner of AWS_ACCESS_KEY_ID (or the role); without s3:ListBucket S3 answers the same for an absent object.',
};
const NOT_IMPLEMENTED: Verdict = {
  code: 'VAULT_REJECTED',
  hint: 'The server at S3_ENDPOINT lacks conditional writes, or what S3_SSE asks for.',
};

const VERDICTS: Record<string, Verdict> = {
  NoSuchBucket: { code: 'BUCKET_MISSING' },
  CredentialsProviderError: {
    code: 'VAULT_REJECTED',
    hint: 'No credentials for S3 were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give Formvault a role.',
  },
  AccessDenied: ACCESS_DENIED,
  InvalidAccessKeyId: { code: 'VAULT_REJECTED', hint: CREDENTIALS_HINT },
  SignatureDoesNotMatch: { code: 'VAULT_REJECTED', hint: CREDENTIALS_HINT },
  ExpiredToken: { code: 'VAULT_REJECTED', hint: 'AWS_SESSION_TOKEN has expired: renew the credentials.' },
  InvalidToken: { code: 'VAULT_REJECTED', hint: 'Check AWS_SESSION_TOKEN.' },
  RequestTimeTooSkewed: { code: 'VAULT_REJECTED', hint: 'Set the clock of this machine: it differs from that of S3.' },
  PermanentRedirect: { code: 'VAULT_REJECTED', hint: REGION_HINT },
  AuthorizationHeaderMalformed: { code: 'VAULT_REJECTED', hint: REGION_HINT },
  IllegalLocationConstraintException: { code: 'VAULT_REJECTED', hint: REGION_HINT },
  BucketAlreadyExists: {
    code: 'VAULT_REJECTED',
    hint: 'The name of the bucket belongs to someone else: choose another ENVIRONMENT or product.',
  },
  NotImplemented: NOT_IMPLEMENTED,
  RequestTimeout: { code: 'VAULT_UNAVAILABLE' },
  TooManyRequestsException: { code: 'VAULT_UNAVAILABLE' },
  ThrottlingException: { code: 'VAULT_UNAVAILABLE' },
  Throttling: { code: 'VAULT_UNAVAILABLE' },
  RequestLimitExceeded: { code: 'VAULT_UNAVAILABLE' },
  SlowDown: { code: 'VAULT_UNAVAILABLE' },
};

function judge(error: S3Error): Verdict {
  const known = Object.hasOwn(VERDICTS, error.name) ? VERDICTS[error.name] : undefined;
  return known ?? (error.status === null ? judgeWithoutAnswer(error) : judgeStatus(error.name, error.status));
}

/** A HEAD is answered without a body, so only the status tells. */
function judgeStatus(name: string, status: number): Verdict {
  if (name.startsWith('KMS.')) {
    return { code: 'VAULT_REJECTED', hint: 'Check S3_SSE and S3_KMS_KEY_ID, and that the key may be used.' };
  }
  if (status === 501) return NOT_IMPLEMENTED;
  if (status >= 500 || [408, 409, 429].includes(status)) return { code: 'VAULT_UNAVAILABLE' };
  if (status >= 300 && status < 400) return { code: 'VAULT_REJECTED', hint: REGION_HINT };
  if (status === 403) return ACCESS_DENIED;
  if (status === 400) return { code: 'VAULT_REJECTED', hint: 'Check AWS_REGION, the credentials and S3_SSE.' };
  if (status > 400) return { code: 'VAULT_REJECTED' };
  return { code: 'VAULT_UNAVAILABLE', hint: 'Check that S3_ENDPOINT leads to an S3 server.' };
}

function judgeWithoutAnswer(error: S3Error): Verdict {
  if (error.message === 'Region is missing') return { code: 'VAULT_REJECTED', hint: 'Set AWS_REGION.' };
  if (error.code !== null && /CERT|^ERR_TLS|SIGNATURE|SIGNED/.test(error.code)) {
    return {
      code: 'VAULT_UNAVAILABLE',
      hint: 'The certificate of S3 is not trusted: check S3_ENDPOINT and NODE_EXTRA_CA_CERTS.',
    };
  }
  const isBug = !error.isSystemError && ['TypeError', 'RangeError', 'ReferenceError'].includes(error.name);
  return { code: isBug ? 'UNEXPECTED' : 'VAULT_UNAVAILABLE' };
}

function parseS3Error(thrown: unknown): S3Error {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    name?: unknown;
    message?: unknown;
    stack?: unknown;
    code?: unknown;
    syscall?: unknown;
    $metadata?: { httpStatusCode?: unknown; requestId?: unknown };
    $response?: { statusCode?: unknown; headers?: Record<string, unknown> };
  };
  const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode;
  const code = textOrNull(error.code);
  return {
    name: textOrNull(error.name) ?? 'Error',
    message: textOrNull(error.message) ?? '',
    stack: textOrNull(error.stack) ?? '',
    code,
    status: typeof status === 'number' ? status : null,
    requestId: textOrNull(error.$metadata?.requestId),
    retryAfter: textOrNull(error.$response?.headers?.['retry-after']),
    isSystemError: error.syscall !== undefined || /^(E[A-Z]+|HPE_[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(code ?? ''),
  };
}

function slimCause(error: S3Error): Error {
  const cause = new Error(error.status === null ? error.message || (error.code ?? '') : describeAnswer(error));
  cause.name = error.name;
  const frames = error.stack.split('\n').filter((line) => /^\s+at /.test(line));
  cause.stack = [`${cause.name}: ${cause.message}`, ...frames].join('\n');
  return cause;
}

/** Of an AccessDenied, the action and the reason: the rest of the sentence holds the key. */
function describeAnswer(error: S3Error): string {
  const action = /not authorized to perform: ([a-z0-9]+:[A-Za-z]+)/.exec(error.message)?.[1];
  const reason = /because no [a-z -]+ policy allows|with an explicit deny in an? [a-z -]+ policy/.exec(
    error.message,
  )?.[0];
  const parts = [
    `S3 answered ${error.status}`,
    ...(action === undefined ? [] : [`not allowed: ${action}`]),
    ...(reason === undefined ? [] : [reason.replace('allows', 'allows it')]),
    ...(error.requestId === null ? [] : [`request ${error.requestId}`]),
  ];
  return parts.join(', ');
}

/** Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
/** A proxy may ask for an hour where the service was away for a minute. */
function parseRetryAfterMs(value: string | null): number | null {
  if (value === null) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
