/**
 * Embedded HTML forms: which variables they write (`cam-variable-name`), and what stands beside each.
 *
 * No HTML parser: tags are scanned one by one, and labels are found as browsers do (`for`, or around the control). A variable
 * without a label gets the words of its name.
 */
import { type AnswerFormat, type FormOutline, type FormPart, PLAIN_TEXT } from './form-outline.ts';
import { plainLabel } from './plain-text.ts';
import { type HtmlTag, scanHtml } from './scan-html.ts';
import { wordsOf } from './words-of-name.ts';

const MAX_CONTROLS = 10_000;

type Label = { target: string | null; text: string; hasControl: boolean };
type Control = { variable: string; type: string; id: string | null; value: string; hint: string; label: Label | null };
type Group = { legend: string; fields: Map<string, Field> };
type Field = { controls: Control[]; options: Map<string, string>; source: string | null };
/** What is open where the scan stands. */
type Scan = {
  groups: Group[];
  byTarget: Map<string, string>;
  label: Label | null;
  /** The last label that belongs to nothing: forms often put one just before its control. */
  loose: Label | null;
  select: Field | null;
  option: { value: string | null; text: string } | null;
  legend: string | null;
  controls: number;
};

/** `null` where it writes no variable that can be read. */
export function readHtmlForm(html: string): FormOutline | null {
  const scan: Scan = {
    groups: [newGroup()],
    byTarget: new Map(),
    label: null,
    loose: null,
    select: null,
    option: null,
    legend: null,
    controls: 0,
  };
  for (const piece of scanHtml(html)) {
    if (piece.kind === 'tag') readTag(piece, scan);
    else if (scan.option !== null) scan.option.text += piece.text;
    else if (scan.legend !== null) scan.legend += piece.text;
    else if (scan.label !== null) scan.label.text += piece.text;
  }
  endLabel(scan);
  const parts = scan.groups.flatMap((group) => partsOf(group, scan.byTarget));
  return parts.length === 0 ? null : { title: null, parts };
}

function readTag(tag: HtmlTag, scan: Scan): void {
  const { name, isEnd, attributes } = tag;
  switch (name) {
    case 'label':
      endLabel(scan);
      if (!isEnd) scan.label = { target: attributes.get('for') ?? null, text: '', hasControl: false };
      break;
    case 'option':
    case 'optgroup':
      endOption(scan);
      if (!isEnd && name === 'option') scan.option = { value: attributes.get('value') ?? null, text: '' };
      break;
    case 'fieldset':
      scan.groups.push(newGroup()); // what follows its end has no heading
      break;
    case 'legend':
      if (isEnd) currentGroup(scan).legend = plainLabel(scan.legend ?? '');
      scan.legend = isEnd ? null : '';
      break;
    case 'input':
    case 'select':
    case 'textarea':
      if (!isEnd) readControl(tag, scan);
      else if (name === 'select') {
        endOption(scan);
        scan.select = null;
      }
  }
}

function readControl(tag: HtmlTag, scan: Scan): void {
  const label = scan.label ?? scan.loose;
  if (label !== null) label.hasControl = true;
  scan.loose = null;
  const control = controlOf(tag, label);
  if (control === null || ++scan.controls > MAX_CONTROLS) return;
  const field = fieldOf(currentGroup(scan), control);
  field.source ??= tag.attributes.get('cam-choices') ?? null;
  if (tag.name === 'select') scan.select = field;
}

function endLabel(scan: Scan): void {
  const { label } = scan;
  if (label === null) return;
  label.text = plainLabel(label.text);
  if (label.target !== null) scan.byTarget.set(label.target, label.text);
  scan.loose = label.target === null && !label.hasControl ? label : null;
  scan.label = null;
}

function endOption(scan: Scan): void {
  const { option } = scan;
  if (option === null) return;
  const text = plainLabel(option.text);
  scan.select?.options.set(option.value ?? text, text);
  scan.option = null;
}

function currentGroup(scan: Scan): Group {
  return scan.groups.at(-1) ?? newGroup();
}

const ANONYMOUS: Control = { variable: '', type: '', id: null, value: '', hint: '', label: null };

function newGroup(): Group {
  return { legend: '', fields: new Map() };
}

function controlOf({ name, attributes }: HtmlTag, label: Label | null): Control | null {
  const variable = attributes.get('cam-variable-name')?.trim();
  if (variable === undefined || variable === '') return null;
  const type = name === 'input' ? (attributes.get('type') ?? 'text').toLowerCase() : name;
  const hint = attributes.get('aria-label') ?? attributes.get('title') ?? attributes.get('placeholder') ?? '';
  const isDate = attributes.get('cam-variable-type')?.toLowerCase() === 'date';
  return {
    variable,
    type: isDate && type === 'text' ? 'date' : type,
    id: attributes.get('id') ?? null,
    value: attributes.get('value') ?? 'on',
    hint: plainLabel(hint),
    label,
  };
}

/** Radio buttons of one variable are one field. */
function fieldOf(group: Group, control: Control): Field {
  const field: Field = group.fields.get(control.variable) ?? { controls: [], options: new Map(), source: null };
  field.controls.push(control);
  group.fields.set(control.variable, field);
  return field;
}

function partsOf({ legend, fields }: Group, byTarget: ReadonlyMap<string, string>): FormPart[] {
  const labelOf = (control: Control): string =>
    (control.id === null ? undefined : byTarget.get(control.id)) || control.label?.text || control.hint;
  const parts = [...fields].map(([variable, field]): FormPart => {
    const [first = ANONYMOUS] = field.controls;
    if (first.type === 'hidden') return { kind: 'unshown', path: variable };
    const isRadio = first.type === 'radio';
    if (isRadio) for (const each of field.controls) field.options.set(each.value, labelOf(each) || each.value);
    const own = isRadio ? '' : labelOf(first);
    // The legend around a single answer is its question.
    const label = own || (fields.size === 1 ? legend : '') || wordsOf(variable);
    return { kind: 'field', path: variable, label, format: formatOf(first, field), when: null };
  });
  const [only] = parts;
  const isNamedByIt = parts.length === 1 && only?.kind === 'field' && only.label === legend;
  if (legend === '' || isNamedByIt || parts.length === 0) return parts;
  return [{ kind: 'section', label: legend, parts, when: null }];
}

function formatOf({ type }: Control, { options, source }: Field): AnswerFormat {
  switch (type) {
    case 'radio':
    case 'select':
      return { as: 'choice', options: { labels: options, template: null, source } };
    case 'file':
      return { as: 'files' };
    case 'password':
      return { as: 'password' };
    case 'date':
    case 'time':
      return { as: type };
    case 'datetime-local':
      return { as: 'date-time' };
    default:
      return PLAIN_TEXT;
  }
}
