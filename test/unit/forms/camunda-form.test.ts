import { describe, expect, test } from '@jest/globals';
import { idOfCamundaForm, readCamundaForm } from '../../../src/forms/read-camunda-form.ts';
import { aTaskBody, camundaForm, linesOf, viewOfBody } from './a-view.ts';

function shown(component: object, value: unknown, more: object = {}): string {
  const [line = ''] = camundaForm([{ key: 'q', label: 'Q', ...component }], { q: value, ...more });
  return line.replace(/^Q: /, '');
}

const values = [
  { value: 'o', label: 'Oslo' },
  { value: 2, label: 'Two' },
];

test.each([
  [{ type: 'textfield' }, 'Anna', 'Anna'],
  [{ type: 'textfield', appearance: { suffixAdorner: 'kg' } }, '5', '5 kg'],
  [{ type: 'textarea' }, 'two\nlines', 'two\nlines'],
  [{ type: 'number', appearance: { prefixAdorner: '£' } }, 5.5, '£5.5'],
  [{ type: 'number', serializeToString: true }, '0.10', '0.10'],
  [{ type: 'checkbox' }, true, 'yes'],
  [{ type: 'checkbox' }, false, 'no'],
  [{ type: 'checklist', values }, ['o', 2, 'x'], 'Oslo + Two + x'],
  [{ type: 'radio', values }, 'o', 'Oslo'],
  [{ type: 'select', values }, 2, 'Two'],
  [{ type: 'select', data: { values } }, 'o', 'Oslo'],
  [{ type: 'taglist', values }, ['o'], 'Oslo'],
  [{ type: 'taglist', values }, [], '–'],
  [{ type: 'datetime', subtype: 'date' }, '2026-11-21', '21 November 2026'],
  [{ type: 'datetime' }, '2026-11-21', '21 November 2026'],
  [{ type: 'datetime', subtype: 'time' }, '08:53+01:00', '08:53 UTC+01:00'],
  [{ type: 'datetime', subtype: 'datetime' }, '2026-11-21T08:53+01:00', '21 November 2026, 07:53 UTC'],
  [{ type: 'date' }, '2026-11-21', '21 November 2026'],
  [{ type: 'filepicker' }, 'files::abc', 'files::abc'],
  [
    { type: 'filepicker' },
    [{ documentId: 'd', metadata: { fileName: 'a.pdf', contentType: 'application/pdf', size: 9 } }],
    'a.pdf (application/pdf, 9 bytes, not kept)',
  ],
  [{ type: 'newThing' }, [1, 2], '1 + 2'],
  [{ type: 'textfield' }, null, '–'],
])('%j shows %j as %j', (component, value, text) => {
  expect(shown(component, value)).toBe(text);
});

describe('options in the data', () => {
  const cities = [{ value: 'o', label: 'Oslo' }, 'Bergen'];

  test.each([{ valuesKey: 'cities' }, { valuesExpression: '=cities' }])('are found by %j', (source) => {
    expect(shown({ type: 'select', ...source }, 'o', { cities })).toBe('Oslo');
    expect(shown({ type: 'checklist', ...source }, ['o', 'Bergen'], { cities })).toBe('Oslo + Bergen');
  });

  test('that are not there leave the value as it is', () => {
    expect(shown({ type: 'select', valuesKey: 'cities' }, 'o')).toBe('o');
    expect(shown({ type: 'select', valuesExpression: '=for x in y return z' }, 'o')).toBe('o');
  });
});

describe('labels', () => {
  test.each([
    [{ label: 'Your <b>name</b>' }, 'Your name'],
    [{ label: '= "A literal"' }, 'A literal'],
    [{ label: '=if a then "b" else "c"' }, 'First name'],
    [{ label: 'Rent of {{person.name}}' }, 'Rent of …'],
    [{ label: '{{person.name}}' }, 'First name'],
    [{}, 'First name'],
    [{ type: 'datetime', subtype: 'datetime', dateLabel: 'On', timeLabel: 'At' }, 'On'],
    [{ type: 'datetime', subtype: 'time', timeLabel: 'At' }, 'At'],
  ])('%j is %j', (component, label) => {
    const lines = camundaForm([{ type: 'textfield', key: 'firstName', ...component }], { firstName: 'x' });
    expect(lines).toEqual([`${label}: x`]);
  });
});

