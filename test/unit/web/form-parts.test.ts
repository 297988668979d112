import { describe, expect, test } from '@jest/globals';
import type { ViewItem } from '../../../src/forms/form-view.ts';
import { countItems, type FormPart, formParts } from '../../../src/web/form-parts.ts';
import { text } from '../../support/builders-cases.ts';

const group = (label: string, items: ViewItem[]): ViewItem => ({ kind: 'group', label, items });
const short = (parts: FormPart[]): string[] =>
  parts.map((part) => {
    if (part.kind === 'answers') return part.rows.map(({ label }) => label).join('+');
    if (part.kind === 'heading' || part.kind === 'table') return `${part.kind}${part.level} ${part.label}`;
    return part.kind === 'nothing' ? part.text : `${part.kind === 'open' ? '<' : '</'}${part.tag}>`;
  });

describe('the parts of a form', () => {
  test('keep the order, and put answers that follow one another together', () => {
    const items = [text('a', '1'), text('b', '2'), group('G', [text('c', '3')]), text('d', '4')];

    expect(short(formParts(items, 2))).toEqual(['a+b', '<section>', 'heading2 G', 'c', '</section>', 'd']);
  });

  test('have headings that go down one level a group, to the sixth', () => {
    const items = [group('A', [group('B', [group('C', [group('D', [group('E', [group('F', [])])])])])])];

    expect(short(formParts(items, 2)).filter((part) => part.startsWith('heading'))).toEqual(
      ['A2', 'B3', 'C4', 'D5', 'E6', 'F6'].map((each) => `heading${each.slice(1)} ${each.slice(0, 1)}`),
    );
  });

  test('have no heading and no deeper level for a group without a label', () => {
    const table: ViewItem = { kind: 'table', label: 'T', columns: [], rows: [] };

    expect(short(formParts([group(' ', [table])], 3))).toEqual(['<section>', 'table3 T', '</section>']);
  });

  test('say what is empty', () => {
    const items: ViewItem[] = [group('G', []), { kind: 'list', label: 'L', entries: [] }];

    expect(short(formParts(items, 2))).toEqual([
      '<section>',
      'heading2 G',
      'Nothing in it',
      '</section>',
      'heading2 L',
      'No entries',
    ]);
  });

  test('have an item for each entry of a list', () => {
    const items: ViewItem[] = [{ kind: 'list', label: 'L', entries: [[text('a', '1')], [text('b', '2')]] }];

    expect(short(formParts(items, 2))).toEqual([
      'heading2 L',
      '<ol>',
      '<li>',
      'a',
      '</li>',
      '<li>',
      'b',
      '</li>',
      '</ol>',
    ]);
  });

  test.each(['group', 'list'] as const)(
    'hold each of 100,000 levels of a %s, in boxes that a browser can bear',
    (kind) => {
      let items: ViewItem[] = [text('innermost', 'x')];
      for (let level = 0; level < 100_000; level++) {
        items = kind === 'group' ? [group(`${level}`, items)] : [{ kind, label: `${level}`, entries: [items] }];
      }

      const parts = formParts(items, 2);

      const depths = parts.reduce<number[]>((all, part) => {
        const change = part.kind === 'open' ? 1 : part.kind === 'close' ? -1 : 0;
        all.push((all.at(-1) ?? 0) + change);
        return all;
      }, []);
      expect(depths.at(-1)).toBe(0);
      expect(depths.reduce((a, b) => Math.max(a, b))).toBeLessThan(150);
      expect(short(parts)).toContain('innermost');
      expect(parts.filter((part) => part.kind === 'heading').length).toBeGreaterThanOrEqual(100_000);
    },
  );
});

describe('the items of a form', () => {
  const itemsOf = (items: ViewItem[]): number => countItems(formParts(items, 2));

  test.each<[string, number, ViewItem[]]>([
    ['answers', 2, [text('a', '1'), { kind: 'answer', label: 'b', answer: { kind: 'none' } }]],
    ['headings, and what stands for nothing', 2, [group('G', [])]],
    ['each entry of a choice', 3, [{ kind: 'answer', label: 'c', answer: { kind: 'choices', texts: ['x', 'y'] } }]],
    ['a long text several times', 4, [text('a', 'x'.repeat(3_000))]],
    [
      'a table with its columns and cells',
      5,
      [
        {
          kind: 'table',
          label: 'T',
          columns: ['A', 'B'],
          rows: [
            [
              { kind: 'text', text: '1' },
              { kind: 'checked', checked: true },
            ],
          ],
        },
      ],
    ],
  ])('are counted: %s', (_, count, items) => {
    expect(itemsOf(items)).toBe(count);
  });
});
