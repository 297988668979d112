/**
 * A form as a row of parts that a template writes one after the other.
 *
 * Nothing here calls itself: answers may be nested as deep as somebody likes, stacks, templates and the trees of browsers may not.
 */
import type { Answer, ViewItem } from '../forms/form-view.ts';

type Row = { label: string; answer: Answer };

export type FormPart =
  /** One answer below the other. */
  | { kind: 'answers'; rows: Row[] }
  | { kind: 'table'; label: string; level: number; columns: string[]; rows: Answer[][] }
  | { kind: 'heading'; label: string; level: number }
  | { kind: 'nothing'; text: string }
  | { kind: 'open' | 'close'; tag: 'section' | 'ol' | 'li' };

/** A browser keeps 512 levels; what is deeper than this stands below its headings without a box of its own. */
const MAX_BOXES = 100;
const MAX_LEVEL = 6;
/** A text that is as long as some lines. */
const LETTERS_OF_AN_ITEM = 1_000;

/** Of the headings, and how many boxes are open. */
type Place = { level: number; boxes: number };
type Step = FormPart | { item: ViewItem; place: Place };

/** `level`: of the headings of the outermost groups. */
export function formParts(items: readonly ViewItem[], level: number): FormPart[] {
  const parts: FormPart[] = [];
  const todo: Step[] = [];
  const next = (steps: readonly Step[]): void => {
    for (const step of steps.toReversed()) todo.push(step);
  };
  next(stepsInto(items, { level, boxes: 0 }));
  for (let step = todo.pop(); step !== undefined; step = todo.pop()) {
    if (!('item' in step)) parts.push(step);
    else if (step.item.kind === 'answer') addAnswer(parts, step.item);
    else next(stepsOf(step.item, step.place));
  }
  return parts;
}

/** How much there is to be shown: answers, cells, lines and headings. A long text counts for several. */
export function countItems(parts: readonly FormPart[]): number {
  return parts.reduce((sum, part) => sum + itemsOfPart(part), 0);
}

function itemsOfPart(part: FormPart): number {
  if (part.kind === 'open' || part.kind === 'close') return 0;
  if (part.kind === 'answers') return part.rows.reduce((sum, { answer }) => sum + itemsOfAnswer(answer), 0);
  if (part.kind !== 'table') return 1;
  return part.rows.flat().reduce((sum, answer) => sum + itemsOfAnswer(answer), 1 + part.columns.length);
}

function itemsOfAnswer(answer: Answer): number {
  if (answer.kind === 'text') return itemsOfText(answer.text);
  if (answer.kind === 'choices') return answer.texts.reduce((sum, text) => sum + itemsOfText(text), 1);
  return answer.kind === 'files' ? 1 + answer.files.length : 1;
}

function itemsOfText(text: string): number {
  return 1 + Math.floor(text.length / LETTERS_OF_AN_ITEM);
}

function addAnswer(parts: FormPart[], { label, answer }: Row): void {
  const last = parts.at(-1);
  if (last?.kind === 'answers') last.rows.push({ label, answer });
  else parts.push({ kind: 'answers', rows: [{ label, answer }] });
}

function stepsOf(item: Exclude<ViewItem, { kind: 'answer' }>, place: Place): Step[] {
  if (item.kind === 'table') return [{ ...item, level: place.level }];
  const hasHeading = item.label.trim() !== '';
  const heading: Step[] = hasHeading ? [{ kind: 'heading', label: item.label, level: place.level }] : [];
  const below = { ...place, level: hasHeading ? Math.min(place.level + 1, MAX_LEVEL) : place.level };
  if (item.kind === 'list') return [...heading, ...stepsOfList(item.entries, below)];
  const inside: Step[] =
    item.items.length === 0 ? [{ kind: 'nothing', text: 'Nothing in it' }] : stepsInto(item.items, boxed(below, 1));
  return inBox('section', place.boxes < MAX_BOXES, [...heading, ...inside]);
}

function stepsOfList(entries: readonly ViewItem[][], place: Place): Step[] {
  if (entries.length === 0) return [{ kind: 'nothing', text: 'No entries' }];
  const isBoxed = place.boxes < MAX_BOXES;
  const steps = entries.flatMap((entry, index): Step[] => {
    const number: Step[] = isBoxed ? [] : [{ kind: 'heading', label: String(index + 1), level: place.level }];
    return [...number, ...inBox('li', isBoxed, stepsInto(entry, boxed(place, 2)))];
  });
  return inBox('ol', isBoxed, steps);
}

function stepsInto(items: readonly ViewItem[], place: Place): Step[] {
  return items.map((item) => ({ item, place }));
}

function boxed(place: Place, boxes: number): Place {
  return { ...place, boxes: place.boxes + boxes };
}

function inBox(tag: 'section' | 'ol' | 'li', isBoxed: boolean, inside: Step[]): Step[] {
  return isBoxed ? [{ kind: 'open', tag }, ...inside, { kind: 'close', tag }] : inside;
}
