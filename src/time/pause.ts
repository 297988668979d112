import { setTimeout as timeout } from 'node:timers/promises';

/** Waits `ms`, or less when the signal aborts; never throws, so loops stay `while (!signal.aborted)`. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await timeout(ms, undefined, { signal }).catch(() => undefined);
}
