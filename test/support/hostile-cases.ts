import type { ViewItem } from '../../src/forms/form-view.ts';
import { aKeptForm, type KeptForm, text } from './builders-cases.ts';

/** What somebody may type who means no good, or whose form is larger than anybody thought of. */
export const HOSTILE_CASE = '<img src=x onerror=alert(1)>';
export const HOSTILE_KEY = 'hostile.json';
export const LONG_WORD = `${'x'.repeat(9_996)}END.`;
export const LEVELS = 200;
export const FIELDS = 5_000;

export const HOSTILE_TEXTS = [
  '<script>document.title = "taken"; fetch("https://evil.example/")</script>',
  '</dd></dl></main><h1>Not a heading</h1>',
  '<img src="https://evil.example/x.png" onerror="alert(1)">',
  '<style>body { display: none }</style>',
  '{{ 7 * 7 }}{% raw %}<%= 7 * 7 %>',
  '&lt;b&gt; &amp;amp;',
  '"><svg onload=alert(1)>',
  'javascript:alert(1)',
  '=HYPERLINK("https://evil.example","click")',
  "=cmd|'/C calc'!A0",
  '@import url(https://evil.example/x.css)',
];
/** Turn what follows around; an answer ends where it ends. */
export const TURNED = ['\u202Eevil\u202D', '\u2067turned', 'שלום עולם', '\u200Fmark'];

const LONG_LABEL = `Label ${'y'.repeat(3_000)}`;

function hostileItems(): ViewItem[] {
  return [
    ...HOSTILE_TEXTS.map((each, index) => text(`Text ${index}`, each)),
    ...TURNED.map((each, index) => text(`Turned ${index}`, each)),
    text('Controls', 'bell\u0007 nul\0 escape\u001b[31m'),
    text('Long word', LONG_WORD),
    text(LONG_LABEL, 'long label'),
    text('<b>Label</b>', 'markup in a label'),
    { kind: 'group', label: '<i>Group</i>', items: [text('a', '1')] },
    {
      kind: 'table',
      label: 'Few columns',
      columns: ['A', LONG_LABEL, '<b>C</b>'],
      rows: [['1', LONG_WORD, HOSTILE_TEXTS[0] ?? ''].map((each) => ({ kind: 'text', text: each }))],
    },
    {
      kind: 'table',
      label: 'Many columns',
      columns: Array.from({ length: 40 }, (_, index) => `Column ${index}`),
      rows: [1, 2].map((row) =>
        Array.from({ length: 40 }, (_, index) => ({ kind: 'text', text: `cell-${row}-${index}.` })),
      ),
    },
    {
      kind: 'answer',
      label: 'File',
      answer: { kind: 'file', fileName: '"><script>.png', contentType: '<b>', bytes: 1, key: '../../"><script>' },
    },
    nested(),
  ];
}

function nested(): ViewItem {
  let item: ViewItem = text('Innermost', 'the bottom');
  for (let level = LEVELS; level > 0; level--) {
    item =
      level % 3 === 0
        ? { kind: 'list', label: `Level ${level}.`, entries: [[item]] }
        : { kind: 'group', label: `Level ${level}.`, items: [item] };
  }
  return item;
}

export function hostileForm(): KeptForm {
  return aKeptForm({
    caseId: HOSTILE_CASE,
    key: HOSTILE_KEY,
    title: '</title><script>alert(1)</script>',
    submittedBy: '\u202E"}</style>@example.com',
    view: { title: '</title><script>alert(1)</script>', labelledBy: 'definition', items: hostileItems() },
  });
}

export function largeForm(): KeptForm {
  const items = Array.from({ length: FIELDS }, (_, index) => text(`Question ${index}`, `answer-${index}.`));
  return aKeptForm({
    caseId: HOSTILE_CASE,
    key: 'large.json',
    title: 'Large form',
    view: { title: 'Large form', labelledBy: 'definition', items },
  });
}
