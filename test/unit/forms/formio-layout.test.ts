import { describe, expect, test } from '@jest/globals';
import { readFormio } from '../../../src/forms/read-formio.ts';
import { formio, linesOf, viewOfAnswers } from './a-view.ts';

const name = { type: 'textfield', key: 'name', label: 'Name' };
const age = { type: 'number', key: 'age', label: 'Age' };
const answers = { name: 'Anna', age: 40 };

describe('the definition', () => {
  const components = [name];

  test.each([
    ['as the form API gives it', { title: 'Visit', display: 'form', components }],
    ['wrapped in a schema', { id: 'v1', schema: { title: 'Visit', components } }],
    ['wrapped, with its title outside', { title: 'Visit', form: { components } }],
  ])('is understood %s', (_how, json) => {
    const view = viewOfAnswers(answers, readFormio(json));
    expect(view).toMatchObject({ title: 'Visit', labelledBy: 'definition' });
    expect(linesOf(view)).toEqual(['Name: Anna', 'More data › Age: 40']);
  });

  test.each([null, [], 'text', 7, {}, { components: 'none' }, { schema: null }])('%j is none', (json) => {
    expect(readFormio(json)).toBeNull();
  });

  test('with nonsense among its components is read around it', () => {
    const components = [null, 7, 'x', [], {}, { type: {} }, { key: 5 }, { columns: [null, { components: 3 }] }, name];
    expect(formio(components as object[], answers)).toEqual(['5: –', 'Name: Anna', 'More data › Age: 40']);
  });
});

describe('order and grouping', () => {
  test('are those of the form: panels, field sets, and layouts without a heading', () => {
    const components = [
      { type: 'panel', title: 'Person', label: 'Panel', components: [name] },
      { type: 'fieldset', legend: 'More &amp; more', components: [age] },
      { type: 'well', label: 'Well', key: 'well', components: [{ ...name, key: 'a', label: 'A' }] },
      {
        type: 'columns',
        label: 'Columns',
        key: 'columns',
        columns: [
          { components: [{ ...name, key: 'b', label: 'B' }] },
          { components: [{ ...name, key: 'c', label: 'C' }] },
        ],
      },
      {
        type: 'table',
        label: 'Table',
        rows: [[{ components: [{ ...name, key: 'd', label: 'D' }] }, { components: [] }]],
      },
    ];
    expect(formio(components, { d: '4', c: '3', b: '2', a: '1', ...answers })).toEqual([
      'Person › Name: Anna',
      'More & more › Age: 40',
      'A: 1',
      'B: 2',
      'C: 3',
      'D: 4',
    ]);
  });

  test('pages of a wizard and tabs are groups', () => {
    const pages = [
      { type: 'panel', key: 'page1', title: 'First page', components: [name] },
      { type: 'tabs', key: 'tabs', label: 'Tabs', components: [{ key: 'tab1', label: 'A tab', components: [age] }] },
    ];
    expect(formio(pages, answers)).toEqual(['First page › Name: Anna', 'A tab › Age: 40']);
  });

  test('a panel whose label is hidden has no heading', () => {
    const panel = { type: 'panel', title: 'Person', hideLabel: true, components: [name] };
    expect(formio([panel], answers)).toEqual(['Name: Anna', 'More data › Age: 40']);
  });

  test('a label is plain text; a missing one is made of the key', () => {
    const components = [
      { ...name, label: '<em>Your</em> name' },
      { type: 'number', key: 'rentPerWeek', label: ' ' },
      { type: 'number', key: 'person.birthYear' },
    ];
    expect(formio(components, { name: 'A', rentPerWeek: 5, person: { birthYear: 1990 } })).toEqual([
      'Your name: A',
      'Rent per week: 5',
      'Birth year: 1990',
    ]);
  });
});

