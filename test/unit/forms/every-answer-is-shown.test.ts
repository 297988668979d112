import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Answer, ViewItem } from '../../../src/forms/form-view.ts';
import { readCamundaForm } from '../../../src/forms/read-camunda-form.ts';
import { readFormio } from '../../../src/forms/read-formio.ts';
import { aTaskBody, viewOfAnswers, viewOfBody } from './a-view.ts';

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

const KEYS = ['a', 'b', 'c', 'rentPerWeek', '__proto__', 'x.y', 'data', 'hidden'];

/** Each text is another one, so that each can be looked for. */
let counter = 0;
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constant(null).map(() => `v${++counter}·<b>`),
  fc.constant(null).map(() => 1_000_000 + ++counter),
  fc.boolean(),
  fc.constant(null),
  fc.constant(''),
);
const { value: anyValue } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 5 }),
  ),
}));
const answersOfAnyKind = fc.dictionary(fc.constantFrom(...KEYS), anyValue, { maxKeys: 6 });

const TYPES = ['textfield', 'number', 'checkbox', 'select', 'selectboxes', 'radio', 'datetime', 'day', 'tags', 'file'];
const LAYOUTS = [
  'panel',
  'fieldset',
  'container',
  'datagrid',
  'editgrid',
  'form',
  'columns',
  'group',
  'dynamiclist',
  'x',
];
const condition = fc.constantFrom({}, { customConditional: 'x' }, { conditional: { show: true, when: 'a', eq: '1' } });
const { component } = fc.letrec<{ component: object }>((tie) => {
  const key = fc.constantFrom(...KEYS.filter((each) => each !== 'hidden'));
  const field = fc
    .tuple(fc.constantFrom(...TYPES, 'address', 'currency', 'signature', 'unknown'), key, condition)
    .map(([type, key, more]) => ({ type, key, label: `Label of ${key}`, ...more }));
  const layout = fc
    .tuple(fc.constantFrom(...LAYOUTS), key, fc.array(tie('component'), { maxLength: 4 }), condition)
    .map(([type, key, components, more]) => ({ type, key, path: key, label: type, components, ...more }));
  return { component: fc.oneof({ depthSize: 'small' }, field, field, layout) };
});
const components = fc.array(component, { maxLength: 8 });

/** The texts of everything that was answered; booleans are counted. */
function valuesIn(value: Json): { texts: string[]; ticks: number } {
  if (Array.isArray(value)) return sum(value.map(valuesIn));
  if (typeof value === 'object' && value !== null) return sum(Object.values(value).map(valuesIn));
  if (typeof value === 'boolean') return { texts: [], ticks: 1 };
  return { texts: value === null || value === '' ? [] : [String(value)], ticks: 0 };
}

function sum(parts: { texts: string[]; ticks: number }[]) {
  return { texts: parts.flatMap(({ texts }) => texts), ticks: parts.reduce((count, { ticks }) => count + ticks, 0) };
}

function textsIn(items: ViewItem[]): string[] {
  return items.flatMap((item) => {
    if (item.kind === 'answer') return textsOf(item.answer);
    if (item.kind === 'group') return textsIn(item.items);
    return item.kind === 'list' ? item.entries.flatMap(textsIn) : item.rows.flat().flatMap(textsOf);
  });
}

function textsOf(answer: Answer): string[] {
  if (answer.kind === 'checked') return [answer.checked ? 'Yes' : 'No'];
  return answer.kind === 'text' ? [answer.text] : answer.kind === 'choices' ? answer.texts : [];
}

function expectAll(data: Json, items: ViewItem[]): void {
  const shown = textsIn(items);
  const all = shown.join('\n');
  for (const text of valuesIn(data).texts) expect(all).toContain(text);
}

test('without a definition every answer is in the view', () => {
  fc.assert(
    fc.property(answersOfAnyKind, (answers) => {
      const { items } = viewOfAnswers(answers);
      expectAll(answers, items);
      const ticks = textsIn(items).filter((text) => text === 'Yes' || text === 'No').length;
      expect(ticks).toBe(valuesIn(answers).ticks);
    }),
    { numRuns: 500 },
  );
});

test('whatever a Form.io definition says, every answer is in the view', () => {
  fc.assert(
    fc.property(components, answersOfAnyKind, (definition, answers) => {
      expectAll(answers, viewOfAnswers(answers, readFormio({ components: definition })).items);
    }),
    { numRuns: 500 },
  );
});

test('whatever a Camunda form says, every answer is in the view', () => {
  fc.assert(
    fc.property(components, answersOfAnyKind, (definition, answers) => {
      expectAll(answers, viewOfBody(aTaskBody(answers), readCamundaForm({ components: definition })).items);
    }),
    { numRuns: 500 },
  );
});

test('what a definition hides is in no view, and hides nothing else', () => {
  fc.assert(
    fc.property(components, answersOfAnyKind, (definition, answers) => {
      const { hidden: _old, ...others } = answers;
      // So many that the answers are where these are.
      const own = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`own${i}`, `own answer ${i}`]));
      const body = { ...others, ...own, hidden: { deep: ['the hidden answer'] } };
      const fields = Object.keys(own).map((key) => ({ type: 'textfield', key }));
      const form = [...definition, ...fields, { type: 'hidden', key: 'hidden' }];
      const { items } = viewOfAnswers(body, readFormio({ components: form }));
      expect(JSON.stringify(items)).not.toContain('the hidden answer');
      expectAll({ ...others, ...own }, items);
    }),
    { numRuns: 500 },
  );
});
