import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Filling, fillBlanks } from '../../../src/submission/fill-blanks.ts';
import { onlySubmissionIn, submissionsIn } from '../../support/builders.ts';

const FORM: Filling = { name: 'n', formId: null, submittedBy: 'anna' };
const PROCESS: Filling = { definitionId: 'd', businessKey: null };

function fill(text: string, form = FORM, process = PROCESS): string {
  const [submission] = submissionsIn(text);
  if (submission === undefined) throw new Error('no submission');
  return fillBlanks(submission, { form, process });
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

describe('what is blank', () => {
  test('is filled in its place; what is missing goes to the end of its object', () => {
    expect(fill('{ "form" : { "name" : "" , "x" : 1 } , "process" : { } }')).toBe(
      '{ "form" : { "name" : "n" , "x" : 1 ,"submittedBy":"anna"} , "process" : { "definitionId":"d"} }',
    );
  });

  test.each(['null', '""', '" \\t\\u200b"'])('may be %s', (blank) => {
    expect(JSON.parse(fill(`{"form":{"name":${blank}}}`)).form.name).toBe('n');
  });

  test('stays blank where there is nothing to fill in', () => {
    expect(JSON.parse(fill('{"form":{"name":"a","formId":null}}')).form).toEqual({
      name: 'a',
      formId: null,
      submittedBy: 'anna',
    });
  });

  test.each(['null', '""', '" "'])('may be the whole process: %s', (blank) => {
    expect(JSON.parse(fill(`{"form":{"name":"a"},"process":${blank}}`)).process).toEqual({ definitionId: 'd' });
  });

  test('is a process that is missing', () => {
    expect(JSON.parse(fill('{"form":{"name":"a"}}')).process).toEqual({ definitionId: 'd' });
  });
});

describe('what is there', () => {
  test.each(['[]', '[null]', '"visit"', '0', 'false'])('stays, also the process %s that is no object', (process) => {
    expect(fill(`{"form":{"name":"a","submittedBy":"b"},"process":${process}}`)).toBe(
      `{"form":{"name":"a","submittedBy":"b"},"process":${process}}`,
    );
  });

  test.each(['0', 'false', '" a "'])('is never changed: %s', (value) => {
    expect(fill(`{"form":{"submittedBy":${value},"name":"a"},"process":{"definitionId":${value}}}`)).toBe(
      `{"form":{"submittedBy":${value},"name":"a"},"process":{"definitionId":${value}}}`,
    );
  });

  test('survives byte for byte: long numbers, doubled keys, blanks, escapes', () => {
    const rest = '"n": 12345678901234567890.10 , "k":1,"k" :2, "\\u0041\\/" : "\\u00e9" , "big":1E400';
    expect(fill(`{"form":{"name":"a","submittedBy":"b"},${rest},"process":{"definitionId":"x"}}`)).toBe(
      `{"form":{"name":"a","submittedBy":"b"},${rest},"process":{"definitionId":"x"}}`,
    );
  });

  test('counts by the last of doubled keys', () => {
    expect(fill('{"form":{"name":"a","name":"","submittedBy":"b"},"process":{"definitionId":"x"}}')).toBe(
      '{"form":{"name":"a","name":"n","submittedBy":"b"},"process":{"definitionId":"x"}}',
    );
  });

  test('includes the submissions nested in it', () => {
    const inner = '{"form":{"name":""},"process":null}';
    const filled = fill(`{"form":{"name":"a"},"list":[${inner}]}`);
    expect(filled).toContain(`"list":[${inner}]`);
  });

  test('differs from what comes out in blank and missing fields of form and process only', () => {
    const field = fc.oneof(fc.constantFrom('', ' ', null), fc.string(), fc.integer());
    const section = (fields: string[]) =>
      fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string({ maxLength: 3 })), field, { maxKeys: 5 });
    const body = fc.record(
      {
        form: section(['name', 'formId', 'submittedBy']).map((each) => ({ ...each, submissionDate: 'x' })),
        process: fc.oneof(section(['definitionId', 'businessKey']), field, fc.jsonValue({ maxDepth: 1 })),
        rest: fc.jsonValue({ maxDepth: 3 }),
      },
      { requiredKeys: ['form'] },
    );
    fc.assert(
      fc.property(body, fc.constantFrom(0, 2), (value, indent) => {
        const before = JSON.parse(JSON.stringify(value));
        const after = JSON.parse(fill(JSON.stringify(value, null, indent)));
        expect(after.rest).toEqual(before.rest);
        for (const [name, filling] of Object.entries({ form: FORM, process: PROCESS })) {
          const isObject = typeof before[name] === 'object' && before[name] !== null && !Array.isArray(before[name]);
          const old = isBlank(before[name]) ? {} : before[name];
          if (!isObject && !isBlank(before[name])) expect(after[name]).toEqual(before[name]);
          else {
            const offered = Object.entries(filling).filter(([key, offer]) => offer !== null && isBlankIn(old, key));
            expect(after[name]).toEqual({ ...old, ...Object.fromEntries(offered) });
          }
        }
      }),
    );
  });
});

function isBlankIn(section: Record<string, unknown>, key: string): boolean {
  return !Object.hasOwn(section, key) || isBlank(section[key]);
}

describe('the text that comes out', () => {
  test('is the submission alone, cut out of the variable', () => {
    const [, second] = submissionsIn('[{"form":{"name":"a"}}, {"form":{"name":"b"}} ]');
    if (second === undefined) throw new Error('no second submission');
    expect(fillBlanks(second, { form: {}, process: {} })).toBe('{"form":{"name":"b"},"process":{}}');
  });

  test('quotes what is filled in', () => {
    expect(JSON.parse(fill('{"form":{"name":null}}', { name: 'a"\\\n\u2028' }, {})).form.name).toBe('a"\\\n\u2028');
  });

  test('carries half a surrogate pair as its escape, and whole pairs as they are', () => {
    const filled = fill('{"form":{"name":"a\ud83d"},"😀":"\udc00"}');
    expect(filled.isWellFormed()).toBe(true);
    expect(filled).toContain('"a\\ud83d"');
    expect(JSON.parse(filled)).toMatchObject({ form: { name: 'a\ud83d' }, '😀': '\udc00' });
  });

  test('lists further members at its end', () => {
    const submission = onlySubmissionIn('{"form":{"name":"a"},"process":{}}');
    const filled = fillBlanks(submission, { form: {}, process: {} }, { attachments: [{ key: 'k' }] });
    expect(filled).toBe('{"form":{"name":"a"},"process":{},"attachments":[{"key":"k"}]}');
  });
});
