import { startEngine } from '../../dev/servers/engine.ts';
import { startS3Server } from '../../dev/servers/s3-server.ts';
import { SERVERS_VARIABLE, type TestServers } from './servers.ts';
import { runningServers } from './stop-servers.ts';

/** Starts one engine and one S3 server for all tests of a run that need them. */
export default async function startServers(): Promise<void> {
  if (process.env[SERVERS_VARIABLE] !== undefined) return;
  const starting = [startEngine(), startS3Server()] as const;
  try {
    const [engine, s3] = await Promise.all(starting);
    runningServers().push(engine, s3);
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    const servers: TestServers = {
      engineUrl: engine.url,
      webappUrl: engine.webappUrl,
      s3: { endpoint, region, accessKeyId, secretAccessKey },
    };
    process.env[SERVERS_VARIABLE] = JSON.stringify(servers);
  } catch (error) {
    await Promise.allSettled(starting.map(async (server) => (await server).stop()));
    throw error;
  }
}
