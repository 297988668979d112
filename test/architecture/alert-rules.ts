import { readDocument } from './documents.ts';

export type AlertRule = {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
};

type Line = { indent: number; text: string };

/** Reads the part of YAML that a file of alert rules needs; anything else is an error. */
export function readAlertRules(path: string): AlertRule[] {
  const lines = readDocument(path)
    .text.split('\n')
    .map((line) => ({ indent: line.search(/\S|$/), text: line.trim() }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  const { groups } = readMap(lines, 0) as { groups: { rules: AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** Takes the lines of one block off the front. */
function readBlock(lines: Line[]): unknown {
  const [first] = lines;
  if (first === undefined) throw new Error('a key has no value');
  return first.text.startsWith('- ') ? readList(lines, first.indent) : readMap(lines, first.indent);
}

function readList(lines: Line[], indent: number): unknown[] {
  const items: unknown[] = [];
  for (let line = lines[0]; line?.indent === indent && line.text.startsWith('- '); line = lines[0]) {
    lines[0] = { indent: indent + 2, text: line.text.slice(2) };
    items.push(readMap(lines, indent + 2));
  }
  return items;
}

function readMap(lines: Line[], indent: number): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (let line = lines[0]; line?.indent === indent && !line.text.startsWith('- '); line = lines[0]) {
    const [, key = '', value = ''] = /^(\w+):(?: (.+))?$/.exec(line.text) ?? [];
    if (key === '' || key in map) throw new Error(`not a new key: ${line.text}`);
    lines.shift();
    if (value === '|') map[key] = readText(lines, indent);
    else map[key] = value === '' ? readBlock(lines) : readScalar(value);
  }
  if ((lines[0]?.indent ?? 0) > indent) throw new Error(`too far to the right: ${lines[0]?.text}`);
  return map;
}

function readText(lines: Line[], indent: number): string {
  const text: string[] = [];
  while (lines[0] !== undefined && lines[0].indent > indent) text.push(lines.shift()?.text ?? '');
  return text.join('\n');
}

function readScalar(value: string): string {
  if (value.startsWith('"')) return JSON.parse(value);
  const [, quoted] = /^'((?:[^']|'')*)'$/.exec(value) ?? [];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (!/^[\w-]+$/.test(value)) throw new Error(`needs quotes: ${value}`);
  return value;
}
