import { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import { type HttpRequest, HttpResponse } from '@smithy/core/protocols';
import {
  createDirectRequests,
  type ObjectInput,
  type ObjectOutput,
  ObjectRequestHandler,
  type SendOptions,
} from '../../../src/object-store/direct-requests.ts';

const options: SendOptions = { abortSignal: new AbortController().signal, requestTimeout: 1_000 };
const credentials = { accessKeyId: 'AKIDSTUB', secretAccessKey: 'stub', sessionToken: 'session' };
const fromClient: ObjectOutput = { ETag: '"of the client"', bytes: new Uint8Array() };

/** Keeps what was sent and answers by itself. */
class Recorder extends ObjectRequestHandler {
  readonly sent: HttpRequest[] = [];
  override async handle(request: HttpRequest) {
    this.sent.push(request);
    const headers = { etag: '"e1"', 'content-length': '2', 'x-amz-meta-title': 'Site%20visit' };
    return { response: new HttpResponse({ statusCode: 200, headers, body: Readable.from([Buffer.from('{}')]) }) };
  }
}

function open(settings: { endpoint?: string; forcePathStyle?: boolean } = {}) {
  const recorder = new Recorder();
  const client = new S3Client({ region: 'eu-west-2', credentials, requestHandler: recorder, ...settings });
  return { client, sent: recorder.sent, send: createDirectRequests(client, recorder) };
}

const shown = ({ method, protocol, hostname, port, path, headers }: HttpRequest) => ({
  method,
  protocol,
  hostname,
  port,
  path,
  host: headers.host,
});

test.each([
  ['at the service itself', {}],
  ['at an endpoint', { endpoint: 'http://s3.example:9000' }],
  ['at an endpoint, by path', { endpoint: 'https://s3.example', forcePathStyle: true }],
  ['below a path', { endpoint: 'https://example.org/s3', forcePathStyle: true }],
])('an object %s is asked for where the client asks for it', async (_, settings) => {
  const { client, sent, send } = open(settings);
  for (const key of ['a/b.json', "Zoë (1)!*'+~ %20/ü&=?#.json", 'a//b']) {
    const input = { Bucket: 'dev-cop-case', Key: key };
    await send('GET', input, options, () => Promise.reject(new Error('not asked')));
    await client.send(new GetObjectCommand(input));
    const [ours, theirs] = sent.splice(0).map(shown);
    expect(ours).toEqual(theirs);
  }
});

test('a write carries what that of the client carries', async () => {
  const { client, sent, send } = open();
  const input = {
    Bucket: 'dev-cop-case',
    Key: 'a.json',
    Body: 'ä',
    ContentLength: 2,
    ContentType: 'application/json',
    Metadata: { title: 'Site%20visit', digest: 'd' },
    IfNoneMatch: '*',
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: 'key-1',
  } as const;
  await send('PUT', input satisfies ObjectInput, options, () => Promise.reject(new Error('not asked')));
  await client.send(new PutObjectCommand(input));
  const [ours, theirs] = sent;
  const { authorization, 'x-amz-date': date, 'user-agent': agent, ...headers } = ours?.headers ?? {};
  expect(theirs?.headers).toMatchObject({ ...headers, 'x-amz-content-sha256': expect.any(String) });
  expect(headers['x-amz-checksum-crc32']).toBe('cLXxgw=='); // of `ä` in UTF-8, by another program
  expect(headers).toMatchObject({ 'x-amz-meta-digest': 'd', 'x-amz-security-token': 'session', 'if-none-match': '*' });
  expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDSTUB\/\d{8}\/eu-west-2\/s3\/aws4_request, /);
  expect([date, agent]).toEqual([expect.stringMatching(/^\d{8}T\d{6}Z$/), 'formvault']);
});

test('a plain success is read as the client reads it', async () => {
  const { client, send } = open();
  const input = { Bucket: 'dev-cop-case', Key: 'a.json' };
  const { bytes, ...output } = await send('GET', input, options, () => Promise.reject(new Error('not asked')));
  const { Body, $metadata, ...theirs } = await client.send(new GetObjectCommand(input));
  expect(theirs).toMatchObject(JSON.parse(JSON.stringify(output)));
  expect(Buffer.from(bytes).toString()).toBe(await Body?.transformToString());
});

test('a bucket whose requests are signed otherwise is left to the client', async () => {
  const { sent, send } = open();
  const input = { Bucket: 'cases--euw2-az1--x-s3', Key: 'a.json' };
  await expect(send('GET', input, options, () => Promise.resolve(fromClient))).resolves.toBe(fromClient);
  expect(sent).toEqual([]);
});

test('credentials that end are renewed', async () => {
  let renewals = 0;
  const ending = async () => ({
    ...credentials,
    accessKeyId: `AKID${++renewals}`,
    expiration: new Date(Date.now() + 1_000),
  });
  const recorder = new Recorder();
  const client = new S3Client({ region: 'eu-west-2', credentials: ending, requestHandler: recorder });
  const send = createDirectRequests(client, recorder);
  for (let request = 0; request < 2; request++) {
    await send('GET', { Bucket: 'dev-cop-case', Key: 'a' }, options, () => Promise.reject(new Error('not asked')));
  }
  const keys = recorder.sent.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1]);
  expect(new Set(keys).size).toBe(2);
});
