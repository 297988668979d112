/**
 * Form.io definitions, as the form API gives them -> what they say to a reader.
 *
 * Components are read by what they do to the data: inputs have a key, layouts do not, containers and grids nest. Unknown types are
 * read by the same signs. A definition may be nonsense: reading is bounded in size and depth, and what is not read is shown
 * without a definition.
 */
import { isTrue, type Json, labelAt, listAt, memberAt, memberOf, readOptions, textAt } from './definition-json.ts';
import type { Condition, FormOutline, FormPart } from './form-outline.ts';
import { type ReadInside, readComponents } from './read-components.ts';
import { formatOf } from './read-formio-format.ts';
import { wordsOfPath } from './words-of-name.ts';

const LAYOUTS = new Set(['well', 'columns', 'table', 'tabs']);
const SECTIONS = new Set(['panel', 'fieldset']);
const GRIDS = new Set(['datagrid', 'editgrid', 'datatable', 'dynamicwizard']);
/** What stands in them is below their own key. */
const NESTING = new Set(['container', 'survey', 'form']);
/** Without an answer of a person; `hidden` and buttons have values all the same. */
const UNSHOWN = new Set(['hidden', 'button', 'content', 'htmlelement', 'recaptcha', 'captcha', 'reviewpage']);
const WRAPPERS = ['schema', 'form', 'definition', 'data'];

/** `null` where it is none. Some form APIs wrap it in an object of their own. */
export function readFormio(json: unknown): FormOutline | null {
  const form = [json, ...WRAPPERS.map((name) => memberAt(json, name))].find((each) =>
    Array.isArray(memberAt(each, 'components')),
  );
  if (form === undefined) return null;
  const title = labelAt(form, 'title') ?? labelAt(json, 'title');
  return { title, parts: readComponents(listAt(form, 'components'), readComponent) };
}

function readComponent(component: Json, readInside: ReadInside): FormPart[] {
  const type = typeOf(component);
  const path = textAt(component, 'key');
  const inside = (): FormPart[] => readInside(childrenOf(component));
  const when = conditionOf(component);
  if (isHidden(component)) return unshownOf(component, inside());
  if (UNSHOWN.has(type)) return path === null ? [] : [{ kind: 'unshown', path }];
  if (SECTIONS.has(type)) return [{ kind: 'section', label: headingOf(component), parts: inside(), when }];
  if (LAYOUTS.has(type)) return [{ kind: 'section', label: '', parts: inside(), when }];
  if (path === null) return [{ kind: 'section', label: headingOf(component), parts: inside(), when }];
  const label = labelAt(component, 'label') ?? wordsOfPath(path);
  if (type === 'container') {
    return [{ kind: 'nested', path, label: headingOf(component), parts: inside(), when, isCertain: true }];
  }
  if (GRIDS.has(type)) return [{ kind: 'rows', path, label, parts: inside(), when }];
  if (type === 'survey') {
    return [{ kind: 'nested', path, label, parts: questionsOf(component), when, isCertain: true }];
  }
  if (type === 'form') {
    const parts = inside();
    const data = `${path}.data`;
    if (parts.length === 0) return [{ kind: 'field', path: data, label, format: { as: 'anything' }, when }];
    return [{ kind: 'nested', path: data, label, parts, when, isCertain: true }];
  }
  const format = formatOf(type, component);
  if (format !== null) return [{ kind: 'field', path, label, format, when }];
  // A type that is not known.
  const parts = inside();
  if (parts.length > 0) return [{ kind: 'nested', path, label, parts, when, isCertain: false }];
  if (memberOf(component, 'input') === false) return [];
  return [{ kind: 'field', path, label, format: { as: 'anything' }, when }];
}

/** Those of columns, of cells and of tabs are one level further down. */
function childrenOf(component: Json): unknown[] {
  return [
    ...listAt(component, 'components'),
    ...listAt(component, 'columns').flatMap((column) => listAt(column, 'components')),
    ...listAt(component, 'rows').flatMap((row) =>
      Array.isArray(row) ? row.flatMap((cell) => listAt(cell, 'components')) : [],
    ),
  ];
}

/** What a hidden component holds belongs to nobody, however deep it is. */
function unshownOf(component: Json, inside: FormPart[]): FormPart[] {
  const path = textAt(component, 'key');
  const type = typeOf(component);
  const own: FormPart[] = path === null || LAYOUTS.has(type) || SECTIONS.has(type) ? [] : [{ kind: 'unshown', path }];
  return NESTING.has(type) || GRIDS.has(type) ? own : [...own, ...inside.flatMap(asUnshown)];
}

function asUnshown(part: FormPart): FormPart[] {
  if (part.kind === 'section') return part.parts.flatMap(asUnshown);
  const here: FormPart = { kind: 'unshown', path: part.path };
  return part.kind === 'nested' && !part.isCertain ? [here, ...part.parts.flatMap(asUnshown)] : [here];
}

/** What stands above a part of the form; builders name layouts where nobody sees it. */
function headingOf(component: Json): string {
  const type = typeOf(component);
  const name = { panel: 'title', fieldset: 'legend' }[type] ?? 'label';
  return isTrue(memberOf(component, 'hideLabel')) ? '' : (labelAt(component, name) ?? '');
}

function questionsOf(component: Json): FormPart[] {
  const options = readOptions(listAt(component, 'values'));
  return listAt(component, 'questions').flatMap((question): FormPart[] => {
    const path = textAt(question, 'value');
    if (path === null) return [];
    const label = labelAt(question, 'label') ?? wordsOfPath(path);
    return [{ kind: 'field', path, label, format: { as: 'choice', options }, when: null }];
  });
}

/** A rule of the form may bring a hidden component to light; then it is shown where it was answered. */
function isHidden(component: Json): boolean {
  return isTrue(memberOf(component, 'hidden')) && !changesHidden(component);
}

function changesHidden(component: Json): boolean {
  const actions = listAt(component, 'logic').flatMap((rule) => listAt(rule, 'actions'));
  return actions.some((action) => textAt(action, 'property.value') === 'hidden');
}

function conditionOf(component: Json): Condition {
  const conditional = memberOf(component, 'conditional');
  const isStored = ![false, 'client-only'].includes(memberOf(component, 'persistent') as never);
  const isCustom =
    textAt(component, 'customConditional') !== null ||
    (memberAt(conditional, 'json') ?? '') !== '' ||
    listAt(conditional, 'conditions').length > 0;
  if (isCustom || !isStored || changesHidden(component)) return 'unknown';
  const path = textAt(conditional, 'when');
  if (path === null) return null;
  const equals = memberAt(conditional, 'eq');
  if (typeof equals === 'object' || equals === undefined || equals === '') return 'unknown';
  return { path, equals: String(equals), isShown: isTrue(memberAt(conditional, 'show')) };
}

function typeOf(component: Json): string {
  return (textAt(component, 'type') ?? '').toLowerCase();
}
