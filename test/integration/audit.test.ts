import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { AuditEntry } from '../../src/audit/audit-entry.ts';
import { createAuditLog } from '../../src/audit/audit-log.ts';
import { readAudit } from '../../src/audit/read-audit.ts';
import type { ObjectStore } from '../../src/object-store/object-store.ts';
import { createS3ObjectStore } from '../../src/object-store/s3-object-store.ts';
import { anAuditEntry } from '../support/builders-audit.ts';
import { createRememberingLog } from '../support/builders-log.ts';
import { startDenyingProxy } from '../support/denying-proxy.ts';
import { runCommand } from '../support/run-command.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const { signal } = new AbortController();

let world: World;
let store: ObjectStore;
beforeEach(async () => {
  world = createWorld();
  store = openStore();
  await store.createBucket(world.bucket, signal);
});
afterEach(async () => {
  store.close();
  await world.end();
});

function openStore(endpoint = testServers().s3.endpoint): ObjectStore {
  const { region, accessKeyId, secretAccessKey } = testServers().s3;
  return createS3ObjectStore(
    { endpoint, region, forcePathStyle: true, maxConnections: 16 },
    { credentials: { accessKeyId, secretAccessKey } },
  );
}

const openLog = (through: ObjectStore = store) =>
  createAuditLog({ store: through, bucket: world.bucket, instanceId: randomUUID(), log: createRememberingLog() });

async function entries(): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  const reading = { onBroken: (place: unknown) => expect(place).toBeNull() };
  for await (const entry of readAudit(store, world.bucket, {}, reading, signal)) found.push(entry);
  return found;
}

const now = (seconds = 0) => new Date(Date.now() + seconds * 1000).toISOString();

describe('the audit trail on a real S3 server', () => {
  test('holds each of many entries of several processes once, in few objects', async () => {
    const logs = [openLog(), openLog()];
    const names = Array.from({ length: 300 }, (_, each) => `person ${each}`);
    await Promise.all(names.map((who, each) => logs[each % 2]?.record(anAuditEntry({ at: now(), who }), signal)));
    await Promise.all(logs.map((log) => log.stop(signal)));

    expect((await entries()).map(({ who }) => who).sort()).toEqual(names.toSorted());
    const objects: string[] = [];
    for await (const key of store.list(world.bucket, '.formvault/audit/', signal)) objects.push(key);
    expect(objects.length).toBeLessThan(20);
    await expect(store.head(world.bucket, objects[0] ?? '', signal)).resolves.toMatchObject({
      contentType: 'application/x-ndjson',
    });
  });

  test('that may not be written lets nothing be shown', async () => {
    const proxy = await startDenyingProxy(testServers().s3.endpoint);
    const denied = openStore(proxy.url);
    proxy.deny(world.bucket);
    await expect(openLog(denied).record(anAuditEntry(), signal)).rejects.toMatchObject({ code: 'VAULT_REJECTED' });
    await expect(entries()).resolves.toEqual([]);
    denied.close();
    await proxy.close();
  });
});

describe('formvault audit', () => {
  const audit = (...args: string[]) => runCommand(['audit', ...args], { ENVIRONMENT: world.environment });

  test('lists who looked at a case, and when', async () => {
    const log = openLog();
    await log.record(anAuditEntry({ at: now(-60), who: 'anna', caseId: 'CASE-1' }), signal);
    await log.record(anAuditEntry({ at: now(), who: 'bob', caseId: 'CASE-1', action: 'print' }), signal);
    await log.record(anAuditEntry({ at: now(), who: 'carl', caseId: 'CASE-2' }), signal);

    const { exitCode, said } = await audit('--case', 'CASE-1');
    expect(exitCode).toBe(0);
    expect(said.split('\n').map((line) => line.split(' ')[0])).toEqual(['Who', 'anna', 'bob', '']);
    expect(said).toContain('printed the case CASE-1');

    const later = await audit('--from', now(-30), '--json');
    const lines = later.said.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).who).sort()).toEqual(['bob', 'carl']);
  });

  test('ends with exit code 1 when something in the trail cannot be read', async () => {
    await world.vault.put(world.bucket, '.formvault/audit/2026/01/01/scribble.jsonl', 'hello');
    await expect(audit()).resolves.toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('cannot be read: .formvault/audit/2026/01/01/scribble.jsonl'),
    });
  });

  test('ends with exit code 1 where the state bucket is missing, with 78 for wrong settings and times', async () => {
    const missing = await runCommand(['audit'], { ENVIRONMENT: 'nowhere' });
    expect(missing).toEqual({ exitCode: 1, said: expect.stringContaining('BUCKET_MISSING') });
    const wrong = await runCommand(['audit'], { ENVIRONMENT: '' });
    expect(wrong).toEqual({ exitCode: 78, said: expect.stringContaining('ENVIRONMENT is missing') });
    await expect(audit('--from', 'yesterday')).resolves.toEqual({
      exitCode: 78,
      said: expect.stringContaining('could not read --from'),
    });
    await expect(audit('--until', 'now')).resolves.toMatchObject({ exitCode: 78 });
  });
});
