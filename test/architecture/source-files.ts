import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** What is installed, built or fetched is not ours. */
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.cache', 'data']);

export type SourceFile = { path: string; text: string };

/** The files below a folder of the repository with one of the endings, by their paths from its root. */
export function readFilesBelow(folder: string, endings: string[]): SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(path.join(ROOT, directory), { withFileTypes: true })) {
      const at = path.posix.join(directory, entry.name);
      if (entry.isDirectory() && !NOT_OURS.has(entry.name)) visit(at);
      if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) {
        files.push({ path: at, text: readFileSync(path.join(ROOT, at), 'utf8') });
      }
    }
  };
  visit(folder);
  return files;
}

export type Import = { from: string; to: string };

/** The relative imports of a file, types too, as paths from the repository's root. */
export function importsOf({ path: from, text }: SourceFile): Import[] {
  const targets = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].map(([, target]) => target ?? '');
  return targets.map((target) => ({ from, to: path.posix.join(path.posix.dirname(from), target) }));
}

/** Without comments, and without what stands in texts. */
export function codeOf({ text }: SourceFile): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
}
