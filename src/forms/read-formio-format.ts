import {
  isTrue,
  type Json,
  labelAt,
  listAt,
  memberAt,
  objectIn,
  parseDefinition,
  readOptions,
  textAt,
} from './definition-json.ts';
import { type AnswerFormat, type DayPart, type Options, PLAIN_TEXT } from './form-outline.ts';
import { fillTemplate } from './option-template.ts';
import { plainLabel } from './plain-text.ts';

/** How a component of Form.io writes its answer; `null` for a type that is not known. */
export function formatOf(type: string, component: Json): AnswerFormat | null {
  switch (type) {
    case 'textfield':
    case 'textarea':
    case 'number':
    case 'email':
    case 'url':
    case 'phonenumber':
      return textFormat(component);
    case 'checkbox':
      return PLAIN_TEXT;
    case 'password':
      return { as: 'password' };
    case 'currency':
      return { as: 'money', currency: textAt(component, 'currency') ?? '' };
    case 'radio':
    case 'select':
    case 'resource':
      return { as: 'choice', options: optionsOf(component) };
    case 'selectboxes':
      return { as: 'ticks', options: optionsOf(component) };
    case 'tags':
      return { as: 'tags', delimiter: textAt(component, 'delimeter') ?? ',' };
    case 'datetime':
      return calendarFormat(component);
    case 'time':
      return { as: 'time' };
    case 'day':
      return dayFormat(component);
    case 'file':
      return { as: 'files' };
    case 'signature':
      return { as: 'signature' };
    case 'address':
      return { as: 'address' };
    default:
      return null;
  }
}

function textFormat(component: Json): AnswerFormat {
  if (textAt(component, 'widget.type') === 'calendar') return calendarFormat(memberAt(component, 'widget') as Json);
  if (textAt(component, 'editor') !== null && textAt(component, 'editor') !== 'ace') return { as: 'rich-text' };
  if (isTrue(memberAt(component, 'wysiwyg')) || objectIn(memberAt(component, 'wysiwyg')) !== null) {
    return { as: 'rich-text' };
  }
  return { as: 'text', before: labelAt(component, 'prefix') ?? '', after: labelAt(component, 'suffix') ?? '' };
}

/** The format is one of Angular's or moment's: `yyyy-MM-dd hh:mm a`. */
function calendarFormat(component: Json): AnswerFormat {
  const format = textAt(component, 'format');
  const hasTime = memberAt(component, 'enableTime') !== false && (format === null || /h/i.test(format));
  const hasDate = memberAt(component, 'enableDate') !== false && (format === null || /[yYdDM]/.test(format));
  if (hasTime && !hasDate) return { as: 'time' };
  return { as: hasTime ? 'date-time' : 'date' };
}

function dayFormat(component: Json): AnswerFormat {
  const order: DayPart[] = isTrue(memberAt(component, 'dayFirst'))
    ? ['day', 'month', 'year']
    : ['month', 'day', 'year'];
  return { as: 'day', order, shown: order.filter((part) => !isTrue(memberAt(component, `fields.${part}.hide`))) };
}

/** Those that the definition lists itself; what a select asks of other services is not known here. */
function optionsOf(component: Json): Options {
  const template = templateOf(component);
  const fixed = [...listAt(component, 'values'), ...listAt(component, 'data.values')];
  const known = readOptions(fixed);
  const items = jsonItems(component);
  const own = readOptions(items, {
    value: textAt(component, 'valueProperty') ?? '',
    label: (item) => (template && fillTemplate(template, (path) => textAt(item, path))) ?? nameOf(item),
  });
  return { labels: new Map([...known.labels, ...own.labels]), template, source: null };
}

/** Such as `<span>{{ item.name }}</span>`, without its markup. */
function templateOf(component: Json): string | null {
  const template = textAt(component, 'template');
  const text = template === null ? '' : plainLabel(template);
  return text.includes('{{') ? text : null;
}

/** The options of a select may stand in it as an array, or as the text of one. */
function jsonItems(component: Json): unknown[] {
  const json = memberAt(component, 'data.json');
  const parsed = typeof json === 'string' ? parseDefinition(json) : json;
  return Array.isArray(parsed) ? parsed : [];
}

function nameOf(item: unknown): string | null {
  if (typeof item === 'string' || typeof item === 'number') return plainLabel(String(item)) || null;
  return labelAt(item, 'label') ?? labelAt(item, 'name') ?? labelAt(item, 'title');
}
