/** Works on what comes, so many at a time and no further ahead. The first failure stops what follows, and is thrown when all have ended. */
export async function someAtATime<T>(
  items: AsyncIterable<T>,
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failed: unknown[] = [];
  try {
    for await (const item of items) {
      const working = work(item).catch((error: unknown) => {
        failed.push(error);
      });
      underWay.add(working);
      void working.then(() => underWay.delete(working));
      if (underWay.size >= count) await Promise.race(underWay);
      if (failed.length > 0) break;
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failed.length > 0) throw failed[0];
}
