import { unlessBlank } from '../submission/blank.ts';
import { childrenOf, isKind, type JsonTree, keyOf, sliceOf, textOf } from '../submission/json-tree.ts';
import { type Answers, memberText } from './answers.ts';
import type { Answer } from './form-view.ts';
import { shownText } from './view-limits.ts';
import { writeDate } from './written-dates.ts';

export type FileAnswer = Extract<Answer, { kind: 'file' }>;

export const NO_ANSWER: Answer = { kind: 'none' };

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)((?:;[^;,]+)*);base64,/;
const MAX_START = 500;
/** Of a file that a form builder describes. */
const FILE_MEMBERS = new Set(
  'storage name originalName size type url hash dir bucket key acl data fileType id documentId metadata'.split(' '),
);

/** A value by what it looks like, without a definition; `null` for what needs more than one answer. */
export function plainAnswer(answers: Answers, node: number): Answer | null {
  const { tree } = answers;
  if (isKind(tree, node, 'boolean')) return { kind: 'checked', checked: sliceOf(tree, node) === 'true' };
  if (isKind(tree, node, 'object')) {
    return isEmpty(tree, node) ? NO_ANSWER : describesFile(answers, node) ? fileOf(answers, node) : null;
  }
  if (!isKind(tree, node, 'array')) {
    const text = unlessBlank(textOf(tree, node));
    if (text === null) return NO_ANSWER;
    return fileInText(text) ?? { kind: 'text', text: plainText(tree, node) };
  }
  const areFiles = [...childrenOf(tree, node)].every((element) => describesFile(answers, element));
  return (areFiles ? filesOf(answers, node) : null) ?? listOf(tree, node, (element) => plainText(tree, element));
}

/** Whether an object holds nothing else. */
function describesFile({ tree }: Answers, node: number): boolean {
  if (!isKind(tree, node, 'object')) return false;
  for (const member of childrenOf(tree, node)) if (!FILE_MEMBERS.has(keyOf(tree, member))) return false;
  return true;
}

/** A list of plain values; `null` where `textOf` says so of one of them. Blank ones hold nothing. */
export function listOf(tree: JsonTree, array: number, write: (element: number) => string | null): Answer | null {
  const texts: string[] = [];
  for (const element of childrenOf(tree, array)) {
    const text = isKind(tree, element, 'object') || isKind(tree, element, 'array') ? null : write(element);
    if (text === null) return null;
    if (unlessBlank(text) !== null) texts.push(text);
  }
  return texts.length === 0 ? NO_ANSWER : { kind: 'choices', texts };
}

/** A plain value as text: dates are written out, booleans are words. */
export function plainText(tree: JsonTree, node: number): string {
  if (isKind(tree, node, 'boolean')) return sliceOf(tree, node) === 'true' ? 'Yes' : 'No';
  const text = textOf(tree, node) ?? '';
  return (isKind(tree, node, 'string') ? writeDate(text, 'date-time') : null) ?? shownText(text);
}

/** One file or several, as form builders describe files that lie elsewhere; `null` where they are none. */
export function filesOf(answers: Answers, node: number): Answer | null {
  if (!isKind(answers.tree, node, 'array')) return fileOf(answers, node);
  const files: FileAnswer[] = [];
  for (const element of childrenOf(answers.tree, node)) {
    const file = fileOf(answers, element);
    if (file === null) return null;
    files.push(file);
  }
  const [first] = files;
  if (first === undefined) return null;
  return files.length === 1 ? first : { kind: 'files', files };
}

/** Form.io: `{storage, name, originalName, size, type, …}`; Camunda: `{documentId, metadata: {fileName, contentType, size}}`. */
function fileOf(answers: Answers, node: number): FileAnswer | null {
  const text = (path: string): string | null => unlessBlank(memberText(answers, node, path));
  const isFormio = text('originalName') !== null && (text('storage') ?? text('url')) !== null;
  if (!isFormio && text('metadata.fileName') === null) return null;
  return {
    kind: 'file',
    fileName: shownText(text('originalName') ?? text('metadata.fileName') ?? ''),
    contentType: text('type') ?? text('metadata.contentType') ?? 'application/octet-stream',
    bytes: countOf(text('size') ?? text('metadata.size')),
    key: null,
  };
}

/** A file that stands in a text as a data URL is told as one, not as a wall of letters. */
export function fileInText(text: string): FileAnswer | null {
  const [start, contentType, parameters = ''] = DATA_URL.exec(text.slice(0, MAX_START)) ?? [];
  if (start === undefined || contentType === undefined) return null;
  const base64 = text.length - start.length - (/={0,2}$/.exec(text.slice(-2))?.[0].length ?? 0);
  const name = unlessBlank(/;name=([^;,]+)/.exec(parameters)?.[1]);
  const fileName = name === null ? (contentType.startsWith('image/') ? 'Picture' : 'File') : decoded(name);
  return { kind: 'file', fileName, contentType, bytes: Math.floor((base64 * 3) / 4), key: null };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export function countOf(text: string | null): number {
  const count = Number(text ?? 0);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

function isEmpty(tree: JsonTree, node: number): boolean {
  return tree.after[node] === node + 1;
}
