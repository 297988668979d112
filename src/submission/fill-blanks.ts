import { unlessBlank } from './blank.ts';
import { findMember, isKind, type JsonTree, textOf } from './json-tree.ts';
import type { Submission } from './submission.ts';

/** Fields to fill, by their JSON text's value; `null` has nothing to offer. */
export type Filling = Record<string, string | null>;

type Edit = { from: number; to: number; text: string };

/**
 * The submission's text with the blank fields of `form` and `process` filled in and everything else as it was. Members that
 * are missing go to the end of their object. A `process` that is there and no object is left alone.
 */
export function fillBlanks(
  { tree, node }: Pick<Submission, 'tree' | 'node'>,
  sections: { form: Filling; process: Filling },
  more: Record<string, unknown> = {},
): string {
  const edits: Edit[] = [];
  const missing: string[] = [];
  for (const [name, filling] of Object.entries(sections)) {
    const section = findMember(tree, node, name);
    if (section !== null && isKind(tree, section, 'object')) edits.push(...fillObject(tree, section, filling));
    else {
      const text = `{${Object.entries(filling).flatMap(asMember).join()}}`;
      if (section === null) missing.push(`${JSON.stringify(name)}:${text}`);
      else if (isBlankValue(tree, section)) edits.push(replaceValue(tree, section, text));
    }
  }
  for (const [name, value] of Object.entries(more)) missing.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  edits.push(...appendMembers(tree, node, missing));
  return applyEdits(tree.text, tree.starts[node] ?? 0, tree.ends[node] ?? 0, edits);
}

function fillObject(tree: JsonTree, object: number, filling: Filling): Edit[] {
  const edits: Edit[] = [];
  const missing: string[] = [];
  for (const [key, value] of Object.entries(filling)) {
    if (value === null) continue;
    const member = findMember(tree, object, key);
    if (member === null) missing.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
    else if (isBlankValue(tree, member)) edits.push(replaceValue(tree, member, JSON.stringify(value)));
  }
  return [...edits, ...appendMembers(tree, object, missing)];
}

function appendMembers(tree: JsonTree, object: number, members: string[]): Edit[] {
  if (members.length === 0) return [];
  const isEmpty = tree.after[object] === object + 1;
  const at = (tree.ends[object] ?? 0) - 1;
  return [{ from: at, to: at, text: `${isEmpty ? '' : ','}${members.join()}` }];
}

function replaceValue(tree: JsonTree, node: number, text: string): Edit {
  return { from: tree.starts[node] ?? 0, to: tree.ends[node] ?? 0, text };
}

function isBlankValue(tree: JsonTree, node: number): boolean {
  if (isKind(tree, node, 'null')) return true;
  return isKind(tree, node, 'string') && unlessBlank(textOf(tree, node)) === null;
}

function asMember([key, value]: [string, string | null]): string[] {
  return value === null ? [] : [`${JSON.stringify(key)}:${JSON.stringify(value)}`];
}

function applyEdits(text: string, from: number, to: number, edits: Edit[]): string {
  const pieces: string[] = [];
  let at = from;
  for (const edit of edits.sort((a, b) => a.from - b.from)) {
    pieces.push(text.slice(at, edit.from), edit.text);
    at = edit.to;
  }
  pieces.push(text.slice(at, to));
  return escapeLoneSurrogates(pieces.join(''));
}

/** UTF-8 cannot carry half a surrogate pair; its JSON escape can. */
function escapeLoneSurrogates(text: string): string {
  if (text.isWellFormed()) return text;
  return text.replaceAll(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}
