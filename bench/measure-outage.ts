/**
 * S3 is away while forms are submitted, until the feed stands still and as many incidents stand as may; then it is back, and
 * nobody does anything.
 */
import { startFaultProxy } from './fault-proxy.ts';
import { bucketOf, startFormvault } from './formvault-process.ts';
import { createHttpConnection } from './http-connection.ts';
import { createOwnTasks, untilSo } from './own-tasks.ts';
import type { Servers } from './servers.ts';
import { expectedKey } from './site-visit.ts';
import { LIVE_CLIENTS, OUTAGE_LIMIT, type Sizes } from './sizes.ts';

export type OutageResult = {
  forms: number;
  /** From the last completion until the feed stands still and OUTAGE_LIMIT incidents stand. */
  secondsToStandStill: number;
  mostIncidents: number;
  /** From the return of S3. */
  secondsToAllKept: number;
  secondsToNoIncident: number;
  missing: number;
  /** Objects beside one for each form. */
  extra: number;
};

const ENVIRONMENT = 'bench-outage';
const LOOK_EVERY_MS = 200;
/** So long nothing more happens before S3 is back. */
const STILL_FOR_MS = 5_000;
const WITHIN_MS = 300_000;

export async function measureOutage(servers: Servers, sizes: Sizes): Promise<OutageResult> {
  const { engine, load, vault, signal } = servers;
  const { forms, warmUp } = sizes.outage;
  const tasks = createOwnTasks(engine.url);
  const bucket = bucketOf(ENVIRONMENT);
  const until = (what: string, isSo: () => Promise<boolean>) =>
    untilSo(what, isSo, { withinMs: WITHIN_MS, everyMs: LOOK_EVERY_MS, signal });

  await servers.createBucket(bucket);
  const proxy = await startFaultProxy(servers.s3.endpoint);
  const connection = createHttpConnection();
  try {
    const formvault = await startFormvault(servers, {
      name: ENVIRONMENT,
      environment: ENVIRONMENT,
      until: 'leading',
      settings: { S3_ENDPOINT: proxy.url, OUTAGE_LIMIT: String(OUTAGE_LIMIT) },
    });
    const standsStill = async (): Promise<boolean> => {
      const { text } = await connection.request('GET', `${formvault.url}/health/ready`, { signal });
      return JSON.parse(text).parts.feed.state === 'standing still';
    };
    let mostIncidents = 0;
    const countIncidents = async (): Promise<number> => {
      const incidents = await tasks.incidents();
      mostIncidents = Math.max(mostIncidents, incidents);
      return incidents;
    };
    try {
      const warmUpForms = await load.startStock('o0', 'bench_form', warmUp);
      await load.completeAll(warmUpForms, LIVE_CLIENTS);
      const warmUpKeys = warmUpForms.map(({ businessKey }) => expectedKey(businessKey));
      await vault.untilAllReadable(bucket, warmUpKeys, WITHIN_MS);

      console.error(`failures: S3 is away while ${forms} forms are submitted`);
      const stock = await load.startStock('o1', 'bench_form', forms);
      const keys = stock.map(({ businessKey }) => expectedKey(businessKey));
      proxy.refuse();
      const { endedMs } = await load.completeAll(stock, LIVE_CLIENTS);
      const standMs = await until('the feed stands still behind incidents', async () => {
        return (await countIncidents()) >= OUTAGE_LIMIT && (await standsStill());
      });
      await until('and nothing more happens', async () => {
        await countIncidents();
        return performance.now() > standMs + STILL_FOR_MS;
      });

      console.error('failures: S3 is back');
      const backMs = performance.now();
      proxy.pass();
      const [{ doneMs, missing }, cleanMs] = await Promise.all([
        vault.untilAllReadable(bucket, keys, WITHIN_MS),
        until('no incident is left', async () => (await countIncidents()) === 0 && (await tasks.tasks()) === 0),
      ]);
      const expected = new Set([...warmUpKeys, ...keys]);
      const found = [...(await vault.listKeys(bucket))].filter((key) => !key.startsWith('.formvault/'));
      return {
        forms,
        secondsToStandStill: (standMs - endedMs) / 1000,
        mostIncidents,
        secondsToAllKept: (doneMs - backMs) / 1000,
        secondsToNoIncident: (cleanMs - backMs) / 1000,
        missing,
        extra: found.filter((key) => !expected.has(key)).length,
      };
    } finally {
      await formvault.stop();
    }
  } finally {
    connection.close();
    proxy.close();
    await tasks.deleteAll();
  }
}
