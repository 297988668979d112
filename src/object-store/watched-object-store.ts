import type { Metrics } from '../observability/metrics.ts';
import type { ObjectStore } from './object-store.ts';

/** Runs what needs a bucket and learns from it whether the bucket answers. */
type Attempt = <T>(bucket: string, run: () => Promise<T>) => Promise<T>;

/** A store whose every request tells whether its bucket answers, and whose writes are measured. */
export function watchObjectStore(store: ObjectStore, attempt: Attempt, metrics: Metrics): ObjectStore {
  return {
    ...store,
    head: (bucket, key, signal) => attempt(bucket, () => store.head(bucket, key, signal)),
    get: (bucket, key, signal) => attempt(bucket, () => store.get(bucket, key, signal)),
    getPart: (bucket, key, part, signal) => attempt(bucket, () => store.getPart(bucket, key, part, signal)),
    createBucket: (bucket, signal) => attempt(bucket, () => store.createBucket(bucket, signal)),
    putIfUnchanged: (object, etag, signal) => attempt(object.bucket, () => store.putIfUnchanged(object, etag, signal)),

    async putIfAbsent(object, signal) {
      const startedMs = performance.now();
      const seconds = (): number => (performance.now() - startedMs) / 1000;
      try {
        const answer = await attempt(object.bucket, () => store.putIfAbsent(object, signal));
        metrics.vaultWritten(answer === 'taken' ? 'unchanged' : 'persisted', seconds());
        if (answer !== 'taken') metrics.vaultBytes(kindOf(object.key), Buffer.byteLength(object.body));
        return answer;
      } catch (error) {
        if (!signal.aborted) metrics.vaultWritten('failed', seconds());
        throw error;
      }
    },
  };
}

function kindOf(key: string): 'submission' | 'attachment' {
  return /\/attachments\/[^/]+\/[^/]+$/.test(key) ? 'attachment' : 'submission';
}