describe('what nests', () => {
  const name = { type: 'textfield', key: 'name', label: 'Name' };

  test('groups are headings, with or without a path', () => {
    const group = { type: 'group', label: 'Person', components: [name] };
    expect(camundaForm([group], { name: 'Anna' })).toEqual(['Person › Name: Anna']);
    expect(camundaForm([{ ...group, path: 'a.b' }], { a: { b: { name: 'Anna' } } })).toEqual(['Person › Name: Anna']);
    expect(camundaForm([{ ...group, label: '' }], { name: 'Anna' })).toEqual(['Name: Anna']);
  });

  test('a dynamic list is a table, or a list where it nests', () => {
    const list = { type: 'dynamiclist', path: 'kids', label: 'Children', components: [name] };
    expect(camundaForm([list], { kids: [{ name: 'Anna' }] })).toEqual(['Children | Name', 'Children | Anna']);
    const nested = { ...list, components: [{ ...list, path: 'toys', label: 'Toys' }] };
    expect(camundaForm([nested], { kids: [{ toys: [{ name: 'ball' }] }] })).toEqual([
      'Children 1 › Toys | Name',
      'Children 1 › Toys | ball',
    ]);
  });

  test('a table shows the data that were sent with the form, and nothing where none were', () => {
    const columns = [{ key: 'id', label: 'Number' }, { key: 'startDate' }];
    const table = { type: 'table', label: 'Orders', dataSource: '=orders', columns };
    expect(camundaForm([name, table], { name: 'A', orders: [{ id: 1, startDate: '2026-11-21' }] })).toEqual([
      'Name: A',
      'Orders | Number | Start date',
      'Orders | 1 | 21 November 2026',
    ]);
    expect(camundaForm([name, table], { name: 'A' })).toEqual(['Name: A']);
    const byExpression = { type: 'table', dataSource: 'orders', columnsExpression: '=columns' };
    expect(camundaForm([byExpression], { orders: [{ id: 1 }] })).toEqual(['Orders | Id', 'Orders | 1']);
  });

  test('components that ask for nothing are left out, with the values that they compute', () => {
    const still = ['text', 'html', 'image', 'spacer', 'separator', 'button', 'iframe'].map((type) => ({
      type,
      text: 'x',
    }));
    const computed = { type: 'expression', key: 'total', expression: '=1+1' };
    expect(camundaForm([...still, computed, name], { name: 'A', total: 2 })).toEqual(['Name: A']);
  });

  test('a component that may be hidden is left out when it is not answered', () => {
    const hideable = { type: 'number', key: 'age', label: 'Age', conditional: { hide: '=true' } };
    expect(camundaForm([name, hideable], { name: 'A', age: null })).toEqual(['Name: A']);
    expect(camundaForm([name, hideable], { name: 'A', age: 4 })).toEqual(['Name: A', 'Age: 4']);
  });
});

test.each([null, [], 'x', {}, { components: {} }])('%j is no Camunda form', (json) => {
  expect(readCamundaForm(json)).toBeNull();
  expect(idOfCamundaForm(json)).toBeNull();
});

describe('files of a task', () => {
  const file = (variable: string, fileName: string) => ({
    variable,
    fileName,
    contentType: 'image/png',
    bytes: 20,
    sha256: 'x',
    key: `CASE-1/f/anna/attachments/${variable}/${fileName}`,
  });
  const attachments = [file('photo', 'gate.png'), file('photo', 'door.png'), file('scan', 'a.png')];
  const components = [
    { type: 'filepicker', key: 'photo', label: 'Photo' },
    { type: 'textfield', key: 'city', label: 'City' },
  ];

  test('stand at their variable, with the key that leads to them', () => {
    const view = viewOfBody(aTaskBody({ city: 'Oslo' }, { attachments }), readCamundaForm({ components }));
    expect(linesOf(view)).toEqual([
      expect.stringMatching(/^Photo: gate\.png .*attachments\/photo\/gate\.png\) \+ door\.png/),
      'City: Oslo',
      expect.stringContaining('More data › Scan: a.png (image/png, 20 bytes, CASE-1/f/anna/attachments/scan/a.png)'),
    ]);
  });

  test('are shown without a definition too', () => {
    const view = viewOfBody(aTaskBody({}, { attachments: [file('photo', 'gate.png')] }));
    expect(view).toMatchObject({ title: 'Describe the site', labelledBy: 'names' });
    expect(view.items).toEqual([
      { kind: 'answer', label: 'Photo', answer: expect.objectContaining({ kind: 'file', fileName: 'gate.png' }) },
    ]);
  });

  test('that are no files of ours are data', () => {
    const view = viewOfBody(aTaskBody({}, { attachments: ['x', file('photo', 'gate.png')] }));
    expect(linesOf(view)).toEqual([expect.stringMatching(/^Photo: gate\.png/), 'Attachments 1 › : x']);
  });
});
