import type { RunningFormvault } from '../../dev/servers/formvault.ts';

/** What Formvault said of one source in its log, in the order of time: outcomes, or the code where it failed. */
export function outcomesOf(formvault: RunningFormvault, source: string): string[] {
  const lines = formvault.logs().split('\n');
  return lines.flatMap((line) => {
    if (!line.includes(source)) return [];
    const entry = JSON.parse(line) as { source?: string; outcome?: string; code?: string };
    if (entry.source?.startsWith(source) !== true) return [];
    return entry.code ?? entry.outcome ?? [];
  });
}
