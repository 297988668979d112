import type { S3Address } from '../../dev/servers/s3-server.ts';

/** Addresses of the servers that the tests of one run share. */
export type TestServers = { engineUrl: string; webappUrl: string; s3: S3Address };

/** Where the run publishes them. Set beforehand, it leads the tests to servers that run already. */
export const SERVERS_VARIABLE = 'FORMVAULT_TEST_SERVERS';

export function testServers(): TestServers {
  const text = process.env[SERVERS_VARIABLE];
  if (text === undefined) throw new Error('the servers are started by the projects `contract` and `integration` only');
  return JSON.parse(text) as TestServers;
}
