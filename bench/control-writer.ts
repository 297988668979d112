/**
 * Writes an object for each key that it is told, with Formvault's own S3 client, and as often as Formvault looks by default.
 * What it uses less processor time for than Formvault does it wastes.
 *
 * usage: node control-writer.ts <file with an example of the objects> <file that gets one key a line> <bucket> <CPU ms a form>
 */
import { openSync, readFileSync, readSync } from 'node:fs';
import pLimit from 'p-limit';
import { createS3ObjectStore } from '../src/object-store/s3-object-store.ts';
import { pause } from '../src/time/pause.ts';
import { CONCURRENCY } from './sizes.ts';

const LOOK_EVERY_MS = 250;
const CHUNK_BYTES = 1024 * 1024;

const [exampleFile = '', keysFile = '', bucket = '', cpuMsPerForm = ''] = process.argv.slice(2);
const example: { body: string; contentType: string; metadata: Record<string, string> } = JSON.parse(
  readFileSync(exampleFile, 'utf8'),
);
const store = createS3ObjectStore({
  endpoint: process.env.S3_ENDPOINT ?? '',
  forcePathStyle: true,
  maxConnections: CONCURRENCY,
});
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const limit = pLimit(CONCURRENCY);
const atStart = process.cpuUsage();
let written = 0;
const keys = openSync(keysFile, 'r');
const chunk = Buffer.alloc(CHUNK_BYTES);
console.log(JSON.stringify({ time: Date.now(), msg: 'control is ready' }));

for (let rest = ''; !stop.signal.aborted; ) {
  const lines = `${rest}${chunk.toString('utf8', 0, readSync(keys, chunk))}`.split('\n');
  rest = lines.pop() ?? '';
  // Not awaited: Formvault reads on as well while it writes.
  for (const key of lines) void limit(() => write(key));
  await pause(LOOK_EVERY_MS, stop.signal);
}
store.close();

async function write(key: string): Promise<void> {
  try {
    await store.putIfAbsent({ ...example, bucket, key }, stop.signal);
    written++;
    while (usedMs() < written * Number(cpuMsPerForm)) wasteTime();
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

/** Of this process, all threads. */
function usedMs(): number {
  const { user, system } = process.cpuUsage(atStart);
  return (user + system) / 1000;
}

function wasteTime(): void {
  const untilMs = performance.now() + 0.1;
  while (performance.now() < untilMs);
}
