import type { ObjectStore } from './object-store.ts';

const PROBE_KEY = '.formvault/probe.json';
const WRONG_ETAG = '"00000000000000000000000000000000"';

/** Tries on one small object whether the server honours `If-None-Match` and `If-Match` (F10); says which it ignores. */
export async function findIgnoredCondition(
  store: ObjectStore,
  bucket: string,
  signal: AbortSignal,
): Promise<'If-None-Match' | 'If-Match' | null> {
  const probe = { bucket, key: PROBE_KEY, body: '{}\n', contentType: 'application/json' };
  await store.putIfAbsent(probe, signal);
  if ((await store.putIfAbsent(probe, signal)) !== 'taken') return 'If-None-Match';
  return (await store.putIfUnchanged(probe, WRONG_ETAG, signal)) === 'changed' ? null : 'If-Match';
}
