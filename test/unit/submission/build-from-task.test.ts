import { describe, expect, test } from '@jest/globals';
import { buildFromTask, jsonOrText } from '../../../src/submission/build-from-task.ts';
import { fillBlanks } from '../../../src/submission/fill-blanks.ts';
import type { Attachment } from '../../../src/submission/submission.ts';
import { aTaskChange } from '../../support/builders.ts';

const aFile: Attachment = {
  variable: 'scan',
  fileName: 'a.pdf',
  contentType: 'application/pdf',
  read: async () => Buffer.from(''),
};

describe('a task submission', () => {
  test('holds the data, an empty form and process, and the task', () => {
    const submission = buildFromTask(aTaskChange(), [
      { name: 'amount', json: '12345678901234567890' },
      { name: 'a "b"', json: '{"x": 1.0}' },
    ]);
    expect(submission.tree.text).toBe(
      '{"data":{"amount":12345678901234567890,"a \\"b\\"":{"x": 1.0}},"form":{},"process":{},' +
        '"task":{"id":"t-1","definitionKey":"fillIn","name":"Fill in the visit","assignee":"anna",' +
        '"startTime":"2024-02-29T11:59:00.000Z","endTime":"2024-02-29T12:00:00.000Z"}}',
    );
    expect(submission).toMatchObject({ source: 'task/t-1', node: 0, email: null });
  });

  test('may be empty: a form sent without a change is a submission too', () => {
    expect(JSON.parse(buildFromTask(aTaskChange(), []).tree.text).data).toEqual({});
  });

  test('has files as attachments and not among its data', () => {
    const submission = buildFromTask(aTaskChange(), [{ name: 'scan', attachment: aFile }]);
    expect(submission.attachments).toEqual([aFile]);
    expect(JSON.parse(submission.tree.text).data).toEqual({});
  });

  test('of another task with the same data has another digest', () => {
    const one = buildFromTask(aTaskChange({ task: { id: 't-1' } }), [{ name: 'a', json: '1' }]);
    const other = buildFromTask(aTaskChange({ task: { id: 't-2' } }), [{ name: 'a', json: '1' }]);
    expect(one.digest).not.toBe(other.digest);
  });

  test('is not misled by variables that are called like its sections', () => {
    const submission = buildFromTask(aTaskChange(), [{ name: 'form', json: '{"name":"typed"}' }]);
    const body = JSON.parse(fillBlanks(submission, { form: { name: 'visit' }, process: {} }));
    expect(body).toMatchObject({ data: { form: { name: 'typed' } }, form: { name: 'visit' } });
  });
});

test.each([
  [' {"a":1} ', ' {"a":1} '],
  ['12345678901234567890', '12345678901234567890'],
  ['{"a":', '"{\\"a\\":"'],
  ['', '""'],
])('a JSON variable with the text %j stands in the data as %j', (text, json) => {
  expect(jsonOrText(text)).toBe(json);
});
