import { describe, expect, test } from '@jest/globals';
import { formio } from './a-view.ts';

const name = { type: 'textfield', key: 'name', label: 'Name' };
const age = { type: 'number', key: 'age', label: 'Age' };
const answers = { name: 'Anna', age: 40 };

describe('what the person never saw', () => {
  test('is left out on purpose, and is no more data either', () => {
    const components = [
      name,
      { type: 'hidden', key: 'a' },
      { type: 'textfield', key: 'b', hidden: true },
      { type: 'panel', key: 'p', hidden: true, components: [{ type: 'textfield', key: 'c' }] },
      { type: 'container', key: 'd', hidden: true, components: [{ type: 'textfield', key: 'x' }] },
      { type: 'button', key: 'submit', label: 'Submit' },
      { type: 'content', key: 'e', html: '<p>words</p>' },
      { type: 'htmlelement', key: 'f' },
    ];
    const hidden = { a: 1, b: 2, c: 3, d: { x: 4 }, submit: true };
    expect(formio(components, { name: 'Anna', ...hidden })).toEqual(['Name: Anna']);
  });

  test('is shown with a hidden container beside it that has a field of the same name', () => {
    const container = { type: 'container', key: 'd', hidden: true, components: [name] };
    expect(formio([container], { d: { name: 'hidden' }, name: 'Anna' })).toEqual(['More data › Name: Anna']);
  });

  test('is shown where a rule of the form may have brought it to light', () => {
    const logic = [{ actions: [{ type: 'property', property: { value: 'hidden', type: 'boolean' }, state: false }] }];
    const field = { ...name, hidden: true, logic };
    expect(formio([field, age], answers)).toEqual(['Name: Anna', 'Age: 40']);
    expect(formio([field, age], { age: 40 })).toEqual(['Age: 40']);
  });
});

describe('conditions', () => {
  test.each([
    [{ conditional: { show: true, when: 'x', eq: 'y' } }],
    [{ conditional: { show: 'true', when: 'x', eq: 'y' } }],
    [{ customConditional: 'show = data.x === "y"' }],
    [{ conditional: { json: { '===': [1, 1] } } }],
    [{ conditional: { show: true, conditions: [{ component: 'x', operator: 'isEqual', value: 'y' }] } }],
    [{ persistent: false }],
  ])('a component with %j that has no answer is left out', (condition) => {
    expect(formio([{ ...age, ...condition }, name], { name: 'Anna', x: 'y' })).toEqual([
      'Name: Anna',
      'More data › X: y',
    ]);
    expect(formio([{ ...age, ...condition }, name], { ...answers, x: 'y' })).toContain('Age: 40');
  });

  test('an empty answer without a condition is said to be empty', () => {
    expect(formio([age, name], { name: 'Anna', age: null })).toEqual(['Age: –', 'Name: Anna']);
    const conditional = { show: null, when: null, eq: '' };
    expect(formio([{ ...age, conditional }, name], { name: 'Anna' })).toEqual(['Age: –', 'Name: Anna']);
  });

  test('a panel with a condition is left out as long as nothing in it is answered', () => {
    const panel = {
      type: 'panel',
      title: 'Work',
      customConditional: 'show = false',
      components: [age, { ...name, key: 'job' }],
    };
    expect(formio([name, panel], { name: 'Anna' })).toEqual(['Name: Anna']);
    expect(formio([name, panel], answers)).toEqual(['Name: Anna', 'Work › Age: 40', 'Work › Name: –']);
  });

  test('of two components with one key, the one whose condition was met is shown', () => {
    const when = (eq: string, label: string) => ({
      type: 'textfield',
      key: 'why',
      label,
      conditional: { show: true, when: 'kind', eq },
    });
    const components = [{ ...name, key: 'kind', label: 'Kind' }, when('call', 'Why call'), when('visit', 'Why visit')];
    expect(formio(components, { kind: 'visit', why: 'because' })).toEqual(['Kind: visit', 'Why visit: because']);
  });

  test('an answer whose condition was not met is not lost', () => {
    const field = { ...age, conditional: { show: false, when: 'name', eq: 'Anna' } };
    expect(formio([name, field], answers)).toEqual(['Name: Anna', 'More data › Age: 40']);
  });

  test('in a grid, a column that no row has is left out', () => {
    const grid = {
      type: 'datagrid',
      key: 'kids',
      label: 'Children',
      components: [name, { ...age, customConditional: 'show = row.x' }],
    };
    expect(formio([grid], { kids: [{ name: 'Anna' }] })).toEqual(['Children | Name', 'Children | Anna']);
    expect(formio([grid], { kids: [{ name: 'Bob' }, answers] })).toContain('Children | Bob | –');
  });
});
