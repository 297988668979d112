/**
 * The buckets of this environment: those whose names begin with it, where S3 lets us look, else those that are known.
 *
 * `prod-eu-cop-case` is the product `eu-cop-case` of `prod`, or the product `cop-case` of another environment, `prod-eu`. The
 * second is told by the state of a feed that lies there; then nothing that begins with `prod-eu-` is ours.
 */
import { failureCodeOf } from '../errors.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import type { Log } from '../observability/log.ts';
import { FEED_STATE_KEY } from '../vault/object-layout.ts';

export type EnvironmentBuckets = {
  /** That something was kept there. */
  note(bucket: string): void;
  /** Sorted. @throws FormvaultError VAULT_UNAVAILABLE, SHUTTING_DOWN */
  list(signal: AbortSignal): Promise<string[]>;
};

export function createEnvironmentBuckets(options: {
  store: Pick<ObjectStore, 'listBuckets' | 'head'>;
  environment: string;
  defaultProduct: string;
  /** The default bucket and the state bucket. */
  known: readonly string[];
  log: Log;
}): EnvironmentBuckets {
  const { store, environment, defaultProduct, log } = options;
  const prefix = `${environment.toLowerCase()}-`;
  const suffix = `-${defaultProduct.toLowerCase()}`;
  const known = new Set(options.known);
  let hasToldDenial = false;

  async function readNames(signal: AbortSignal): Promise<string[]> {
    const names: string[] = [];
    try {
      for await (const name of store.listBuckets(prefix, signal)) names.push(name);
    } catch (error) {
      if (failureCodeOf(error) !== 'VAULT_REJECTED') throw error;
      if (!hasToldDenial)
        log.info({ part: 'cases' }, 'buckets may not be listed: only those that are known are indexed');
      hasToldDenial = true;
    }
    return names;
  }

  async function findForeign(names: readonly string[], signal: AbortSignal): Promise<string[]> {
    const foreign: string[] = [];
    for (const name of names) {
      if (known.has(name) || !name.endsWith(suffix)) continue;
      if (await hasFeedState(name, signal)) foreign.push(`${name.slice(0, -suffix.length)}-`);
    }
    return foreign;
  }

  async function hasFeedState(bucket: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await store.head(bucket, FEED_STATE_KEY, signal)) !== null;
    } catch (error) {
      if (failureCodeOf(error) === 'VAULT_REJECTED') return false; // then nothing else of it can be read either
      throw error;
    }
  }

  return {
    note(bucket) {
      known.add(bucket);
    },
    async list(signal) {
      const names = await readNames(signal);
      const foreign = await findForeign(names, signal);
      const ours = names.filter((name) => !foreign.some((begin) => name.startsWith(begin)));
      return [...new Set([...known, ...ours])].sort();
    },
  };
}
