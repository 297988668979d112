/**
 * The ceiling: writes objects with Formvault's own S3 client and nothing else, first in a fresh process, then once more
 * in the same process. Prints the figures as JSON.
 *
 * usage: node raw-writer.ts <file with one object a line> <concurrency> <bucket> <bucket>
 */
import { readFileSync } from 'node:fs';
import type { ObjectToPut } from '../src/object-store/object-store.ts';
import { createS3ObjectStore } from '../src/object-store/s3-object-store.ts';
import { startCpuMeter } from './process-usage.ts';

export type RawPass = { seconds: number; cpuSeconds: number };

const [file = '', concurrency = '', ...buckets] = process.argv.slice(2);
const objects: Omit<ObjectToPut, 'bucket'>[] = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const store = createS3ObjectStore({
  endpoint: process.env.S3_ENDPOINT ?? '',
  forcePathStyle: true,
  maxConnections: Number(concurrency),
});
const signal = new AbortController().signal;

async function writeAll(bucket: string): Promise<RawPass> {
  const cpu = startCpuMeter(process.pid);
  const startedMs = performance.now();
  let next = 0;
  const writeSome = async (): Promise<void> => {
    for (let object = objects[next++]; object !== undefined; object = objects[next++]) {
      if ((await store.putIfAbsent({ ...object, bucket }, signal)) === 'taken')
        throw new Error('the bucket was not empty');
    }
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, writeSome));
  return { seconds: (performance.now() - startedMs) / 1000, cpuSeconds: cpu.seconds() };
}

const passes: RawPass[] = [];
for (const bucket of buckets) passes.push(await writeAll(bucket));
console.log(JSON.stringify(passes));
store.close();