describe('what nests', () => {
  test('a container has its answers below its key', () => {
    const container = { type: 'container', key: 'person', label: 'Person', components: [name, age] };
    expect(formio([container], { person: answers })).toEqual(['Person › Name: Anna', 'Person › Age: 40']);
    expect(formio([{ ...container, hideLabel: true }], { person: answers })).toEqual(['Name: Anna', 'Age: 40']);
    expect(formio([container], { other: 1 })).toEqual(['Other: 1']);
    expect(formio([container], {})).toEqual(['Person › Name: –', 'Person › Age: –']);
    expect(formio([container], { person: 'Anna' })).toEqual(['Person: Anna']);
  });

  test('a grid is a table with the labels of its columns', () => {
    for (const type of ['datagrid', 'editgrid']) {
      const grid = {
        type,
        key: 'kids',
        label: 'Children',
        components: [name, { type: 'columns', columns: [{ components: [age] }] }],
      };
      expect(formio([grid], { kids: [answers, { name: 'Bob' }, {}] })).toEqual([
        'Children | Name | Age',
        'Children | Anna | 40',
        'Children | Bob | –',
        'Children | – | –',
      ]);
      expect(formio([grid], { kids: [] })).toEqual(['Children: –']);
      expect(formio([grid], {})).toEqual(['Children: –']);
    }
  });

  test('what a grid has beyond its definition gets columns of its own', () => {
    const grid = {
      type: 'datagrid',
      key: 'kids',
      label: 'Children',
      components: [name, { type: 'hidden', key: 'id' }],
    };
    expect(
      formio([grid], {
        kids: [
          { ...answers, id: 1 },
          { schoolName: 'Hill', id: 2 },
        ],
      }),
    ).toEqual(['Children | Name | Age | School name', 'Children | Anna | 40 | –', 'Children | – | – | Hill']);
  });

  test('a grid whose rows nest, or that is very wide, is a list', () => {
    const inner = { type: 'datagrid', key: 'toys', label: 'Toys', components: [{ ...name, key: 'toy', label: 'Toy' }] };
    const grid = { type: 'editgrid', key: 'kids', label: 'Children', components: [name, inner] };
    expect(formio([grid], { kids: [{ name: 'Anna', toys: [{ toy: 'ball' }], age: 4 }, 'Bob'] })).toEqual([
      'Children 1 › Name: Anna',
      'Children 1 › Toys | Toy',
      'Children 1 › Toys | ball',
      'Children 1 › Age: 4',
      'Children 2 › : Bob',
    ]);
    const many = Array.from({ length: 9 }, (_, i) => ({ type: 'number', key: `k${i}`, label: `K${i}` }));
    expect(formio([{ ...grid, components: many }], { kids: [{ k0: 0, k8: 8 }] })).toContain('Children 1 › K8: 8');
  });

  test('rows without anything in them are no answer', () => {
    const asked = { ...name, customConditional: 'x' };
    const grid = { type: 'datagrid', key: 'kids', label: 'Children', components: [asked] };
    expect(formio([grid, age], { kids: [{}, { name: '' }], age: 4 })).toEqual(['Children: –', 'Age: 4']);
  });

  test('a nested form is read by the definition that stands in it, else by names', () => {
    const value = { _id: 'x', data: answers };
    const form = { type: 'form', key: 'person', label: 'Person', form: 'id' };
    expect(formio([{ ...form, components: [name, age] }], { person: value })).toEqual([
      'Person › Name: Anna',
      'Person › Age: 40',
      'More data › Person › _id: x',
    ]);
    expect(formio([form], { person: { data: answers } })).toEqual(['Person › Name: Anna', 'Person › Age: 40']);
  });

  test('a type that is not known is a layout, a container, a grid or a field, by the data', () => {
    const custom = { type: 'myThing', key: 'thing', label: 'Thing', components: [name] };
    expect(formio([custom], { name: 'Anna' })).toEqual(['Thing › Name: Anna']);
    expect(formio([custom], { thing: { name: 'Anna' } })).toEqual(['Thing › Name: Anna']);
    expect(formio([custom], { thing: [{ name: 'Anna' }] })).toEqual(['Thing | Name', 'Thing | Anna']);
    expect(formio([{ type: 'myThing', key: 'thing', label: 'Thing' }], { thing: { a: 1 } })).toEqual(['Thing › A: 1']);
    expect(formio([{ type: 'myText', key: 'thing', input: false }, name], { name: 'Anna' })).toEqual(['Name: Anna']);
  });
});

describe('where the answers are', () => {
  const definition = readFormio({ components: [name, age] });

  test.each([
    ['beside the sections', answers, []],
    ['below data, as Form.io sends them', { data: answers, state: 'sent' }, ['More data › State: sent']],
    ['below another name', { customData: answers }, []],
    ['two levels down', { submission: { data: answers } }, []],
  ])('%s', (_where, body, more) => {
    expect(linesOf(viewOfAnswers(body, definition))).toEqual(['Name: Anna', 'Age: 40', ...more]);
  });

  test('is where most names are those of the definition', () => {
    const lines = linesOf(viewOfAnswers({ name: 'outer', data: { ...answers, shoe: 39 } }, definition));
    expect(lines).toEqual(['Name: Anna', 'Age: 40', 'More data › Shoe: 39', 'More data › Name: outer']);
  });

  test('is not an object among the answers that has some of the same names', () => {
    expect(linesOf(viewOfAnswers({ name: 'Anna', child: { name: 'Bob', age: 4 } }, definition))).toEqual([
      'Name: Anna',
      'Age: –',
      'More data › Child › Name: Bob',
      'More data › Child › Age: 4',
    ]);
  });

  test('a definition that knows nothing of what was submitted is that of another form', () => {
    const view = viewOfAnswers({ city: 'Oslo' }, definition);
    expect(view.labelledBy).toBe('names');
    expect(linesOf(view)).toEqual(['City: Oslo']);
  });

  test('a form that was sent empty shows what was asked', () => {
    const view = viewOfAnswers({}, definition);
    expect(view.labelledBy).toBe('definition');
    expect(linesOf(view)).toEqual(['Name: –', 'Age: –']);
  });

  test('a key with dots is a path, or the name as it is', () => {
    const dotted = [{ ...name, key: 'person.name' }];
    expect(formio(dotted, { person: { name: 'Anna', age: 40 } })).toEqual([
      'Name: Anna',
      'More data › Person › Age: 40',
    ]);
    expect(formio(dotted, { 'person.name': 'Anna' })).toEqual(['Name: Anna']);
  });
});
