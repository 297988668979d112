import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { failureCodeOf } from '../../../src/errors.ts';
import { sliceOf } from '../../../src/submission/json-tree.ts';
import { holdsConvention, splitConvention } from '../../../src/submission/split-convention.ts';
import { foundIn, onlySubmissionIn, submissionsIn } from '../../support/builders.ts';

const at = (value: unknown): string[] => submissionsIn(JSON.stringify(value)).map(({ source }) => source);
const codesIn = (text: string): string[] =>
  foundIn(text).map((found) => ('invalid' in found ? failureCodeOf(found.invalid) : 'good'));

const form = { name: 'site-visit' };

describe('a submission is found', () => {
  test('at the root', () => {
    expect(at({ form, a: 1 })).toEqual(['detail/d-1#']);
  });

  test('in a root array', () => {
    expect(at([{ form }, 1, { form }])).toEqual(['detail/d-1#/0', 'detail/d-1#/2']);
  });

  test('in nested objects and arrays', () => {
    expect(at({ a: { b: [0, [{ form }]] }, c: { form } })).toEqual(['detail/d-1#/a/b/1/0', 'detail/d-1#/c']);
  });

  test('with those nested in it as they were, the outer one first', () => {
    const value = { inner: { form: { name: 'inner' } }, form: { name: 'outer' } };
    const found = submissionsIn(JSON.stringify(value));
    expect(found.map((each) => each.form.name)).toEqual(['outer', 'inner']);
    expect(found.map(({ tree, node }) => JSON.parse(sliceOf(tree, node)))).toEqual([value, value.inner]);
  });

  test('inside the form section of another', () => {
    expect(at({ form: { name: 'a', form: { name: 'b' }, more: { form } } })).toEqual([
      'detail/d-1#',
      'detail/d-1#/form',
      'detail/d-1#/form/more',
    ]);
  });

  test('under an escaped key', () => {
    expect(submissionsIn('{"\\u0066orm":{"n\\u0061me":"visit"}}').map((each) => each.form.name)).toEqual(['visit']);
  });

  test('in the last of doubled form sections, and nowhere twice', () => {
    expect(onlySubmissionIn('{"form":{"name":"a"},"form":{"name":"b"}}').form.name).toBe('b');
    expect(submissionsIn('{"form":{"name":"a"},"form":1}')).toEqual([]);
  });

  test.each(['name', 'formId', 'formVersionId', 'submissionDate', 'submittedBy'])(
    'by the field %s, blank or not',
    (field) => {
      expect(at({ form: { [field]: 'x' } })).toHaveLength(1);
      expect(at({ form: { [field]: null } })).toHaveLength(1);
    },
  );

  test.each([null, [], 'x', 1, true, {}, { title: 'x' }, { Name: 'x' }, [{ name: 'x' }]])(
    'not where form is %j: that is just data',
    (data) => {
      expect(foundIn(JSON.stringify({ form: data }))).toEqual([]);
      expect(holdsConvention(JSON.stringify({ form: data }))).toBe(false);
    },
  );

  test('as often as objects with a form section exist, wherever they stand', () => {
    const tree = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(1, 'form', null, { form: {} }),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.record({ other: tie('any'), form: fc.record({ name: fc.constantFrom('a', '', null) }) }),
        fc.record({ other: tie('any'), form: tie('any') }),
      ),
    })).any;
    fc.assert(
      fc.property(tree, (value) => {
        const expected: string[] = [];
        const walk = (each: unknown, pointer: string): void => {
          if (typeof each !== 'object' || each === null) return;
          const section = Array.isArray(each) ? null : (each as Record<string, unknown>).form;
          const isSection = typeof section === 'object' && section !== null && !Array.isArray(section);
          if (isSection && 'name' in section) expected.push(`detail/d-1#${pointer}`);
          for (const [key, child] of Object.entries(each)) walk(child, `${pointer}/${key}`);
        };
        walk(value, '');
        expect(at(value)).toEqual(expected);
        expect(holdsConvention(JSON.stringify(value))).toBe(expected.length > 0);
      }),
    );
  });
});

