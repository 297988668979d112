import { unlessBlank } from '../submission/blank.ts';
import { childrenOf, isKind, keyOf, sliceOf, textOf } from '../submission/json-tree.ts';
import { type Answers, canonicalOf, isContainer, memberText } from './answers.ts';
import type { AnswerFormat, Options } from './form-outline.ts';
import type { Answer } from './form-view.ts';
import { fillTemplate } from './option-template.ts';
import { fileInText, filesOf, listOf, NO_ANSWER, plainAnswer } from './plain-answer.ts';
import { plainLines } from './plain-text.ts';
import { shownText } from './view-limits.ts';
import { writeDate, writeParts, writeTime } from './written-dates.ts';

/** Where Google, OpenStreetMap and Azure say what an address that they found is called. */
const ADDRESS_NAMES = ['formatted_address', 'display_name', 'freeformAddress'];

/**
 * A value as the definition writes it; `null` for one that needs more than one answer. A value that does not fit its format is
 * shown as it is. `labelsOf` gives the labels of options, which may stand in the data.
 */
export function formattedAnswer(
  answers: Answers,
  node: number,
  format: AnswerFormat,
  labelsOf: (options: Options) => ReadonlyMap<string, string>,
): Answer | null {
  const { tree } = answers;
  const isEmpty = tree.after[node] === node + 1;
  if (isKind(tree, node, 'null') || (isContainer(tree, node) && isEmpty)) return NO_ANSWER;
  if (isKind(tree, node, 'string') && unlessBlank(textOf(tree, node)) === null) return NO_ANSWER;

  switch (format.as) {
    case 'anything':
      return plainAnswer(answers, node);
    case 'password':
      return { kind: 'text', text: 'Not shown, as in the form' };
    case 'files':
      return filesOf(answers, node) ?? plainAnswer(answers, node);
    case 'address':
      return addressOf(answers, node) ?? plainAnswer(answers, node);
    case 'ticks':
      return ticksOf(answers, node, labelsOf(format.options)) ?? plainAnswer(answers, node);
    case 'choice':
      return choiceOf(answers, node, labelsOf(format.options), format.options.template);
    case 'tags':
      return tagsOf(answers, node, format.delimiter);
    default:
      return writtenOf(answers, node, (text) => write(format, text));
  }
}

type Written = Exclude<
  AnswerFormat,
  { as: 'anything' | 'password' | 'files' | 'address' | 'ticks' | 'choice' | 'tags' }
>;

/** `null` for a text that does not fit. */
function write(format: Written, text: string): string | null {
  switch (format.as) {
    case 'text':
      return join(format.before, text, format.after);
    case 'rich-text':
      return plainLines(text);
    case 'money':
      return writeMoney(text, format.currency);
    case 'date':
    case 'date-time':
      return writeDate(text, format.as);
    case 'time':
      return writeTime(text) ?? writeDate(text, 'date-time');
    case 'day':
      return writeParts(text, format.order, format.shown) ?? writeDate(text, 'date');
    case 'signature':
      return text.startsWith('data:image/') ? 'Signed' : null;
  }
}

function writtenOf(answers: Answers, node: number, write: (text: string) => string | null): Answer | null {
  const { tree } = answers;
  const line = (value: number): string => {
    if (isKind(tree, value, 'boolean')) return sliceOf(tree, value) === 'true' ? 'Yes' : 'No';
    const text = textOf(tree, value) ?? '';
    return unlessBlank(text) === null ? '' : shownText(write(text) ?? text);
  };
  if (isKind(tree, node, 'object')) return plainAnswer(answers, node);
  if (isKind(tree, node, 'array')) return filesOf(answers, node) ?? listOf(tree, node, line);
  if (isKind(tree, node, 'boolean')) return plainAnswer(answers, node);
  const file = fileInText(textOf(tree, node) ?? '');
  const text = line(node);
  if (file !== null && text.startsWith('data:')) return file;
  return unlessBlank(text) === null ? NO_ANSWER : { kind: 'text', text };
}

