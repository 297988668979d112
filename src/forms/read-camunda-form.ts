/** Camunda Forms (`.form`) -> what they say to a reader. FEEL is not evaluated: what only an expression knows is left out or shown. */
import { type Json, listAt, memberAt, memberOf, readOptions, textAt } from './definition-json.ts';
import { type AnswerFormat, type Condition, type FormOutline, type FormPart, PLAIN_TEXT } from './form-outline.ts';
import { plainLabel } from './plain-text.ts';
import { type ReadInside, readComponents } from './read-components.ts';
import { wordsOfPath } from './words-of-name.ts';

/** `expression` has a value that the person never saw. */
const UNSHOWN = new Set(['text', 'html', 'image', 'spacer', 'separator', 'button', 'iframe', 'expression']);
const DATE_FORMATS = new Map<string, 'time' | 'date-time'>([
  ['time', 'time'],
  ['datetime', 'date-time'],
]);
const PATH_IN_FEEL = /^=?\s*([\w.]+)\s*$/;
const LITERAL_IN_FEEL = /^=\s*"([^"]*)"\s*$/;

/** `null` where it is none. */
export function readCamundaForm(json: unknown): FormOutline | null {
  if (!Array.isArray(memberAt(json, 'components'))) return null;
  return { title: null, parts: readComponents(listAt(json, 'components'), readComponent) };
}

/** The id by which a `formRef` knows it. */
export function idOfCamundaForm(json: unknown): string | null {
  return Array.isArray(memberAt(json, 'components')) ? textAt(json, 'id') : null;
}

function readComponent(component: Json, readInside: ReadInside): FormPart[] {
  const type = textAt(component, 'type') ?? '';
  const key = textAt(component, 'key');
  const when: Condition = textAt(component, 'conditional.hide') === null ? null : 'unknown';
  if (UNSHOWN.has(type)) return key === null ? [] : [{ kind: 'unshown', path: key }];
  if (type === 'table' || type === 'documentPreview') return readData(type, component);

  const path = key ?? textAt(component, 'path');
  const label = labelOf(component);
  if (Array.isArray(memberOf(component, 'components'))) {
    const parts = readInside(listAt(component, 'components'));
    if (path === null) return [{ kind: 'section', label: label ?? '', parts, when }];
    if (type === 'dynamiclist') return [{ kind: 'rows', path, label: label ?? wordsOfPath(path), parts, when }];
    return [{ kind: 'nested', path, label: label ?? '', parts, when, isCertain: type === 'group' }];
  }
  if (path === null) return [];
  return [{ kind: 'field', path, label: label ?? wordsOfPath(path), format: formatOf(type, component), when }];
}

/** These show data that somebody else wrote; where it was sent with the form, it stands where the person saw it. */
function readData(type: string, component: Json): FormPart[] {
  const path = pathInFeel(textAt(component, 'dataSource'));
  if (path === null) return [];
  const label = labelOf(component) ?? wordsOfPath(path);
  if (type !== 'table') return [{ kind: 'field', path, label, format: { as: 'anything' }, when: 'unknown' }];
  const parts = listAt(component, 'columns').flatMap((column): FormPart[] => {
    const key = textAt(column, 'key');
    if (key === null) return [];
    const heading = plainTemplate(textAt(column, 'label')) ?? wordsOfPath(key);
    return [{ kind: 'field', path: key, label: heading, format: { as: 'anything' }, when: null }];
  });
  return [{ kind: 'rows', path, label, parts, when: 'unknown' }];
}

function formatOf(type: string, component: Json): AnswerFormat {
  switch (type) {
    case 'textfield':
    case 'textarea':
    case 'number':
      return {
        as: 'text',
        before: plainTemplate(textAt(component, 'appearance.prefixAdorner')) ?? '',
        after: plainTemplate(textAt(component, 'appearance.suffixAdorner')) ?? '',
      };
    case 'checkbox':
      return PLAIN_TEXT;
    case 'checklist':
    case 'radio':
    case 'select':
    case 'taglist':
      return { as: 'choice', options: optionsOf(component) };
    case 'date':
    case 'time':
      return { as: type };
    case 'datetime':
      return { as: DATE_FORMATS.get(textAt(component, 'subtype') ?? '') ?? 'date' };
    case 'filepicker':
      return { as: 'files' };
    default:
      return { as: 'anything' };
  }
}

function optionsOf(component: Json) {
  const entries = [...listAt(component, 'values'), ...listAt(component, 'data.values')];
  const source = textAt(component, 'valuesKey') ?? pathInFeel(textAt(component, 'valuesExpression'));
  return { ...readOptions(entries), source };
}

function labelOf(component: Json): string | null {
  const label = plainTemplate(textAt(component, 'label'));
  if (label !== null || textAt(component, 'type') !== 'datetime') return label;
  const [date, time] = ['dateLabel', 'timeLabel'].map((name) => plainTemplate(textAt(component, name)));
  return date ?? time ?? null;
}

/** A label may be a FEEL expression or hold some: a literal is taken, others are left open. */
function plainTemplate(text: string | null): string | null {
  if (text === null) return null;
  const literal = LITERAL_IN_FEEL.exec(text)?.[1] ?? (text.trimStart().startsWith('=') ? '' : text);
  const label = plainLabel(literal.replaceAll(/\{\{[^{}]*\}\}/g, '…'));
  return label.replaceAll('…', '').trim() === '' ? null : label;
}

function pathInFeel(text: string | null): string | null {
  return text === null ? null : (PATH_IN_FEEL.exec(text)?.[1] ?? null);
}
