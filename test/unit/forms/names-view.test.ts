import { expect, test } from '@jest/globals';
import { viewOfForm } from '../../../src/forms/view-of-form.ts';
import { parseJsonTree } from '../../../src/submission/json-tree.ts';
import { aTaskBody, linesOf, viewOfAnswers, viewOfBody } from './a-view.ts';

const shown = (answers: object | string) => linesOf(viewOfAnswers(answers));

test('without a definition, names are written as words and what nests as groups', () => {
  const view = viewOfAnswers({ rentPerWeek: 142.5, inWork: true, person: { firstName: 'Jo', home: { city: 'Hull' } } });
  expect(view).toMatchObject({ title: 'Site visit', labelledBy: 'names' });
  expect(linesOf(view)).toEqual([
    'Rent per week: 142.5',
    'In work: yes',
    'Person › First name: Jo',
    'Person › Home › City: Hull',
  ]);
});

test('arrays of plain values are choices, of flat objects tables, anything else lists', () => {
  expect(
    shown({
      cities: ['Oslo', 'Hull', 7, true, null, ''],
      kids: [
        { name: 'A', age: 4 },
        { name: 'B', toys: ['ball'] },
      ],
      mixed: ['x', { a: 1 }, [2, 3]],
      deep: [{ a: { b: 1 } }],
      empty: [],
    }),
  ).toEqual([
    'Cities: Oslo + Hull + 7 + Yes',
    'Kids | Name | Age | Toys',
    'Kids | A | 4 | –',
    'Kids | B | – | ball',
    'Mixed 1 › : x',
    'Mixed 2 › A: 1',
    'Mixed 3 › : 2 + 3',
    'Deep 1 › A › B: 1',
    'Empty: –',
  ]);
});

test('a table that would be too wide for a page is a list', () => {
  const row = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, i]));
  expect(shown({ rows: [row] })).toContain('Rows 1 › K 8: 8');
});

test('dates in ISO 8601 are written out, other texts are left alone', () => {
  expect(shown({ a: '2026-11-21T08:53:00Z', b: '2026-11-21', c: '08:53', d: '2026' })).toEqual([
    'A: 21 November 2026, 08:53 UTC',
    'B: 21 November 2026',
    'C: 08:53',
    'D: 2026',
  ]);
});

test('what is empty says so', () => {
  expect(shown({ a: null, b: '', c: ' \u200b', d: {}, e: [], f: [null] })).toEqual(
    ['A', 'B', 'C', 'D', 'E', 'F'].map((label) => `${label}: –`),
  );
});

test('files that a form builder describes, or that stand in a text, are told as files', () => {
  const file = { storage: 's3', originalName: 'a.pdf', type: 'application/pdf', size: 9, key: 'elsewhere' };
  expect(shown({ file: [file], photo: `data:image/png;base64,${'QUJD'.repeat(5_000)}` })).toEqual([
    'File: a.pdf (application/pdf, 9 bytes, not kept)',
    'Photo: Picture (image/png, 15000 bytes, not kept)',
  ]);
});

test('a file in a text may have a name; an object that has more in it than a file is shown whole', () => {
  const named = 'data:text/plain;name=my%20notes.txt;base64,QUJD';
  const file = { storage: 's3', originalName: 'a.pdf', note: 'read this' };
  expect(shown({ named, odd: 'data:text/plain;name=%;base64,QUJD', file })).toEqual([
    'Named: my notes.txt (text/plain, 3 bytes, not kept)',
    'Odd: % (text/plain, 3 bytes, not kept)',
    'File › Storage: s3',
    'File › Original name: a.pdf',
    'File › Note: read this',
  ]);
});

test('sections that say whose it is are no answers; who was on shift comes last', () => {
  const body = { shiftDetailsContext: { email: 'a@example.org', team: { name: 'North' } }, city: 'Oslo' };
  expect(shown(body)).toEqual([
    'City: Oslo',
    'Shift details › Email: a@example.org',
    'Shift details › Team › Name: North',
  ]);
});

test('data that somebody put into the form section are not lost', () => {
  const view = viewOfBody({ form: { name: 'x', data: { city: 'Oslo' } }, process: 'mine' });
  expect(linesOf(view)).toEqual(['Form › Data › City: Oslo', 'Process: mine']);
});

test('a submission inside another one is shown in it', () => {
  const inner = { city: 'Hull', form: { name: 'inner' } };
  expect(shown({ city: 'Oslo', visits: [inner] })).toEqual([
    'City: Oslo',
    'Visits 1 › City: Hull',
    'Visits 1 › Form › Name: inner',
  ]);
});

test('a task submission shows its data, and what else was in it', () => {
  const view = viewOfBody(aTaskBody({ city: 'Oslo', detail: { rooms: 3 } }, { note: 'x' }));
  expect(view.title).toBe('Describe the site');
  expect(linesOf(view)).toEqual(['City: Oslo', 'Detail › Rooms: 3', 'Note: x']);
});

test('convention data may have their own data, task and attachments', () => {
  expect(shown({ data: { a: 1 }, task: { id: 'x' }, attachments: ['b'] })).toEqual([
    'Data › A: 1',
    'Task › Id: x',
    'Attachments: b',
  ]);
  expect(shown({ data: { a: 1 } })).toEqual(['A: 1']);
});

test.each([
  [{ title: 'Claim <b>', name: 'claim' }, 'Claim <b>'],
  [{ title: ' ', name: 'benefit-claim' }, 'Benefit claim'],
  [{}, 'Form'],
])('the title of %j is %j', (form, title) => {
  expect(viewOfBody({ form }).title).toBe(title);
});

test('numbers keep all their digits', () => {
  expect(shown('{"a":12345678901234567890,"b":[0.10000000000000000001],"c":-1E400}')).toEqual([
    'A: 12345678901234567890',
    'B: 0.10000000000000000001',
    'C: -1E400',
  ]);
});

test('doubled keys are all shown, also in the rows of a table', () => {
  expect(shown('{"a":1,"a":{"b":2},"a":3}')).toEqual(['A: 1', 'A › B: 2', 'A: 3']);
  expect(shown('{"rows":[{"a":1,"a":2}]}')).toEqual(['Rows 1 › A: 1', 'Rows 1 › A: 2']);
});

test.each([
  ['[1, {"a": 2}]', ['Submission 1 › : 1', 'Submission 2 › A: 2']],
  ['"text"', ['Submission: text']],
  ['null', ['Submission: –']],
  ['{}', []],
  ['{"form": null, "process": [], "task": 1}', ['Form: –', 'Process: –', 'Task: 1']],
])('a body that is %s can be read too', (json, lines) => {
  expect(linesOf(viewOfForm(null, parseJsonTree(json)))).toEqual(lines);
});
