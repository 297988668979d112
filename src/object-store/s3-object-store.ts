/**
 * The object store on S3 or a server that speaks its protocol.
 *
 * The callers try again, not the client: a server that hangs is noticed within seconds. Only a request whose connection broke
 * is sent once more. A write whose answer was lost, sent again here or by its caller, finds its own object: it comes back as
 * `taken` or `changed`, and the caller compares. Do not turn that into an error here, or into a success.
 */
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { FormvaultError } from '../errors.ts';
import { backOffMs } from '../time/back-off.ts';
import { pause } from '../time/pause.ts';
import { createBrokenConnectionRetry, MAX_ATTEMPTS } from './broken-connection-retry.ts';
import { createDirectRequests, type ObjectOutput, ObjectRequestHandler, type SendOptions } from './direct-requests.ts';
import type { ObjectStore, ObjectToPut, ReadObject, StoredObject } from './object-store.ts';
import { isWriteConflict, s3Failure, statusOf } from './s3-failure.ts';

export type S3Settings = {
  /** Without it, the SDK's own chain: AWS_REGION, then the profile. */
  region?: string;
  endpoint?: string;
  forcePathStyle?: boolean;
  sse?: 'AES256' | 'aws:kms';
  kmsKeyId?: string;
  maxConnections: number;
};

export type S3Tuning = {
  /** Without them, the SDK's own chain. */
  credentials?: NonNullable<S3ClientConfig['credentials']>;
  connectionTimeoutMs?: number;
  /** For a request with an empty body; a body adds a millisecond for every 100 bytes. */
  requestTimeoutMs?: number;
  pageSize?: number;
};

const BYTES_PER_MS = 100;
const RANGE_NOT_SATISFIABLE = 416;
const NOTHING = new Uint8Array();
const MAX_CONFLICTS = 5;
const FIRST_CONFLICT_PAUSE_MS = 50;
const MAX_CONFLICT_PAUSE_MS = 1_000;

export function createS3ObjectStore(settings: S3Settings, tuning: S3Tuning = {}): ObjectStore {
  const { connectionTimeoutMs = 3_000, requestTimeoutMs = 5_000, pageSize } = tuning;
  const handler = createHandler(settings, connectionTimeoutMs, requestTimeoutMs);
  const client = new S3Client(clientConfig(settings, tuning, handler));
  const sendDirectly = createDirectRequests(client, handler);
  const encryption = {
    ...(settings.sse === undefined ? {} : { ServerSideEncryption: settings.sse }),
    ...(settings.kmsKeyId === undefined ? {} : { SSEKMSKeyId: settings.kmsKeyId }),
  };

  async function attempt<T>(
    attempted: string,
    bucket: string,
    signal: AbortSignal,
    send: (options: SendOptions) => Promise<T>,
    bodyBytes = 0,
  ): Promise<T> {
    const requestTimeout = requestTimeoutMs + Math.ceil(bodyBytes / BYTES_PER_MS);
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        signal.throwIfAborted();
        return await send({ abortSignal: signal, requestTimeout });
      } catch (thrown) {
        if (signal.aborted || conflicts + 1 >= MAX_CONFLICTS || !isWriteConflict(thrown)) {
          throw s3Failure(thrown, attempted, bucket, signal);
        }
      }
      await pause(backOffMs(conflicts, FIRST_CONFLICT_PAUSE_MS, MAX_CONFLICT_PAUSE_MS), signal);
    }
  }

  /** `null`: the condition does not hold. */
  async function put(
    object: ObjectToPut,
    condition: { IfNoneMatch: '*' } | { IfMatch: string },
    refusals: readonly number[],
    signal: AbortSignal,
  ): Promise<{ etag: string } | null> {
    const { bucket, key, body, contentType, metadata } = object;
    const bytes = Buffer.byteLength(body);
    const input = {
      Bucket: bucket,
      Key: key,
      Body: body,
      ContentLength: bytes,
      ContentType: contentType,
      ...(metadata === undefined ? {} : { Metadata: metadata }),
      ...encryption,
      ...condition,
    };
    const askClient = async (options: SendOptions): Promise<ObjectOutput> => ({
      ...(await client.send(new PutObjectCommand(input), options)),
      bytes: NOTHING,
    });
    const send = async (options: SendOptions) => {
      try {
        return await sendDirectly('PUT', input, options, askClient);
      } catch (thrown) {
        if (!isNoSuchBucket(thrown) && refusals.includes(statusOf(thrown) ?? 0)) return null;
        throw thrown;
      }
    };
    const answer = await attempt('could not write an object', bucket, signal, send, bytes);
    return answer && { etag: requireEtag(answer.ETag, 'could not write an object', bucket) };
  }

  async function head(bucket: string, key: string, signal: AbortSignal): Promise<StoredObject | null> {
    const attempted = 'could not look at an object';
    const input = { Bucket: bucket, Key: key };
    const askClient = async (options: SendOptions): Promise<ObjectOutput> => ({
      ...(await client.send(new HeadObjectCommand(input), options)),
      bytes: NOTHING,
    });
    const answer = await attempt(attempted, bucket, signal, (options) =>
      nullIfAbsent(sendDirectly('HEAD', input, options, askClient)),
    );
    return answer && toStoredObject(answer, attempted, bucket);
  }

  /** Of a part that begins behind the object's end, nothing. */
  async function read(
    bucket: string,
    key: string,
    signal: AbortSignal,
    range: { Range?: string } = {},
  ): Promise<ReadObject | null> {
    const attempted = 'could not read an object';
    const input = { Bucket: bucket, Key: key, ...range };
    const askClient = async (options: SendOptions): Promise<ObjectOutput> => {
      const { Body, ...output } = await client.send(new GetObjectCommand(input), options);
      return { ...output, bytes: (await Body?.transformToByteArray()) ?? NOTHING };
    };
    const found = await attempt(attempted, bucket, signal, (options) =>
      nullIfAbsent(sendDirectly('GET', input, options, askClient)).catch(behindItsEnd),
    );
    if (found === 'behind its end') {
      const stored = await head(bucket, key, signal);
      return stored && { ...stored, body: NOTHING };
    }
    return found && { ...toStoredObject(found, attempted, bucket), body: found.bytes };
  }

  return {
    async putIfAbsent(object, signal) {
      return (await put(object, { IfNoneMatch: '*' }, [412], signal)) ?? 'taken';
    },

    /** An absent key is a 404 on AWS and a 412 on SeaweedFS. */
    async putIfUnchanged(object, etag, signal) {
      return (await put(object, { IfMatch: etag }, [404, 412], signal)) ?? 'changed';
    },

    head,
    get: (bucket, key, signal) => read(bucket, key, signal),

    getPart: (bucket, key, { from, maxBytes }, signal) =>
      read(bucket, key, signal, { Range: `bytes=${from}-${from + maxBytes - 1}` }),

    async *list(bucket, prefix, signal) {
      let token: string | undefined;
      do {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          ...(pageSize === undefined ? {} : { MaxKeys: pageSize }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        });
        const page = await attempt('could not list objects', bucket, signal, (options) =>
          client.send(command, options),
        );
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
        token = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },

    /** AWS filters and pages; other servers give all at once. */
    async *listBuckets(prefix, signal) {
      let token: string | undefined;
      do {
        const command = new ListBucketsCommand({
          Prefix: prefix,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        });
        const page = await attempt('could not list the buckets', `${prefix}*`, signal, (options) =>
          client.send(command, options),
        );
        for (const { Name } of page.Buckets ?? []) if (Name?.startsWith(prefix)) yield Name;
        token = page.ContinuationToken;
      } while (token !== undefined && token !== '');
    },

    async bucketExists(bucket, signal) {
      const command = new HeadBucketCommand({ Bucket: bucket });
      const send = (options: SendOptions) => nullIfAbsent(client.send(command, options));
      return (await attempt('could not look at a bucket', bucket, signal, send)) !== null;
    },

    async createBucket(bucket, signal) {
      await attempt('could not create a bucket', bucket, signal, async (options) => {
        const region = await client.config.region();
        const command = new CreateBucketCommand({
          Bucket: bucket,
          ...(region === 'us-east-1'
            ? {}
            : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }),
        });
        await client.send(command, options).catch((thrown: unknown) => {
          if ((thrown as { name?: unknown }).name !== 'BucketAlreadyOwnedByYou') throw thrown;
        });
      });
    },

    close() {
      client.destroy();
    },
  };
}

