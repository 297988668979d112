import { createHash } from 'node:crypto';
import { childrenOf, isKind, type JsonTree, keyOf, sliceOf } from './json-tree.ts';

const CHUNK_CHARACTERS = 65_536;

/**
 * The canonical text of a value in pieces: RFC 8785, but numbers keep their text and doubled keys stay, in their order.
 * Uses no recursion, so depth does not matter.
 */
export function* canonicalPieces(tree: JsonTree, root: number): Generator<string> {
  type Open = { end: string; isObject: boolean; rest: number[]; keys: Map<number, string>; started: boolean };
  const open: Open[] = [];
  let node: number | undefined = root;

  while (node !== undefined) {
    const isObject = isKind(tree, node, 'object');
    if (isObject || isKind(tree, node, 'array')) {
      const rest = [...childrenOf(tree, node)];
      const keys = new Map<number, string>();
      if (isObject) {
        for (const member of rest) keys.set(member, keyOf(tree, member));
        rest.sort((a, b) => compareCodeUnits(keys.get(a) ?? '', keys.get(b) ?? ''));
      }
      open.push({ end: isObject ? '}' : ']', isObject, rest: rest.reverse(), keys, started: false });
      yield isObject ? '{' : '[';
    } else yield canonicalScalar(tree, node);

    node = undefined;
    for (let top = open.at(-1); top !== undefined && node === undefined; top = open.at(-1)) {
      node = top.rest.pop();
      if (node === undefined) {
        yield top.end;
        open.pop();
        continue;
      }
      const comma = top.started ? ',' : '';
      top.started = true;
      yield top.isObject ? `${comma}${JSON.stringify(top.keys.get(node) ?? '')}:` : comma;
    }
  }
}

/** SHA-256 of the canonical text, 64 hex digits in lower case. */
export function digestOf(tree: JsonTree, node = 0): string {
  const hash = createHash('sha256');
  let chunk = '';
  for (const piece of canonicalPieces(tree, node)) {
    chunk += piece;
    if (chunk.length > CHUNK_CHARACTERS) {
      hash.update(chunk);
      chunk = '';
    }
  }
  return hash.update(chunk).digest('hex');
}

function canonicalScalar(tree: JsonTree, node: number): string {
  const slice = sliceOf(tree, node);
  if (!isKind(tree, node, 'string')) return slice;
  // Without a backslash the text is canonical already; `JSON.stringify` also escapes what UTF-8 cannot carry.
  return slice.includes('\\') || !slice.isWellFormed() ? JSON.stringify(JSON.parse(slice)) : slice;
}

function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
