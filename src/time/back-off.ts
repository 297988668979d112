/** Growing pauses with jitter: doubles from `firstMs` to `maxMs`, each shortened by up to a quarter at random. */
export function backOffMs(attempt: number, firstMs: number, maxMs: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(full * (1 - Math.random() / 4));
}