function choiceOf(
  answers: Answers,
  node: number,
  labels: ReadonlyMap<string, string>,
  template: string | null,
): Answer | null {
  const { tree } = answers;
  const labelOf = (value: number): string | null => {
    const label = labels.size === 0 ? undefined : labels.get(canonicalOf(tree, value));
    if (label !== undefined) return label;
    if (!isKind(tree, value, 'object') || template === null) return null;
    const filled = fillTemplate(template, (path) => memberText(answers, value, path));
    return filled === null ? null : shownText(filled);
  };
  const label = labelOf(node);
  if (label !== null) return { kind: 'text', text: label };
  if (!isKind(tree, node, 'array')) return plainChoice(answers, node);
  const texts: string[] = [];
  for (const element of childrenOf(tree, node)) {
    const text = labelOf(element) ?? (isContainer(tree, element) ? null : (textOf(tree, element) ?? ''));
    if (text === null) return plainAnswer(answers, node);
    if (unlessBlank(text) !== null) texts.push(shownText(text));
  }
  return texts.length === 0 ? NO_ANSWER : { kind: 'choices', texts };
}

/** A value that is none of the options is shown as it is, also where it looks like a date. */
function plainChoice(answers: Answers, node: number): Answer | null {
  return isKind(answers.tree, node, 'string')
    ? { kind: 'text', text: shownText(textOf(answers.tree, node) ?? '') }
    : plainAnswer(answers, node);
}

/** `{"a": true, "b": false}`; form builders also write `{"": false}` where there is none. */
function ticksOf(answers: Answers, node: number, labels: ReadonlyMap<string, string>): Answer | null {
  const { tree } = answers;
  if (!isKind(tree, node, 'object')) return null;
  const texts: string[] = [];
  for (const member of childrenOf(tree, node)) {
    if (!isKind(tree, member, 'boolean')) return null;
    const key = keyOf(tree, member);
    if (sliceOf(tree, member) === 'true') texts.push(labels.get(key) ?? shownText(key));
  }
  return texts.length === 0 ? NO_ANSWER : { kind: 'choices', texts };
}

function tagsOf(answers: Answers, node: number, delimiter: string): Answer | null {
  if (!isKind(answers.tree, node, 'string')) return writtenOf(answers, node, (text) => text);
  const tags = (textOf(answers.tree, node) ?? '').split(delimiter).map((tag) => tag.trim());
  const texts = tags.filter((tag) => unlessBlank(tag) !== null).map(shownText);
  const [first] = texts;
  if (first === undefined) return NO_ANSWER;
  return texts.length === 1 ? { kind: 'text', text: first } : { kind: 'choices', texts };
}

/** What a provider of addresses found is long and for machines; one that was typed in is a handful of lines. */
function addressOf(answers: Answers, node: number): Answer | null {
  const { tree } = answers;
  if (!isKind(tree, node, 'object')) return null;
  const inner = answers.find(node, 'address');
  const places = inner !== null && isKind(tree, inner, 'object') ? [inner, node] : [node];
  for (const place of places) {
    for (const name of ADDRESS_NAMES) {
      const text = unlessBlank(memberText(answers, place, name));
      if (text !== null) return { kind: 'text', text: shownText(text) };
    }
  }
  const isWrapped =
    inner !== null && [...answers.membersOf(node).keys()].every((name) => ['address', 'mode'].includes(name));
  const typed = isWrapped ? inner : node;
  const lines: string[] = [];
  for (const member of childrenOf(tree, typed)) {
    if (isContainer(tree, member)) return null;
    const line = unlessBlank(textOf(tree, member));
    if (line !== null) lines.push(line);
  }
  return lines.length === 0 ? NO_ANSWER : { kind: 'text', text: shownText(lines.join(', ')) };
}

/** Digits stay as they are, but for zeros at the end of a broken amount: `142.5` is `£142.50`. */
function writeMoney(text: string, currency: string): string | null {
  const [, sign = '', whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined || !/^[A-Z]{3}$/i.test(currency)) return null;
  const style = { style: 'currency', currency: currency.toUpperCase() } as const;
  const format = new Intl.NumberFormat('en-GB', style);
  const symbol = format.formatToParts(0).find(({ type }) => type === 'currency')?.value ?? currency;
  const digits = fraction.padEnd(fraction === '' ? 0 : (format.resolvedOptions().maximumFractionDigits ?? 0), '0');
  const gap = /\p{L}$/u.test(symbol) ? '\u00a0' : '';
  return `${sign}${symbol}${gap}${whole}${digits === '' ? '' : `.${digits}`}`;
}

/** Signs stand close to a number, words do not. */
function join(before: string, text: string, after: string): string {
  const gap = (sign: string): string => (/[\p{L}\p{N}]/u.test(sign) ? ' ' : '');
  return `${before}${before === '' ? '' : gap(before)}${text}${after === '' ? '' : gap(after)}${after}`;
}
