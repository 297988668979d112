import { childrenOf, isKind, keyOf } from '../submission/json-tree.ts';
import type { Answers } from './answers.ts';
import type { Answer, ViewItem } from './form-view.ts';
import { NO_ANSWER, plainAnswer } from './plain-answer.ts';
import { MAX_COLUMNS, MAX_LEVELS, type ViewLimits } from './view-limits.ts';
import { wordsOf } from './words-of-name.ts';

/** Data as they can be read without a definition: names as words, what nests as groups and lists, flat objects as tables. */
export type NamesView = ReturnType<typeof createNamesView>;

export function createNamesView(answers: Answers, limits: ViewLimits) {
  const { tree } = answers;

  /** An answer that has been made of `node`, or as much of it as there is room for; `null` where there is none. */
  function shown(label: string, answer: Answer, node: number | null): ViewItem | null {
    if (limits.take(1) === 0) {
      limits.omit(node === null ? 1 : answers.countValues(node));
      return null;
    }
    return { kind: 'answer', label, answer: fitting(answer) };
  }

  function fitting(answer: Answer): Answer {
    if (answer.kind === 'choices') return { kind: 'choices', texts: firstOf(answer.texts) };
    if (answer.kind === 'files') return { kind: 'files', files: firstOf(answer.files) };
    return answer;
  }

  function firstOf<T>(values: T[]): T[] {
    const room = limits.take(values.length);
    limits.omit(values.length - room);
    return values.slice(0, room);
  }

  /** What is left of a value; from here on it has its place. */
  function itemOf(label: string, node: number, level: number): ViewItem | null {
    let item: ViewItem | null = null;
    if (limits.left() === 0) limits.omit(answers.countValues(node));
    else {
      const answer = answers.isTouched(node) ? null : plainAnswer(answers, node);
      item = answer === null ? nested(label, node, level) : shown(label, answer, node);
    }
    answers.claim(node);
    return item;
  }

  function nested(label: string, node: number, level: number): ViewItem | null {
    if (level >= MAX_LEVELS || limits.take(1) === 0) {
      limits.omit(answers.countValues(node));
      return null;
    }
    const item = isKind(tree, node, 'object')
      ? groupOf(label, itemsOf(node, level + 1))
      : (tableOf(label, node) ?? listOf(label, entriesOf(node, level + 1)));
    if (item === null) limits.giveBack(1);
    return item;
  }

  /** The members of an object that have no place in the view yet. */
  function itemsOf(object: number, level: number): ViewItem[] {
    const items: ViewItem[] = [];
    for (const member of leftIn(object)) {
      const item = itemOf(wordsOf(keyOf(tree, member)), member, level);
      if (item !== null) items.push(item);
    }
    return items;
  }

  function entriesOf(array: number, level: number): ViewItem[][] {
    const entries: ViewItem[][] = [];
    for (const element of leftIn(array)) {
      if (limits.left() === 0) {
        limits.omit(answers.countValues(element));
        continue;
      }
      const isGroup = isKind(tree, element, 'object') && plainAnswer(answers, element) === null;
      const item = isGroup ? null : itemOf('', element, level);
      entries.push(isGroup ? itemsOf(element, level) : item === null ? [] : [item]);
    }
    return entries;
  }

  function* leftIn(container: number): Generator<number> {
    for (const child of childrenOf(tree, container)) {
      const hasNothingLeft = answers.isTouched(child) && answers.countValues(child) === 0;
      if (!answers.isClaimed(child) && !hasNothingLeft) yield child;
    }
  }

  /** `null` unless each row is an object of single answers, and there are few columns. */
  function tableOf(label: string, array: number): ViewItem | null {
    const columns: string[] = [];
    const rows: Map<string, Answer>[] = [];
    const elements = [...leftIn(array)];
    for (const element of elements.slice(0, limits.left())) {
      const row = isKind(tree, element, 'object') ? cellsOf(element) : null;
      if (row === null || row.size === 0) return null;
      for (const name of row.keys()) if (!columns.includes(name) && columns.push(name) > MAX_COLUMNS) return null;
      rows.push(row);
    }
    const room = columns.length === 0 ? 0 : Math.min(rows.length, Math.floor(limits.left() / columns.length));
    if (room === 0) return null;
    limits.take(room * columns.length);
    for (const element of elements.slice(room)) limits.omit(answers.countValues(element));
    const cells = rows.slice(0, room).map((row) => columns.map((name) => fitting(row.get(name) ?? NO_ANSWER)));
    return { kind: 'table', label, columns: columns.map(wordsOf), rows: cells };
  }

  /** By name, those without a place yet; `null` where one is no single answer, or two have the same name. */
  function cellsOf(object: number): Map<string, Answer> | null {
    const cells = new Map<string, Answer>();
    for (const member of leftIn(object)) {
      const name = keyOf(tree, member);
      const answer = answers.isTouched(member) ? null : plainAnswer(answers, member);
      if (answer === null || cells.has(name)) return null;
      cells.set(name, answer);
    }
    return cells;
  }

  return { itemOf, itemsOf, cellsOf, shown, fitting };
}

/** A heading with nothing below it is none. */
export function groupOf(label: string, items: ViewItem[]): ViewItem | null {
  return items.length === 0 ? null : { kind: 'group', label, items };
}

export function listOf(label: string, entries: ViewItem[][]): ViewItem | null {
  const shown = entries.filter((entry) => entry.length > 0);
  return shown.length === 0 ? null : { kind: 'list', label, entries: shown };
}
