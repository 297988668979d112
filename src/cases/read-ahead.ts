/**
 * Gives out what a source gives, while the source goes on up to so many items ahead. `onItem` is called as each is read, in the
 * source's order. What lies ready is given out in none, so that several processes that work through one source meet seldom.
 * @throws what the source throws, once what came before was given out
 */
export async function* readAhead<T>(
  source: AsyncIterable<T>,
  count: number,
  onItem: (item: T) => void,
): AsyncGenerator<T> {
  const items: T[] = [];
  let end: { error: unknown } | 'done' | null = null;
  let isLeft = false;
  let wakeReader = (): void => undefined;
  let wakeSource = (): void => undefined;

  async function read(): Promise<void> {
    for await (const item of source) {
      if (isLeft) return;
      onItem(item);
      items.push(item);
      wakeReader();
      while (items.length >= count && !isLeft) await new Promise<void>((resolve) => (wakeSource = resolve));
    }
  }

  const reading = read().then(
    () => {
      end = 'done';
      wakeReader();
    },
    (error: unknown) => {
      end = { error };
      wakeReader();
    },
  );
  try {
    for (;;) {
      const [item] = items.splice(Math.floor(Math.random() * items.length), 1);
      wakeSource();
      if (item !== undefined) yield item;
      else if (end !== null) break;
      else await new Promise<void>((resolve) => (wakeReader = resolve));
    }
  } finally {
    isLeft = true;
    wakeSource();
    await reading;
  }
  const ended = end as { error: unknown } | 'done' | null;
  if (ended !== null && ended !== 'done') throw ended.error;
}
