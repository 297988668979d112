import type { ObjectStore } from '../object-store/object-store.ts';

/** The keys of a bucket's submissions, some at a time, in the server's order. @throws FormvaultError of the object store */
export async function* listSubmissions(
  store: Pick<ObjectStore, 'list'>,
  isSubmissionKey: (key: string) => boolean,
  bucket: string,
  atATime: number,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  let keys: string[] = [];
  for await (const key of store.list(bucket, '', signal)) {
    if (!isSubmissionKey(key)) continue;
    keys.push(key);
    if (keys.length < atATime) continue;
    yield keys;
    keys = [];
  }
  if (keys.length > 0) yield keys;
}
