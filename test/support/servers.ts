import type { S3Address } from '../../dev/servers/s3-server.ts';

/** Addresses of the servers that the tests of one worker share. */
export type TestServers = { engineUrl: string; webappUrl: string; s3: S3Address };

/** Where the run publishes them, one set for each worker of Jest. Set beforehand, it leads the tests to servers that run already. */
export const SERVERS_VARIABLE = 'FORMVAULT_TEST_SERVERS';

export function testServers(): TestServers {
  const text = process.env[SERVERS_VARIABLE];
  if (text === undefined) throw new Error('the servers are started by the projects `contract` and `integration` only');
  const sets = JSON.parse(text) as TestServers[];
  const worker = Number(process.env.JEST_WORKER_ID ?? 1);
  const ours = sets[worker - 1];
  if (ours === undefined)
    throw new Error(`there are servers for ${sets.length} workers of Jest, and this is number ${worker}`);
  return ours;
}
