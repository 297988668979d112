/** Ids that are remembered for some time, all equally long. */
export type ShortMemory = {
  add(id: string): void;
  remove(id: string): void;
  has(id: string): boolean;
};

export function createShortMemory(lifeMs: number, nowMs: () => number): ShortMemory {
  /** In the order in which they end. */
  const ends = new Map<string, number>();

  function forget(): void {
    for (const [id, endMs] of ends) {
      if (endMs > nowMs()) return;
      ends.delete(id);
    }
  }

  return {
    add(id) {
      forget();
      ends.delete(id);
      ends.set(id, nowMs() + lifeMs);
    },
    remove: (id) => ends.delete(id),
    has(id) {
      forget();
      return ends.has(id);
    },
  };
}
