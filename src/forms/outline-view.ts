import { childrenOf, isKind, type JsonTree, textOf } from '../submission/json-tree.ts';
import { type Answers, isContainer } from './answers.ts';
import type { Condition, FieldPart, FormPart, NestedPart, RowsPart } from './form-outline.ts';
import type { Answer, ViewItem } from './form-view.ts';
import { formattedAnswer } from './formatted-answer.ts';
import { groupOf, listOf, type NamesView } from './names-view.ts';
import { createOptionLabels } from './option-labels.ts';
import { NO_ANSWER } from './plain-answer.ts';
import { createRowsTable } from './rows-table.ts';
import { MAX_LEVELS, type ViewLimits } from './view-limits.ts';

export type OutlineView = {
  /** What the parts show of the object `scope`; without one nothing is answered. */
  itemsOf(parts: readonly FormPart[], scope: number | null, level: number): ViewItem[];
};

/** What a field shows of an object; `null` where its value needs more than one answer. */
export type CellOf = (
  field: FieldPart,
  scope: number,
) => { node: number | null; isMet: boolean; answer: Answer | null };

/** A definition and the answers, put together: in the order and grouping of the form, below its labels. */
export function createOutlineView(
  answers: Answers,
  limits: ViewLimits,
  names: NamesView,
  /** Where the answers are, and the files that were sent beside them. */
  { root, takeFiles }: { root: number; takeFiles: (variable: string) => Answer | null },
): OutlineView {
  const { tree } = answers;
  const labelsOf = createOptionLabels(answers, root);
  const rowsTable = createRowsTable(answers, limits, names, cellOf);

  function itemsOf(parts: readonly FormPart[], scope: number | null, level: number): ViewItem[] {
    return parts.flatMap((part) => itemsOfPart(part, scope, level));
  }

  function itemsOfPart(part: FormPart, scope: number | null, level: number): ViewItem[] {
    if (!limits.look()) return [];
    switch (part.kind) {
      case 'field':
        return fieldItems(part, scope, level);
      case 'section':
        return ifShown(part.when, scope, () => grouped(part.label, level, (at) => itemsOf(part.parts, scope, at)));
      case 'nested':
        return ifShown(part.when, scope, () => nestedItems(part, scope, level));
      case 'rows':
        return ifShown(part.when, scope, () => rowsItems(part, nodeOf(part.path, scope), level));
      case 'unshown': {
        const node = nodeOf(part.path, scope);
        if (node !== null) answers.claim(node);
        return [];
      }
    }
  }

  function nodeOf(path: string, scope: number | null): number | null {
    return scope === null ? null : answers.find(scope, path);
  }

  /** Parts with a condition are left out where nothing in them is answered. */
  function ifShown(when: Condition, scope: number | null, render: () => ViewItem[]): ViewItem[] {
    if (when === null) return render();
    if (!isMet(when, scope)) return [];
    const before = limits.left();
    const items = render();
    if (items.some(isAnswered)) return items;
    limits.giveBack(before - limits.left());
    return [];
  }

  /** A condition on an answer that is not there, or no single one, is taken as met: what follows it is shown if it is answered. */
  function isMet(when: Condition, scope: number | null): boolean {
    if (when === null || when === 'unknown') return true;
    const node = nodeOf(when.path, scope) ?? answers.find(root, when.path);
    const text = node === null ? null : textOf(tree, node);
    return text === null || (text === when.equals) === when.isShown;
  }

  function cellOf(field: FieldPart, scope: number): ReturnType<CellOf> {
    const node = answers.find(scope, field.path);
    const isShown = isMet(field.when, scope);
    if (node === null || !isShown) return { node: null, isMet: isShown, answer: NO_ANSWER };
    return { node, isMet: true, answer: formattedAnswer(answers, node, field.format, labelsOf) };
  }

  function fieldItems(field: FieldPart, scope: number | null, level: number): ViewItem[] {
    const {
      node,
      isMet: isShown,
      answer,
    } = scope === null ? { node: null, isMet: true, answer: NO_ANSWER } : cellOf(field, scope);
    if (!isShown) return [];
    const files = node === null && scope === root ? takeFiles(field.path) : null;
    const shown = files ?? answer;
    const isLeftOut = shown?.kind === 'none' && field.when !== null;
    const item = isLeftOut
      ? null
      : shown === null && node !== null
        ? names.itemOf(field.label, node, level)
        : names.shown(field.label, shown ?? NO_ANSWER, node);
    if (node !== null) answers.claim(node);
    return item === null ? [] : [item];
  }

  function nestedItems(part: NestedPart, scope: number | null, level: number): ViewItem[] {
    const node = nodeOf(part.path, scope);
    if (node === null || isKind(tree, node, 'null')) {
      if (node !== null) answers.claim(node);
      return grouped(part.label, level, (at) => itemsOf(part.parts, part.isCertain ? null : scope, at));
    }
    if (isKind(tree, node, 'array')) return rowsItems({ ...part, kind: 'rows' }, node, level);
    if (isKind(tree, node, 'object')) {
      if (tree.after[node] === node + 1) answers.claim(node);
      return grouped(part.label, level, (at) => itemsOf(part.parts, node, at));
    }
    const item = names.itemOf(part.label, node, level);
    return item === null ? [] : [item];
  }

  function rowsItems(part: RowsPart, node: number | null, level: number): ViewItem[] {
    if (node !== null && !isContainer(tree, node) && !isKind(tree, node, 'null')) {
      return [names.itemOf(part.label, node, level)].filter((item) => item !== null);
    }
    const elements = elementsOf(tree, node);
    if (node !== null && elements.length === 0) answers.claim(node);
    if (elements.length === 0) return [names.shown(part.label, NO_ANSWER, null)].filter((item) => item !== null);
    const item = rowsTable(part, elements) ?? listOfRows(part, elements, level);
    if (node !== null) answers.claim(node);
    return item === null ? [] : [item];
  }

  function listOfRows(part: RowsPart, elements: number[], level: number): ViewItem | null {
    const isTooDeep = level >= MAX_LEVELS || limits.take(1) === 0;
    const entries: ViewItem[][] = [];
    for (const element of elements) {
      if (isTooDeep || limits.left() === 0 || !limits.isPatient()) limits.omit(answers.countValues(element));
      else if (isKind(tree, element, 'object')) {
        entries.push([...itemsOf(part.parts, element, level + 1), ...names.itemsOf(element, level + 1)]);
      } else entries.push([names.itemOf('', element, level + 1)].filter((item) => item !== null));
    }
    // Rows in which nothing was answered and nothing is asked always.
    const isBlank = !isTooDeep && limits.left() > 0 && entries.every((entry) => entry.length === 0);
    return isBlank ? names.shown(part.label, NO_ANSWER, null) : listOf(part.label, entries);
  }

  /** Without a label there is no heading, and what is in it stands where it is. */
  function grouped(label: string, level: number, render: (level: number) => ViewItem[]): ViewItem[] {
    const hasHeading = label !== '' && level < MAX_LEVELS;
    const room = hasHeading ? limits.take(1) : 0;
    const items = render(hasHeading ? level + 1 : level);
    const group = room === 1 ? groupOf(label, items) : null;
    if (group === null) limits.giveBack(room);
    return group === null ? items : [group];
  }

  return { itemsOf };
}

/** A grid of one row may be stored as that row. */
function elementsOf(tree: JsonTree, node: number | null): number[] {
  if (node === null) return [];
  if (isKind(tree, node, 'array')) return [...childrenOf(tree, node)];
  return isKind(tree, node, 'object') && tree.after[node] !== node + 1 ? [node] : [];
}

export function isAnswered(item: ViewItem): boolean {
  switch (item.kind) {
    case 'answer':
      return item.answer.kind !== 'none';
    case 'group':
      return item.items.some(isAnswered);
    case 'list':
      return item.entries.some((entry) => entry.some(isAnswered));
    case 'table':
      return item.rows.some((row) => row.some(({ kind }) => kind !== 'none'));
  }
}
