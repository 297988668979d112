/** Nearest rank: an observed value, never one in between. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Gaps of a Poisson process in ms; the same seed gives the same arrivals. */
export function* poissonGaps(perSecond: number, seed: number): Generator<number, never> {
  const modulus = 2 ** 31 - 1; // the "minimal standard" generator of Park and Miller
  for (let state = seed; ; ) {
    state = (state * 48_271) % modulus;
    yield (-Math.log(state / modulus) / perSecond) * 1000;
  }
}
