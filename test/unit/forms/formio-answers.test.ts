import { describe, expect, test } from '@jest/globals';
import { formio } from './a-view.ts';

/** The answer that one component shows. */
function shown(component: object, value: unknown): string {
  const [line = ''] = formio([{ key: 'q', label: 'Q', ...component }], { q: value });
  return line.replace(/^Q: /, '');
}

const values = [
  { value: 'o', label: 'Oslo' },
  { value: 1, label: 'Number <i>one</i>' },
  { value: true, label: 'Truly' },
];

describe('texts and numbers', () => {
  test.each([
    [{ type: 'textfield' }, 'Anna', 'Anna'],
    [{ type: 'textarea' }, 'two\nlines', 'two\nlines'],
    [{ type: 'email' }, 'a@example.org', 'a@example.org'],
    [{ type: 'url' }, 'https://example.org/?a=b', 'https://example.org/?a=b'],
    [{ type: 'phoneNumber' }, '+44 20', '+44 20'],
    [{ type: 'number' }, 5.5, '5.5'],
    [{ type: 'number', prefix: '£' }, 5, '£5'],
    [{ type: 'number', suffix: 'kg' }, 5, '5 kg'],
    [{ type: 'number', suffix: '%' }, 5, '5%'],
    [{ type: 'number' }, '007', '007'],
    [{ type: 'textfield', multiple: true }, ['a', 'b'], 'a + b'],
    [{ type: 'textfield' }, '2026-11-21', '2026-11-21'],
    [{ type: 'textarea', editor: 'ckeditor' }, '<p>One</p><p>Two</p>', 'One\nTwo'],
    [{ type: 'textarea', editor: 'ckeditor' }, '<script>x</script>', '<script>x</script>'],
    [{ type: 'textarea', editor: 'ace' }, '<p>code</p>', '<p>code</p>'],
  ])('%j shows %j as %j', (component, value, text) => {
    expect(shown(component, value)).toBe(text);
  });

  test('numbers keep all their digits', () => {
    const lines = formio([{ type: 'number', key: 'n', label: 'N' }], '{"n":12345678901234567890.120}');
    expect(lines).toEqual(['N: 12345678901234567890.120']);
  });

  test.each([
    ['GBP', 142.5, '£142.50'],
    ['GBP', 142, '£142'],
    ['EUR', -3, '-€3'],
    ['NOK', 1234567.891, 'NOK\u00a01234567.891'],
    ['GBP', 'much', 'much'],
    ['nonsense', 5, '5'],
  ])('an amount in %s of %j is %j', (currency, value, text) => {
    expect(shown({ type: 'currency', currency }, value)).toBe(text);
  });

  test('a password is not shown, as in the form', () => {
    expect(shown({ type: 'password' }, 'secret')).toBe('Not shown, as in the form');
  });
});

describe('choices', () => {
  test.each([
    [{ type: 'radio', values }, 'o', 'Oslo'],
    [{ type: 'radio', values }, '1', 'Number one'],
    [{ type: 'radio', values }, 1, 'Number one'],
    [{ type: 'radio', values }, true, 'Truly'],
    [{ type: 'radio', values }, 'other', 'other'],
    [{ type: 'radio', values }, false, 'no'],
    [{ type: 'select', data: { values } }, 'o', 'Oslo'],
    [{ type: 'select', data: { values }, multiple: true }, ['o', 1, 'other'], 'Oslo + Number one + other'],
    [{ type: 'select', data: { values } }, '2026-11-21', '2026-11-21'],
    [{ type: 'select', data: { json: [{ id: 7, name: 'Seven' }] }, valueProperty: 'id' }, 7, 'Seven'],
    [{ type: 'select', data: { json: '[{"id":7,"name":"Seven"}]' }, valueProperty: 'id' }, 7, 'Seven'],
    [{ type: 'select', data: { json: ['red', 'green'] } }, 'green', 'green'],
    [
      { type: 'select', data: { json: [{ v: 'x', t: 'Ex' }] }, valueProperty: 'v', template: '<b>{{ item.t }}</b>!' },
      'x',
      'Ex!',
    ],
    [{ type: 'select', data: { json: [{ b: 1, a: [2], label: 'Both' }] } }, { a: [2], b: 1, label: 'Both' }, 'Both'],
    [{ type: 'select', data: { values: [{ value: ['a', 'b'], label: 'A and B' }] } }, ['a', 'b'], 'A and B'],
    [
      { type: 'select', dataSrc: 'url', template: '<span>{{ item.name }} ({{ item.code }})</span>' },
      { id: 1, name: 'Norway', code: 'NO' },
      'Norway (NO)',
    ],
    [{ type: 'resource', template: '<span>{{ item.data.name }}</span>' }, { _id: 'x', data: { name: 'Ann' } }, 'Ann'],
    [{ type: 'selectboxes', values }, { o: true, '1': false, new: true }, 'Oslo + new'],
    [{ type: 'selectboxes', values }, { o: false, '': false }, '–'],
    [{ type: 'tags' }, 'a,b, c', 'a + b + c'],
    [{ type: 'tags' }, ['a', 'b'], 'a + b'],
    [{ type: 'tags', delimeter: ';' }, 'a;b', 'a + b'],
    [{ type: 'checkbox' }, true, 'yes'],
    [{ type: 'checkbox' }, false, 'no'],
    [{ type: 'checkbox' }, null, '–'],
  ])('%j shows %j as %j', (component, value, text) => {
    expect(shown(component, value)).toBe(text);
  });

  test('an option value beyond the numbers of JavaScript has its label', () => {
    const components = JSON.stringify([
      { type: 'radio', key: 'q', label: 'Q', values: [{ value: 'BIG', label: 'Big' }] },
    ]);
    const exact = JSON.parse(components.replace('"BIG"', '"12345678901234567890"'));
    expect(formio(exact, '{"q":12345678901234567890}')).toEqual(['Q: Big']);
  });

  test('a chosen object that no option and no template knows is shown with all that is in it', () => {
    const select = { type: 'select', key: 'q', label: 'Q', dataSrc: 'url', template: '<span>{{ item.title }}</span>' };
    expect(formio([select], { q: { id: 1, name: 'Norway' } })).toEqual(['Q › Id: 1', 'Q › Name: Norway']);
    expect(formio([select], { q: [{ id: 1 }, { id: 2 }] })).toEqual(['Q | Id', 'Q | 1', 'Q | 2']);
  });

  test('a survey shows each question with its answer', () => {
    const survey = {
      type: 'survey',
      key: 'q',
      label: 'Q',
      questions: [
        { value: 'food', label: 'Food' },
        { value: 'beds', label: 'Beds' },
      ],
      values: [{ value: 'g', label: 'Good' }],
    };
    expect(formio([survey], { q: { food: 'g', other: 'x' } })).toEqual([
      'Q › Food: Good',
      'Q › Beds: –',
      'More data › Q › Other: x',
    ]);
  });
});

