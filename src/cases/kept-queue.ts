/** A submission as it was just written; without its content one that was there already. */
export type KeptObject = {
  key: string;
  content: { metadata: Record<string, string>; body: string | Uint8Array } | null;
};

export type QueuedObject = KeptObject & { bucket: string; bytes: number };

/** What was kept and is not in the index yet, each object once; bounded by their number and by their bytes. */
export type KeptQueue = {
  /** `false`: there is no place for it. */
  add(bucket: string, object: KeptObject): boolean;
  take(count: number): QueuedObject[];
  /** In front, also where there is no place any more. */
  giveBack(objects: readonly QueuedObject[]): void;
  size(): number;
};

const MAX_OBJECTS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;

export function createKeptQueue(): KeptQueue {
  let queued = new Map<string, QueuedObject>();
  let bytesQueued = 0;
  const nameOf = ({ bucket, key }: { bucket: string; key: string }): string => `${bucket}/${key}`;

  return {
    add(bucket, { key, content }) {
      const name = nameOf({ bucket, key });
      const before = queued.get(name);
      if (before !== undefined && content === null) return true;
      const bytes = content === null ? 0 : Buffer.byteLength(content.body);
      if (queued.size >= MAX_OBJECTS || bytesQueued + bytes > MAX_BYTES) return false;
      bytesQueued += bytes - (before?.bytes ?? 0);
      queued.set(name, { bucket, key, content, bytes });
      return true;
    },
    take(count) {
      const taken: QueuedObject[] = [];
      for (const [name, object] of queued) {
        if (taken.length === count) break;
        queued.delete(name);
        bytesQueued -= object.bytes;
        taken.push(object);
      }
      return taken;
    },
    giveBack(objects) {
      const waiting = queued;
      queued = new Map(objects.map((object) => [nameOf(object), object]));
      for (const [name, object] of waiting) queued.set(name, object);
      bytesQueued = [...queued.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    size: () => queued.size,
  };
}
