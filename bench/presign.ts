import { createHash, createHmac } from 'node:crypto';
import type { S3Address } from '../dev/servers/s3-server.ts';

const HOUR_SECONDS = 3_600;

/**
 * An address that reads without further signing, so that asking again and again is cheap.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function presignGet(s3: S3Address, path: string, query: Record<string, string> = {}): string {
  const { host } = new URL(s3.endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${s3.region}/s3/aws4_request`;
  const parameters = Object.entries({
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${s3.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(HOUR_SECONDS),
    'X-Amz-SignedHeaders': 'host',
  });
  const search = parameters
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const pathname = path.split('/').map(encode).join('/');
  const request = ['GET', pathname, search, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(request).digest('hex')].join('\n');
  const signingKey = scope
    .split('/')
    .reduce<string | Buffer>((key, part) => hmac(key, part), `AWS4${s3.secretAccessKey}`);
  return `${s3.endpoint}${pathname}?${search}&X-Amz-Signature=${hmac(signingKey, toSign).toString('hex')}`;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}