describe('dates and times', () => {
  test.each([
    [{ type: 'datetime' }, '2026-11-21T08:53:00+01:00', '21 November 2026, 07:53 UTC'],
    [{ type: 'datetime', enableTime: false }, '2026-11-21T00:00:00+01:00', '21 November 2026'],
    [{ type: 'datetime', format: 'yyyy-MM-dd' }, '2026-11-21T00:00:00+01:00', '21 November 2026'],
    [{ type: 'datetime', format: 'yyyy-MM-dd hh:mm a' }, '2026-11-21T00:00:00Z', '21 November 2026, 00:00 UTC'],
    [{ type: 'datetime', enableDate: false, format: 'hh:mm a' }, '08:53', '08:53'],
    [{ type: 'datetime' }, 'soon', 'soon'],
    [{ type: 'textfield', widget: { type: 'calendar', enableTime: false } }, '2026-11-21', '21 November 2026'],
    [{ type: 'time' }, '08:53:00', '08:53'],
    [{ type: 'day' }, '11/21/2026', '21 November 2026'],
    [{ type: 'day', dayFirst: true }, '21/11/2026', '21 November 2026'],
    [{ type: 'day', fields: { day: { hide: true } } }, '11/2026', 'November 2026'],
    [{ type: 'day' }, '00/00/0000', '–'],
    [{ type: 'day' }, 'a day', 'a day'],
  ])('%j shows %j as %j', (component, value, text) => {
    expect(shown(component, value)).toBe(text);
  });
});

describe('files and signatures', () => {
  const photo = { storage: 'url', name: 'gate-1.png', originalName: 'gate.png', size: 20, type: 'image/png', url: 'x' };

  test('files are told by their names', () => {
    expect(shown({ type: 'file' }, [photo])).toBe('gate.png (image/png, 20 bytes, not kept)');
    expect(shown({ type: 'file' }, [photo, photo])).toMatch(/gate\.png.* \+ gate\.png/);
    expect(shown({ type: 'file' }, [])).toBe('–');
    expect(shown({ type: 'file' }, ['somewhere'])).toBe('somewhere');
  });

  test('a signature says that somebody signed', () => {
    expect(shown({ type: 'signature' }, `data:image/png;base64,${'A'.repeat(9_000)}`)).toBe('Signed');
    expect(shown({ type: 'signature' }, '')).toBe('–');
    expect(shown({ type: 'signature' }, 'X. Y.')).toBe('X. Y.');
  });
});

describe('addresses', () => {
  test.each([
    [{ formatted_address: '1 High St, Hull', place_id: 'x', geometry: { location: {} } }, '1 High St, Hull'],
    [{ mode: 'autocomplete', address: { display_name: 'Hull, England', lat: '1' } }, 'Hull, England'],
    [{ mode: 'manual', address: { line1: '1 High St', line2: '', city: 'Hull' } }, '1 High St, Hull'],
    [{ line1: '1 High St', city: 'Hull' }, '1 High St, Hull'],
    ['1 High St', '1 High St'],
    [{}, '–'],
  ])('%j is %j', (value, text) => {
    expect(shown({ type: 'address' }, value)).toBe(text);
  });
});

test.each([null, '', '  ', [], {}])('%j is no answer, whatever the component', (value) => {
  for (const type of ['textfield', 'number', 'radio', 'select', 'datetime', 'file', 'address', 'tags', 'custom']) {
    expect(shown({ type }, value)).toBe('–');
  }
});

test('a value of the wrong kind is shown as it is', () => {
  const value = { a: { b: 'deep' } };
  for (const type of ['textfield', 'number', 'currency', 'radio', 'selectboxes', 'day', 'file', 'signature', 'tags']) {
    expect(formio([{ type, key: 'q', label: 'Q' }], { q: value })).toEqual(['Q › A › B: deep']);
  }
  expect(formio([{ type: 'selectboxes', key: 'q', label: 'Q' }], { q: { a: 'text' } })).toEqual(['Q › A: text']);
});
