import { canonicalPieces } from '../submission/digest.ts';
import { childrenOf, isKind, type JsonTree, keyOf, textOf } from '../submission/json-tree.ts';

/**
 * The values of a submission, and which of them have a place in the view by now.
 *
 * Whatever is claimed by no part of a definition is shown without one: so nothing gets lost between the two.
 */
export type Answers = ReturnType<typeof createAnswers>;

export function createAnswers(tree: JsonTree) {
  const size = tree.after[0] ?? 0;
  const claimed = new Uint8Array(size);
  /** Something below it is claimed. */
  const touched = new Uint8Array(size);
  const indexes = new Map<number, ReadonlyMap<string, number>>();

  /** Of doubled keys the last one, as in every JSON reader; the others are left over. */
  function membersOf(object: number): ReadonlyMap<string, number> {
    let index = indexes.get(object);
    if (index === undefined) {
      index = new Map([...childrenOf(tree, object)].map((member) => [keyOf(tree, member), member]));
      indexes.set(object, index);
    }
    return index;
  }

  return {
    tree,
    membersOf,

    /** The value at a path of names below an object; a name may have dots itself. */
    find(object: number, path: string): number | null {
      if (!isKind(tree, object, 'object')) return null;
      const whole = membersOf(object).get(path);
      if (whole !== undefined || !path.includes('.')) return whole ?? null;
      let at: number | undefined = object;
      for (const name of path.split('.')) {
        at = isKind(tree, at, 'object') ? membersOf(at).get(name) : undefined;
        if (at === undefined) return null;
      }
      return at;
    },

    claim(node: number): void {
      claimed[node] = 1;
      for (let at = node; at >= 0 && touched[at] !== 1; at = tree.parents[at] ?? -1) touched[at] = 1;
    },

    isClaimed: (node: number): boolean => claimed[node] === 1,
    isTouched: (node: number): boolean => touched[node] === 1,

    /** How many values are in it that have no place yet; an empty object or array is one. */
    countValues(node: number): number {
      const end = tree.after[node] ?? 0;
      let values = 0;
      for (let at = node; at < end; ) {
        if (claimed[at] === 1) at = tree.after[at] ?? end;
        else {
          const isLeaf = tree.after[at] === at + 1;
          // What is left of an object whose members all have their places is no value.
          if (isLeaf) values++;
          at++;
        }
      }
      return values;
    },
  };
}

export function isContainer(tree: JsonTree, node: number): boolean {
  return isKind(tree, node, 'object') || isKind(tree, node, 'array');
}

/** The text by which an option is known: a plain value's own, else its canonical JSON. */
export function canonicalOf(tree: JsonTree, node: number): string {
  return textOf(tree, node) ?? [...canonicalPieces(tree, node)].join('');
}

/** The member of an object as text, when it is a text with something in it. */
export function memberText(answers: Answers, object: number, path: string): string | null {
  const node = answers.find(object, path);
  return node === null ? null : textOf(answers.tree, node);
}
