/** Nearest rank: an observed value, never one in between. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Numbers between 0 and 1, neither of them; the same seed gives the same numbers. */
export function* randomNumbers(seed: number): Generator<number, never> {
  const modulus = 2 ** 31 - 1; // the "minimal standard" generator of Park and Miller
  for (let state = seed; ; ) {
    state = (state * 48_271) % modulus;
    yield state / modulus;
  }
}

/** Gaps of a Poisson process in ms; the same seed gives the same arrivals. */
export function* poissonGaps(perSecond: number, seed: number): Generator<number, never> {
  for (const number of randomNumbers(seed)) yield (-Math.log(number) / perSecond) * 1000;
  throw new Error('random numbers do not end');
}

/** Of the straight line with the least squares of distances to the points. */
export function slope(points: readonly { x: number; y: number }[]): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const products = points.map(({ x, y }) => (x - meanX) * (y - meanY));
  const squares = points.map(({ x }) => (x - meanX) ** 2);
  return mean(products) / mean(squares);
}
