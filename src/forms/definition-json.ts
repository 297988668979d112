/** Careful reading of form definitions, of which nothing is certain but that they are JSON. */

import { unlessBlank } from '../submission/blank.ts';
import { canonicalPieces } from '../submission/digest.ts';
import { parseJsonTree } from '../submission/json-tree.ts';
import type { Options } from './form-outline.ts';
import { plainLabel } from './plain-text.ts';

export type Json = Record<string, unknown>;

const MAX_OPTIONS = 10_000;

/** Numbers that JavaScript would round are kept as their text. Throws where it is no JSON. */
export function parseExactly(text: string): unknown {
  type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;
  const exact: Reviver = (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && String(value) !== source ? source : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** `null` where it is no JSON. */
export function parseDefinition(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return null; // or nested beyond the stack
  }
}

export function objectIn(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

export function memberOf(object: Json, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function memberAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => {
    const object = objectIn(at);
    return object === null ? undefined : memberOf(object, name);
  }, value);
}

/** A text with something in it; a number counts as its text. */
export function textAt(value: unknown, path: string): string | null {
  return textOfValue(memberAt(value, path));
}

export function listAt(value: unknown, path: string): unknown[] {
  const list = memberAt(value, path);
  return Array.isArray(list) ? list : [];
}

/** The plain words of a label; `null` where it has none. */
export function labelAt(value: unknown, path: string): string | null {
  const text = memberAt(value, path);
  return typeof text === 'string' ? unlessBlank(plainLabel(text)) : null;
}

export function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

/** Entries with a value and a label, or plain values that are their own labels. */
export function readOptions(
  entries: readonly unknown[],
  { value = 'value', label = (entry: unknown) => labelAt(entry, 'label') } = {},
): Options {
  const labels = new Map<string, string>();
  for (const entry of entries.slice(0, MAX_OPTIONS)) {
    const shown = label(entry);
    const known = objectIn(entry) === null || value === '' ? entry : memberAt(entry, value);
    if (shown !== null) labels.set(canonicalText(known), shown);
  }
  return { labels, template: null, source: null };
}

/** The text of a value by which an option is known, as `canonicalOf` makes it of an answer. */
export function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return [...canonicalPieces(parseJsonTree(JSON.stringify(value)), 0)].join('');
  } catch {
    return ''; // nested beyond the stack, or in a circle
  }
}

function textOfValue(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? unlessBlank(value) : null;
}
