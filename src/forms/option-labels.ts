import { childrenOf, isKind, keyOf } from '../submission/json-tree.ts';
import { type Answers, canonicalOf, isContainer, memberText } from './answers.ts';
import type { Options } from './form-outline.ts';

const MAX_OPTIONS = 10_000;

/** The labels of options, with those that the answers hold themselves: objects with value and label, or labels by value. */
export function createOptionLabels(answers: Answers, root: number): (options: Options) => ReadonlyMap<string, string> {
  const bySource = new Map<string, ReadonlyMap<string, string>>();

  function read(source: string): ReadonlyMap<string, string> {
    const { tree } = answers;
    const labels = new Map<string, string>();
    const node = answers.find(root, source);
    if (node === null || !isContainer(tree, node)) return labels;
    for (const entry of childrenOf(tree, node)) {
      if (labels.size >= MAX_OPTIONS) break;
      if (isKind(tree, node, 'object')) {
        if (isKind(tree, entry, 'string')) labels.set(keyOf(tree, entry), canonicalOf(tree, entry));
      } else if (isKind(tree, entry, 'object')) {
        const value = answers.find(entry, 'value');
        const label = memberText(answers, entry, 'label');
        if (value !== null && label !== null) labels.set(canonicalOf(tree, value), label);
      }
    }
    return labels;
  }

  return ({ labels, source }) => {
    if (source === null) return labels;
    const known = bySource.get(source) ?? read(source);
    bySource.set(source, known);
    return labels.size === 0 ? known : new Map([...labels, ...known]);
  };
}
