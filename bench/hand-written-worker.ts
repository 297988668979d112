/**
 * What a user would write instead: a worker for an external service task behind the user task. With `defaults` as its readme
 * shows it; `tuned` with every setting that makes it quicker.
 *
 * usage: node hand-written-worker.ts defaults|tuned
 */
import { hostname } from 'node:os';
import { PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Client, type ClientOptions, logger } from 'camunda-external-task-client-js';
import { WORKER_TOPIC } from './processes.ts';
import { expectedKey, VARIABLE_NAME } from './site-visit.ts';

const { ENGINE_URL = '', BUCKET = '', S3_ENDPOINT = '' } = process.env;
const isTuned = process.argv[2] === 'tuned';

const PARALLEL = 32;

const clientOptions: ClientOptions = isTuned
  ? {
      baseUrl: ENGINE_URL,
      workerId: `${hostname()}-${process.pid}`,
      maxTasks: PARALLEL,
      maxParallelExecutions: PARALLEL,
      interval: 5,
      asyncResponseTimeout: 8_000,
      lockDuration: 30_000,
      usePriority: false,
    }
  : { baseUrl: ENGINE_URL, use: logger };

const s3Options: S3ClientConfig = isTuned
  ? {
      cacheMiddleware: true,
      requestHandler: new NodeHttpHandler({ httpAgent: { keepAlive: true, maxSockets: PARALLEL } }),
    }
  : {};

const s3 = new S3Client({ endpoint: S3_ENDPOINT, forcePathStyle: true, ...s3Options });
const client = new Client(clientOptions);

client.subscribe(WORKER_TOPIC, isTuned ? { variables: [VARIABLE_NAME] } : {}, async ({ task, taskService }) => {
  const form = task.variables.get(VARIABLE_NAME);
  await s3.send(
    new PutObjectCommand({
      Bucket: BUCKET,
      Key: expectedKey(task.businessKey),
      Body: JSON.stringify(form),
      ContentType: 'application/json',
    }),
  );
  await taskService.complete(task);
});

console.log(JSON.stringify({ time: Date.now(), msg: 'worker is ready' }));
process.on('SIGTERM', () => process.exit(0));
