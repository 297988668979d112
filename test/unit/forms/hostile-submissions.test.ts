import { describe, expect, test } from '@jest/globals';
import type { FormPart } from '../../../src/forms/form-outline.ts';
import { readCamundaForm } from '../../../src/forms/read-camunda-form.ts';
import { readFormio } from '../../../src/forms/read-formio.ts';
import { viewOfForm } from '../../../src/forms/view-of-form.ts';
import { parseJsonTree } from '../../../src/submission/json-tree.ts';
import { countItems, formio, linesOf, viewOfAnswers } from './a-view.ts';

const MORE = /^Not shown here: … ([\d,]+) more values?: see the raw data$/;

/** How many values the view says that it does not show. */
function notShown(lines: string[]): number {
  return Number(MORE.exec(lines.at(-1) ?? '')?.[1]?.replaceAll(',', '') ?? 0);
}

const field = (key: string) => ({ type: 'textfield', key, label: key });

describe('answers', () => {
  test.each([
    ['a script', '<script>alert(1)</script>'],
    ['HTML', '<img src=x onerror="alert(1)">&amp;'],
    ['a formula', '=HYPERLINK("http://evil.example","x")'],
    ['right-to-left marks', 'abc\u202edcba\u2066'],
    ['10,000 characters without a blank', 'x'.repeat(10_000)],
    ['a template', `{{ constructor }} ${'$'}{7*7}`],
    ['a control character', 'a\u0007b'],
  ])('that are %s are text, letter by letter', (_what, text) => {
    expect(formio([field('a')], { a: text, b: [text] })).toEqual([`a: ${text}`, `More data › B: ${text}`]);
    expect(linesOf(viewOfAnswers({ a: text, rows: [{ [text]: text }] }))[0]).toBe(`A: ${text}`);
  });

  test('beyond 100,000 characters say how much more there is', () => {
    const [line = ''] = formio([field('a')], { a: 'x'.repeat(123_456) });
    expect(line).toMatch(/x … 23,456 more characters: see the raw data$/);
  });

  test('with half of a surrogate pair can be sent', () => {
    const [line = ''] = linesOf(viewOfAnswers('{"a":"\\ud800"}'));
    expect(line.isWellFormed()).toBe(true);
  });

  test('called like what every object has are shown like others', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', '__defineGetter__'];
    const data = `{${names.map((name) => `"${name}":"of ${name}"`).join()}}`;
    const components = names.map((key) => ({ ...field(key), type: 'select', data: { values: [] } }));
    expect(formio(components, data)).toEqual(names.map((name) => `${name}: of ${name}`));
    expect(linesOf(viewOfAnswers(data)).join()).toContain('__proto__: of __proto__');
    expect(linesOf(viewOfAnswers(`{"rows":[${data}]}`))[1]).toContain('of __proto__');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('depth', () => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels)}"deep"${'}'.repeat(levels)}`;

  test('of 200 levels is shown to the bottom', () => {
    for (const definition of [null, readFormio({ components: [field('x'), field('a')] })]) {
      const lines = linesOf(viewOfAnswers(nested(200), definition));
      expect(lines.filter((line) => line.endsWith(': deep'))).toHaveLength(1);
    }
  });

  test('beyond that is counted', () => {
    const lines = linesOf(viewOfAnswers(nested(5_000)));
    expect(notShown(lines)).toBe(1);
    expect(lines.join()).not.toContain('deep');
    expect(notShown(linesOf(viewOfAnswers(`{"a":${'['.repeat(5_000)}1,2${']'.repeat(5_000)}}`)))).toBe(2);
  });
});

describe('size', () => {
  const answers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, `v${i}`]));

  test('of 5,000 fields is shown whole, in a moment', () => {
    const components = Array.from({ length: 5_000 }, (_, i) => field(`k${i}`));
    const started = performance.now();
    const lines = formio(components, answers(5_000));
    expect(lines).toHaveLength(5_000);
    expect(lines.at(-1)).toBe('k4999: v4999');
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test.each<[string, unknown, number]>([
    ['fields', answers(30_000), 30_000],
    ['groups', Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`g${i}`, { a: i }])), 15_000],
    ['choices', { a: Array.from({ length: 30_000 }, (_, i) => i) }, 30_000],
    ['rows', { a: Array.from({ length: 30_000 }, (_, i) => ({ x: i })) }, 30_000],
    ['entries', { a: Array.from({ length: 30_000 }, (_, i) => [[i]]) }, 30_000],
  ])('of too many %s is cut, and the view says how many are missing', (_what, data, values) => {
    for (const definition of [null, readFormio({ components: [field('a'), field('k0'), field('g0')] })]) {
      const view = viewOfAnswers(data as object, definition);
      const lines = linesOf(view);
      const shown = lines.join('\n').match(/(?<=: |\+ |\| |v)\d+\b(?! more)/g) ?? [];
      expect(countItems(view.items)).toBeLessThan(20_010);
      expect(shown.length + notShown(lines)).toBeGreaterThanOrEqual(values);
      expect(shown.length).toBeGreaterThan(6_000);
    }
  });

  test.each<[string, object[]]>([
    ['a grid of plain fields', [field('x'), field('y')]],
    ['a grid that nests', [field('x'), { type: 'datagrid', key: 'y', components: [field('z')] }]],
    ['a grid with 9,000 hidden fields', Array.from({ length: 9_000 }, (_, i) => ({ type: 'hidden', key: `h${i}` }))],
    [
      'a grid with 9,000 conditions',
      Array.from({ length: 9_000 }, (_, i) => ({ ...field(`h${i}`), customConditional: 'x' })),
    ],
  ])('of 50,000 rows in %s costs no more than a moment', (_what, components) => {
    const rows = Array.from({ length: 50_000 }, (_, i) => ({ x: i }));
    const started = performance.now();
    const lines = formio([{ type: 'datagrid', key: 'rows', label: 'Rows', components }], { rows });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(notShown(lines)).toBeGreaterThan(25_000);
  });
});

describe('definitions', () => {
  test('that are circles are read as far as it goes', () => {
    const circle: { type: string; key: string; components: object[] } = { type: 'container', key: 'a', components: [] };
    circle.components.push(circle, circle, field('b'));
    for (const read of [readFormio, readCamundaForm]) {
      const started = performance.now();
      const outline = read({ components: [circle] });
      const view = viewOfAnswers({ a: { b: 'shown', a: { c: 'too' } } }, outline);
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(linesOf(view).join('\n')).toMatch(/shown.*too/s);
    }
  });

  test('with too many components leave the rest to the names', () => {
    const components = Array.from({ length: 30_000 }, (_, i) => field(`k${i}`));
    const lines = formio(components, { k0: 'a', k29999: 'b' });
    expect(lines[0]).toBe('k0: a');
    expect(lines.at(-1)).toBe('More data › K 29999: b');
  });

  test('deeper than anybody reads leave the rest to the names', () => {
    let component: object = field('a');
    for (let i = 0; i < 1_000; i++) component = { type: 'panel', title: `P${i}`, components: [component] };
    expect(formio([component, field('b')], { a: 'x', b: 'y' })).toEqual(['b: y', 'More data › A: x']);
  });

  test('that ask for the same answers again and again show all of them', () => {
    const parts = ['a', 'a.b', 'a', ''].map(
      (path): FormPart => ({ kind: 'nested', path, label: 'L', parts: [], when: null, isCertain: false }),
    );
    const lines = linesOf(viewOfAnswers({ a: { b: { c: 'deep' } } }, { title: null, parts }));
    expect(lines).toEqual(['More data › A › B › C: deep']);
  });

  test('of any JSON at all are survived', () => {
    const odd = [null, 1, 'x', [], [[]], {}, { components: [[]] }, { components: [{ components: {} }] }];
    for (const definition of odd)
      for (const type of ['panel', 'columns', 'table', 'datagrid', 'survey', 'select', 'day', 'container', 'form', 'x'])
        for (const part of [
          'components',
          'columns',
          'rows',
          'values',
          'data',
          'questions',
          'conditional',
          'logic',
          'widget',
        ]) {
          const components = [
            { type, key: 'a', label: definition, [part]: definition, fields: definition, template: '{{' },
          ];
          expect(formio(components, { a: { b: 'shown' } }).join()).toContain('shown');
        }
  });
});

test('bodies of any JSON at all are survived', () => {
  for (const json of [
    '[]',
    '0',
    'true',
    '{"form":[]}',
    '{"data":{},"task":{"id":"a","definitionKey":"b"}}',
    '[[],{}]',
  ]) {
    for (const definition of [null, readFormio({ components: [field('a')] })]) {
      expect(viewOfForm(definition, parseJsonTree(json)).items).toBeInstanceOf(Array);
    }
  }
});
