import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type HotFunction = { name: string; selfMs: number; share: number };

type CpuProfile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
};

const MOST = 40;

/** The functions that a CPU profile of Node spent its time in, idle time left out. */
export function readHotFunctions(directory: string): { file: string; functions: HotFunction[] } {
  const file = join(directory, readdirSync(directory).find((name) => name.endsWith('.cpuprofile')) ?? '');
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(readFileSync(file, 'utf8'));
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfMs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '?';
    if (name !== '(idle)') selfMs.set(name, (selfMs.get(name) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  }
  const all = [...selfMs.values()].reduce((sum, ms) => sum + ms, 0);
  const functions = [...selfMs].map(([name, ms]) => ({ name, selfMs: ms, share: ms / all }));
  return { file, functions: functions.sort((a, b) => b.selfMs - a.selfMs).slice(0, MOST) };
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName;
  const place = url.replace(/^.*\/node_modules\//, '').replace(/^.*\/src\//, 'src/');
  return `${functionName === '' ? '(anonymous)' : functionName} ${place}:${lineNumber + 1}`;
}
