import { setTimeout as timeout } from 'node:timers/promises';

const SHOWN_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** Where people read a case; without a sign-in, since everything here is on one machine. */
export function casePageOf(baseUrl: string, caseId: string): string {
  return `${baseUrl}/cases/${encodeURIComponent(caseId)}`;
}

/** Whether a case page shows all of these texts soon: what was kept is found within a second. */
export async function showsAll(url: string, texts: readonly string[], signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + SHOWN_WITHIN_MS;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const page = await fetch(url, { signal })
      .then((answer) => (answer.ok ? answer.text() : ''))
      .catch(() => '');
    if (texts.every((text) => page.includes(text))) return true;
    await timeout(LOOK_EVERY_MS, undefined, { signal });
  }
  return false;
}
