import { randomNumbers } from './statistics.ts';

export type FaultTarget = 'S3' | 'form API';

/** What goes wrong, for how long, and after how long a time without a fault. */
export type Fault = {
  afterMs: number;
  lastsMs: number;
  targets: FaultTarget[];
  /** `null`: connections are refused; otherwise every answer comes this much later. */
  delayMs: number | null;
};

const SLOW_SHARE = 0.25;

/** For runs that are too short for gaps and faults of full length. */
export type Shares = { ofGaps: number; ofFaults: number };

/** Without end; the same seed gives the same faults. */
export function* drawFaults(seed: number, { ofGaps, ofFaults }: Shares): Generator<Fault, never> {
  const numbers = randomNumbers(seed);
  const between = (least: number, most: number): number => least + numbers.next().value * (most - least);
  const targets: FaultTarget[][] = [['S3'], ['S3'], ['form API'], ['S3', 'form API']];
  for (;;) {
    const afterMs = between(60_000, 120_000) * ofGaps;
    const lastsMs = between(5_000, 40_000) * ofFaults;
    const hit = targets[Math.floor(between(0, targets.length))] ?? ['S3'];
    const delayMs = numbers.next().value < SLOW_SHARE ? between(500, 8_000) : null;
    yield { afterMs, lastsMs, targets: hit, delayMs };
  }
}