function createHandler(
  settings: S3Settings,
  connectionTimeoutMs: number,
  requestTimeoutMs: number,
): ObjectRequestHandler {
  const agent = { keepAlive: true, maxSockets: settings.maxConnections };
  return new ObjectRequestHandler({
    httpAgent: agent,
    httpsAgent: agent,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
    // the request's time-out ends with the headers of the answer; this one watches over its body, and lets S3 think longer
    // about a large object than about a small one
    socketTimeout: 2 * requestTimeoutMs,
  });
}

function clientConfig(settings: S3Settings, tuning: S3Tuning, requestHandler: ObjectRequestHandler): S3ClientConfig {
  return {
    ...(settings.region === undefined ? {} : { region: settings.region }),
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(settings.forcePathStyle === undefined ? {} : { forcePathStyle: settings.forcePathStyle }),
    ...(tuning.credentials === undefined ? {} : { credentials: tuning.credentials }),
    cacheMiddleware: true,
    maxAttempts: MAX_ATTEMPTS,
    retryStrategy: createBrokenConnectionRetry(),
    requestHandler,
  };
}

async function nullIfAbsent<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (thrown) {
    if (statusOf(thrown) === 404 && !isNoSuchBucket(thrown)) return null;
    throw thrown;
  }
}

function behindItsEnd(thrown: unknown): 'behind its end' {
  if (statusOf(thrown) === RANGE_NOT_SATISFIABLE) return 'behind its end';
  throw thrown;
}

function isNoSuchBucket(thrown: unknown): boolean {
  return (thrown as { name?: unknown }).name === 'NoSuchBucket';
}

function toStoredObject(answer: Omit<ObjectOutput, 'bytes'>, attempted: string, bucket: string): StoredObject {
  return {
    etag: requireEtag(answer.ETag, attempted, bucket),
    bytes: bytesOfWhole(answer.ContentRange) ?? answer.ContentLength ?? 0,
    contentType: answer.ContentType ?? 'application/octet-stream',
    metadata: answer.Metadata ?? {},
  };
}

/** From `bytes 0-99/1234`, which stands beside a part. */
function bytesOfWhole(contentRange: string | undefined): number | null {
  const bytes = /\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return bytes === undefined ? null : Number(bytes);
}

function requireEtag(etag: string | undefined, attempted: string, bucket: string): string {
  if (etag !== undefined && etag !== '') return etag;
  throw new FormvaultError('VAULT_UNAVAILABLE', attempted, {
    context: { bucket },
    hint: 'The answer had no ETag: check that S3_ENDPOINT leads to an S3 server.',
  });
}
