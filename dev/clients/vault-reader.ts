import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type S3Address, s3ClientFor } from '../servers/s3-server.ts';

export type KeptObject = {
  bucket: string;
  key: string;
  text: string;
  bytes: Uint8Array;
  contentType: string;
  metadata: Record<string, string>;
  etag: string;
};

/** Looks into the vault with a plain S3 client, as an auditor would. A bucket that is not there is an empty one. */
export type VaultReader = {
  /** Keys of submissions and attachments below a prefix, sorted; Formvault's own state is left out. */
  list(bucket: string, prefix?: string): Promise<string[]>;
  exists(bucket: string, key: string): Promise<boolean>;
  read(bucket: string, key: string): Promise<KeptObject>;
  readAll(bucket: string, prefix?: string): Promise<KeptObject[]>;
  put(bucket: string, key: string, body: string | Uint8Array): Promise<void>;
  createBucket(bucket: string): Promise<void>;
  client: S3Client;
  close(): void;
};

export function createVaultReader(address: S3Address): VaultReader {
  const client = s3ClientFor(address);

  async function list(bucket: string, prefix = ''): Promise<string[]> {
    const keys: string[] = [];
    try {
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
        for (const { Key } of page.Contents ?? [])
          if (Key !== undefined && !Key.startsWith('.formvault/')) keys.push(Key);
      }
    } catch (error) {
      if (nameOf(error) !== 'NoSuchBucket') throw error;
    }
    return keys.sort();
  }

  async function read(bucket: string, key: string): Promise<KeptObject> {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
    return {
      bucket,
      key,
      bytes,
      text: Buffer.from(bytes).toString('utf8'),
      contentType: answer.ContentType ?? '',
      metadata: answer.Metadata ?? {},
      etag: answer.ETag ?? '',
    };
  }

  return {
    client,
    list,
    read,
    async exists(bucket, key) {
      try {
        await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
        return true;
      } catch (error) {
        if (['NotFound', 'NoSuchKey', 'NoSuchBucket'].includes(nameOf(error))) return false;
        throw error;
      }
    },
    async readAll(bucket, prefix = '') {
      const objects: KeptObject[] = [];
      for (const key of await list(bucket, prefix)) objects.push(await read(bucket, key));
      return objects;
    },
    async put(bucket, key, body) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    async createBucket(bucket) {
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
    },
    close: () => client.destroy(),
  };
}

function nameOf(error: unknown): string {
  return (error as { name?: string } | null)?.name ?? '';
}
