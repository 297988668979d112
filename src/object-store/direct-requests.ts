/**
 * Reading and writing one object past most of the S3 client: signed by its signer and sent by its HTTP handler to the endpoint
 * that its rules name, but without its layers of middleware, which take two thirds of the processor time of a request.
 *
 * Only a plain success is read here. Every other answer, and every failure, is handed to the client as the outcome of its own
 * first attempt: errors, broken connections and a wrong clock stay its business, and nothing is sent more often than by it.
 */
import { crc32 } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getEndpointFromInstructions } from '@smithy/core/endpoints';
import { extendedEncodeURIComponent, type HttpHandlerOptions, HttpRequest } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { LRUCache } from 'lru-cache';

export type SendOptions = {
  abortSignal: AbortSignal;
  /** Milliseconds until the head of the answer. */
  requestTimeout: number;
  /** What came of the first attempt, which is not made again. */
  attempted?: Attempt[] | undefined;
};

type Attempt = () => ReturnType<NodeHttpHandler['handle']>;

/** Written as the client's commands take it, and what they give. */
export type ObjectInput = {
  Bucket: string;
  Key: string;
  Body?: string | Uint8Array;
  Metadata?: Record<string, string>;
} & { [name in keyof typeof HEADERS]?: string | number };

export type ObjectOutput = {
  ETag?: string | undefined;
  ContentType?: string | undefined;
  ContentLength?: number | undefined;
  ContentRange?: string | undefined;
  Metadata?: Record<string, string> | undefined;
  /** Empty after a write and a look. */
  bytes: Uint8Array;
};

const HEADERS = {
  ContentType: 'content-type',
  ContentLength: 'content-length',
  Range: 'range',
  IfMatch: 'if-match',
  IfNoneMatch: 'if-none-match',
  ServerSideEncryption: 'x-amz-server-side-encryption',
  SSEKMSKeyId: 'x-amz-server-side-encryption-aws-kms-key-id',
} as const;
const METADATA = 'x-amz-meta-';
const MAX_BUCKETS = 1_000;

export class ObjectRequestHandler extends NodeHttpHandler {
  override async handle(request: HttpRequest, options: HttpHandlerOptions & Pick<SendOptions, 'attempted'> = {}) {
    return options.attempted?.shift()?.() ?? super.handle(request, options);
  }
}

type Signer = Awaited<ReturnType<S3Client['config']['signer']>>;
type Way = { url: URL; signer: Signer };

export function createDirectRequests(client: S3Client, handler: ObjectRequestHandler) {
  const ways = new LRUCache<string, Way>({ max: MAX_BUCKETS });

  /** `null` where requests are signed in another way than usual. */
  async function wayTo(bucket: string): Promise<Way | null> {
    const known = ways.get(bucket);
    if (known !== undefined) return known;
    const { config } = client;
    const { url, properties } = await getEndpointFromInstructions({ Bucket: bucket }, GetObjectCommand, config);
    const [scheme] = (properties?.authSchemes ?? []) as NonNullable<Parameters<typeof config.signer>[0]>[];
    if (scheme?.name !== 'sigv4') return null;
    const way = { url, signer: await config.signer(scheme) };
    ways.set(bucket, way);
    return way;
  }

  async function sign({ url, signer }: Way, method: string, input: ObjectInput): Promise<HttpRequest> {
    const path = input.Key.split('/').map(extendedEncodeURIComponent).join('/');
    const request = new HttpRequest({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      path: `${url.pathname.replace(/\/$/, '')}/${path}`,
      headers: { host: url.host, 'user-agent': 'formvault', ...headersOf(input), ...checksumOf(input) },
      body: input.Body,
    });
    const signingDate = new Date(Date.now() + client.config.systemClockOffset);
    return (await signer.sign(request, { signingDate })) as HttpRequest;
  }

  /** `askClient` sends the command of this input with its options; its result is given where there is no plain success. */
  return async function send(
    method: 'GET' | 'HEAD' | 'PUT',
    input: ObjectInput,
    options: SendOptions,
    askClient: (options: SendOptions) => Promise<ObjectOutput>,
  ): Promise<ObjectOutput> {
    const way = await wayTo(input.Bucket);
    if (way === null) return askClient(options);
    const outcome = handler.handle(await sign(way, method, input), options);
    const { response } = await outcome.catch(() => ({ response: null }));
    if (response === null || (response.statusCode !== 200 && response.statusCode !== 206)) {
      return askClient({ ...options, attempted: [() => outcome] });
    }
    // `node:stream/consumers` goes by way of a Blob, which takes more than half as long as all the rest of a request.
    return outputOf(response.headers, Buffer.concat(await Array.fromAsync<Uint8Array>(response.body)));
  };
}

function headersOf(input: ObjectInput): Record<string, string> {
  const metadata = Object.entries(input.Metadata ?? {}).map(([name, value]) => [METADATA + name.toLowerCase(), value]);
  const others = Object.entries(HEADERS).flatMap(([name, header]) => {
    const value = input[name as keyof typeof HEADERS];
    return value === undefined ? [] : [[header, String(value)]];
  });
  return Object.fromEntries([...others, ...metadata]);
}

/** As the client sends it; buckets with Object Lock take no object without one. */
function checksumOf({ Body }: ObjectInput): Record<string, string> {
  if (Body === undefined) return {};
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(Body));
  return { 'x-amz-sdk-checksum-algorithm': 'CRC32', 'x-amz-checksum-crc32': bytes.toString('base64') };
}

function outputOf(headers: Record<string, string>, bytes: Uint8Array): ObjectOutput {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith(METADATA));
  const length = headers['content-length'];
  return {
    ETag: headers.etag,
    ContentType: headers['content-type'],
    ContentLength: length === undefined ? undefined : Number(length),
    ContentRange: headers['content-range'],
    Metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice(METADATA.length), value])),
    bytes,
  };
}
