import { startEngine } from '../../dev/servers/engine.ts';
import { startS3Server } from '../../dev/servers/s3-server.ts';
import { SERVERS_VARIABLE, type TestServers } from './servers.ts';
import stopServers, { runningServers } from './stop-servers.ts';

/** Starts an engine and an S3 server for each worker of a run that needs them: test files that run at the same time share nothing. */
export default async function startServers({ maxWorkers }: { maxWorkers: number }): Promise<void> {
  if (process.env[SERVERS_VARIABLE] !== undefined) return;
  const sets: TestServers[] = [];
  try {
    // One set after the other: the first one may have to fetch what the others then find.
    while (sets.length < maxWorkers) sets.push(await startSet());
  } catch (error) {
    await stopServers();
    throw error;
  }
  process.env[SERVERS_VARIABLE] = JSON.stringify(sets);
}

async function startSet(): Promise<TestServers> {
  const starting = [startEngine(), startS3Server()] as const;
  for (const ended of await Promise.allSettled(starting)) {
    if (ended.status === 'fulfilled') runningServers().push(ended.value);
  }
  const [engine, s3] = await Promise.all(starting);
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  return {
    engineUrl: engine.url,
    webappUrl: engine.webappUrl,
    s3: { endpoint, region, accessKeyId, secretAccessKey },
  };
}
