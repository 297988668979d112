import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createEngineCalls, type EngineCalls } from '../../dev/clients/engine-calls.ts';
import { deleteOwnDeployments } from '../../dev/clients/own-deployments.ts';
import { createVaultReader, type KeptObject, type VaultReader } from '../../dev/clients/vault-reader.ts';
import { cacheDir } from '../../dev/servers/cache.ts';
import { type RunningFormvault, settingsFor, startFormvault } from '../../dev/servers/formvault.ts';
import { testServers } from './servers.ts';

export type World = {
  engine: EngineCalls;
  vault: VaultReader;
  environment: string;
  /** `<environment>-cop-case`, where everything goes that has no `product`; also the state bucket. */
  bucket: string;
  /** A business key that no other test has. */
  newCase(): string;
  /** What is kept of one case, in the default bucket or another one, sorted by key. */
  kept(caseId: string, bucket?: string): Promise<KeptObject[]>;
  /** Starts a Formvault for this world and waits until it leads; the settings are added to those of the world. */
  startFormvault(
    env?: Record<string, string>,
    options?: Parameters<typeof startFormvault>[1],
  ): Promise<RunningFormvault>;
  /** Stops every Formvault of this world that still runs, and gives the engine back. */
  end(): Promise<void>;
};

/** Everything that one test needs, apart from all others: an environment with buckets of its own on the shared servers. */
export function createWorld(env: Record<string, string> = {}): World {
  const servers = testServers();
  const environment = `it-${randomBytes(5).toString('hex')}`;
  const bucket = `${environment}-cop-case`;
  const vault = createVaultReader(servers.s3);
  const engine = createEngineCalls(servers.engineUrl);
  const dataDir = cacheDir('run', `data-${environment}`);
  const started: RunningFormvault[] = [];
  let engineIsOurs: Promise<void> | undefined;
  return {
    engine,
    vault,
    environment,
    bucket,
    newCase: () => `case-${randomBytes(5).toString('hex')}`,
    kept: (caseId, inBucket = bucket) => vault.readAll(inBucket, `${caseId}/`),
    async startFormvault(more = {}, options = {}) {
      // One engine belongs to one environment, and the worlds share theirs.
      engineIsOurs ??= deleteOwnDeployments(engine, (other) => other !== environment);
      await engineIsOurs;
      const isAsked = 'PORT' in env || 'PORT' in more;
      const settings = {
        ENVIRONMENT: environment,
        FEED_LEASE_SECONDS: '3',
        // A stop waits for the open poll.
        LONG_POLL_MS: '1000',
        // Who does not say where, asks for no page: it needs no index either, which takes seconds to begin.
        ROLES: isAsked ? 'feed,worker,web' : 'feed,worker',
        DATA_DIR: dataDir,
        ...settingsFor(servers),
        ...env,
        ...more,
      };
      const formvault = await startFormvault(settings, options);
      started.push(formvault);
      return formvault;
    },
    async end() {
      await Promise.all(started.splice(0).map((formvault) => formvault.stop()));
      vault.close();
      await deleteOwnDeployments(engine, (other) => other === environment);
      await cancelWaiting(engine);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** What waits at checkpoints would be work, or an incident, for the Formvaults of the next test. */
async function cancelWaiting({ http, cancel }: EngineCalls): Promise<void> {
  type ExternalTask = { processInstanceId: string };
  const { data } = await http.get<ExternalTask[]>('/external-task', { params: { maxResults: 1_000 } });
  for (const id of new Set(data.map(({ processInstanceId }) => processInstanceId))) await cancel(id);
}
