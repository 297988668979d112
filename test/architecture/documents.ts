import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const projectDir = join(import.meta.dirname, '..', '..');

export type Document = { path: string; dir: string; text: string };

export function readDocument(path: string): Document {
  return { path, dir: dirname(path), text: readFileSync(join(projectDir, path), 'utf8') };
}

/** Every page that a reader may open. */
export function readDocuments(): Document[] {
  const pages = readdirSync(join(projectDir, 'docs'), { recursive: true, encoding: 'utf8' });
  return [
    'README.md',
    'CHANGELOG.md',
    ...pages.filter((page) => page.endsWith('.md')).map((page) => join('docs', page)),
  ]
    .toSorted()
    .map(readDocument);
}

/** All TypeScript below a folder, by path. */
export function readSources(folder: string): Map<string, string> {
  const files = readdirSync(join(projectDir, folder), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts')).map((file) => join(folder, file));
  return new Map(sources.map((path) => [path, readFileSync(join(projectDir, path), 'utf8')]));
}

/** What stands in backticks, outside of code blocks. */
export function inlineCode({ text }: Document): string[] {
  return [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? '');
}

export function codeBlocks({ text }: Document): { language: string; code: string }[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({ language, code }));
}

export function withoutBlocks(text: string): string {
  return text.replace(/^```.*?^```$/gms, '');
}

/** From a heading to the next one of its level or above. */
export function sectionOf({ path, text }: Document, heading: string): string {
  const page = `\n${text}`;
  const start = page.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`${path} has no heading ${heading}`);
  const body = page.slice(start + heading.length + 2);
  const level = heading.indexOf(' ');
  const end = body.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end < 0 ? body : body.slice(0, end);
}

/** The rows of the tables in a text, without head and rule, as cells. */
export function tableRows(text: string): string[][] {
  return text.split('\n').flatMap((line, at, lines) => {
    const isHead = /^\|[-|]+\|$/.test(lines[at + 1] ?? '') || /^\|[-|]+\|$/.test(line);
    return !line.startsWith('|') || isHead
      ? []
      : [
          line
            .slice(1, -1)
            .split('|')
            .map((cell) => cell.trim()),
        ];
  });
}
