import type { ObjectStore } from '../object-store/object-store.ts';
import type { IndexKeeper } from './index-keeper.ts';

/** A store that tells of what it writes, and of what was there already, which may be an own write whose answer was lost. */
export function tellOfKept(store: ObjectStore, note: IndexKeeper['note']): ObjectStore {
  return {
    ...store,
    async putIfAbsent(object, signal) {
      const answer = await store.putIfAbsent(object, signal);
      const { bucket, key, metadata = {}, body } = object;
      note(bucket, { key, content: answer === 'taken' ? null : { metadata, body } });
      return answer;
    },
  };
}