describe('what is read of it', () => {
  test('are the fields of the eForms dialect', () => {
    const submission = onlySubmissionIn(
      JSON.stringify({
        form: { name: 'n', formId: 'i', formVersionId: 'v', title: 't', submittedBy: 's', submissionDate: 'd' },
        process: { definitionId: 'pd', instanceId: 'pi', businessKey: 'bk' },
      }),
    );
    expect(submission).toMatchObject({
      form: { name: 'n', formId: 'i', formVersionId: 'v', title: 't', submittedBy: 's', submissionDate: 'd' },
      process: { definitionId: 'pd', instanceId: 'pi', businessKey: 'bk' },
      email: null,
      attachments: [],
    });
  });

  test('is the email of the legacy dialect: of its own object, else of the root', () => {
    const emails = submissionsIn(
      JSON.stringify({
        shiftDetailsContext: { email: 'root@example.com' },
        own: { form, shiftDetailsContext: { email: 'own@example.com' } },
        blank: { form, shiftDetailsContext: { email: ' ' } },
        none: { form, nested: { form, shiftDetailsContext: 'x' } },
      }),
    ).map(({ email }) => email);
    expect(emails).toEqual(['own@example.com', 'root@example.com', 'root@example.com', 'root@example.com']);
  });

  test('are numbers and booleans as their text, with all their digits', () => {
    const { form: section } = onlySubmissionIn(
      '{"form":{"name":12345678901234567890,"formId":1.0,"submittedBy":true}}',
    );
    expect(section).toMatchObject({ name: '12345678901234567890', formId: '1.0', submittedBy: 'true' });
  });

  test.each([null, '', ' \t', '\u200b\ufeff', '\u00a0\u2003', '\u0000'])('is nothing of the blank %j', (name) => {
    expect(onlySubmissionIn(JSON.stringify({ form: { name } })).form.name).toBeNull();
  });
});

describe('a bad submission', () => {
  test.each(['name', 'formId', 'formVersionId', 'submissionDate', 'submittedBy'])(
    'has an object or an array in %s, and does not hold up its neighbours',
    (field) => {
      expect(
        codesIn(JSON.stringify([{ form }, { form: { [field]: {} } }, { form: { [field]: ['Smith'] } }, { form }])),
      ).toEqual(['good', 'SUBMISSION_INVALID', 'SUBMISSION_INVALID', 'good']);
    },
  );

  test('names its place and never what a person typed', () => {
    const [found] = foundIn('[{"form":{"name":{"typed":"Mrs Smith"}}}]');
    const error = found !== undefined && 'invalid' in found ? found.invalid : null;
    expect(error?.context).toEqual({ source: 'detail/d-1#/0' });
    expect(`${error?.message} ${error?.stack}`).not.toContain('Smith');
  });

  test('is a text that is no JSON and mentions "form"; any other such text is ignored', () => {
    expect(codesIn('{"form":{"name":"Mrs Smith"}')).toEqual(['SUBMISSION_INVALID']);
    expect(codesIn('say "form"')).toEqual(['SUBMISSION_INVALID']);
    for (const text of ['', 'form', '{"forms":', "{'form':1}", '{"\\u0066orm":']) expect(foundIn(text)).toEqual([]);
    expect(holdsConvention('{"form":{"name":"a"}')).toBe(false);
  });
});

describe('a large variable', () => {
  test('of 5 MB is split', () => {
    const text = JSON.stringify({ form, answer: 'x'.repeat(5_000_000) });
    expect(onlySubmissionIn(text).form.name).toBe('site-visit');
  });

  test('may nest a submission 10,000 levels deep', () => {
    const text = `${'{"a":['.repeat(5_000)}{"form":{"name":"deep"}}${']}'.repeat(5_000)}`;
    expect(onlySubmissionIn(text).source).toBe(`detail/d-1#${'/a/0'.repeat(5_000)}`);
  });

  test('hands out its submissions one at a time', () => {
    const text = JSON.stringify(Array(200_000).fill({ form }));
    const found = splitConvention({ ref: 'detail/d-1', variableName: 'data', text });
    expect(found.next().value).toHaveProperty('submission.source', 'detail/d-1#/0');
    expect(found.next().value).toHaveProperty('submission.source', 'detail/d-1#/1');
  });

  test.each([
    [
      'submissions side by side in one object',
      `{${Array.from({ length: 30_000 }, (_, i) => `"k${i}":{"form":{"name":"a"}}`).join()}}`,
      30_000,
    ],
    ['doubled form sections', `{${Array(60_000).fill('"form":{"name":"a"}').join()}}`, 1],
  ])('with many %s takes no time that grows with their square', (_, text, count) => {
    const startedMs = performance.now();
    expect(submissionsIn(text)).toHaveLength(count);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
