import { describe, expect, test } from '@jest/globals';
import { formatEngineTime, isoOfEngineTime, parseEngineTime } from '../../../src/engine/engine-time.ts';
import {
  isAbsent,
  isJson,
  parseProcessInstance,
  parseRows,
  parseTaskChange,
  parseVariableChange,
  parseVariableUpdate,
  parseWithNumberTexts,
} from '../../../src/engine/history-rows.ts';

const detail = {
  id: 'd-1',
  type: 'variableUpdate',
  time: '2024-02-29T13:00:00.123+0100',
  processInstanceId: 'p-1',
  rootProcessInstanceId: 'r-1',
  processDefinitionId: 'visit:1:1',
  processDefinitionKey: 'visit',
  activityInstanceId: 'fillIn:a-1',
  tenantId: 'red',
  variableName: 'visit',
  variableInstanceId: 'v-1',
  variableType: 'Json',
  value: ' {"form": 1.0}',
  valueInfo: {},
  revision: 3,
  userOperationId: 'op-1',
  somethingNew: {},
};
const task = {
  id: 't-1',
  taskDefinitionKey: 'fillIn',
  name: 'Fill in',
  assignee: null,
  deleteReason: 'completed',
  startTime: '2024-02-29T11:00:00.000+0000',
  endTime: '2024-02-29T12:00:00.000+0000',
  activityInstanceId: 'fillIn:a-1',
  processInstanceId: 'p-1',
  rootProcessInstanceId: 'p-1',
  processDefinitionId: 'visit:1:1',
  processDefinitionKey: 'visit',
};

describe('a variable update', () => {
  test('becomes a change with its value byte for byte', () => {
    expect(parseVariableChange(detail)).toEqual({
      kind: 'variable',
      ref: 'detail/d-1',
      timeMs: Date.UTC(2024, 1, 29, 12, 0, 0, 123),
      processInstanceId: 'p-1',
      rootProcessInstanceId: 'r-1',
      processDefinitionId: 'visit:1:1',
      processDefinitionKey: 'visit',
      activityInstanceId: 'fillIn:a-1',
      tenantId: 'red',
      variableName: 'visit',
      variableInstanceId: 'v-1',
      revision: 3,
      userOperationId: 'op-1',
      text: ' {"form": 1.0}',
    });
  });

  test('of a deleted variable is a change without text', () => {
    expect(parseVariableChange({ ...detail, value: null }).text).toBe('');
  });

  test('keeps a Long beyond 2^53 and the text of a Double', () => {
    const text = '[{"value":9007199254740993,"revision":7},{"value":1.50},{"value":-0.0},{"value":"1"},{"value":true}]';
    const values = parseRows(parseWithNumberTexts(text)).map((row) => parseVariableUpdate({ ...detail, ...row }).value);
    expect(values).toEqual([
      { numberText: '9007199254740993' },
      { numberText: '1.50' },
      { numberText: '-0.0' },
      '1',
      true,
    ]);
  });

  test('of a file carries its name and type', () => {
    const valueInfo = { filename: 'a.pdf', mimeType: 'application/pdf' };
    expect(parseVariableUpdate({ ...detail, variableType: 'File', value: null, valueInfo })).toMatchObject({
      type: 'File',
      value: null,
      fileName: 'a.pdf',
      mimeType: 'application/pdf',
    });
  });

  test('is JSON by its type, or as an object serialised as JSON', () => {
    const typed = (variableType: string, format?: string) =>
      isJson(parseVariableUpdate({ ...detail, variableType, valueInfo: { serializationDataFormat: format } }));
    expect([
      typed('Json'),
      typed('Object', 'application/json'),
      typed('Object', 'application/x-java-serialized-object'),
      typed('String'),
    ]).toEqual([true, true, false, false]);
  });

  test.each(['id', 'time', 'variableName', 'variableInstanceId'])('without %s is no answer of the engine', (field) => {
    expect(() => parseVariableChange({ ...detail, [field]: undefined })).toThrow(`expected the field ${field}`);
    expect(() => parseVariableChange({ ...detail, [field]: 1 })).toThrow(
      expect.objectContaining({ code: 'ENGINE_UNAVAILABLE' }),
    );
  });
});

describe('a finished task', () => {
  test('becomes a change at its end', () => {
    expect(parseTaskChange(task)).toMatchObject({
      kind: 'task',
      ref: 'task/t-1',
      timeMs: Date.UTC(2024, 1, 29, 12),
      tenantId: null,
      task: {
        id: 't-1',
        definitionKey: 'fillIn',
        assignee: null,
        startTime: '2024-02-29T11:00:00.000Z',
        endTime: '2024-02-29T12:00:00.000Z',
      },
    });
  });

  test.each([{ deleteReason: 'deleted' }, { deleteReason: null }, { deleteReason: 'cancelled' }, { endTime: null }])(
    'is no change with %j',
    (different) => {
      expect(parseTaskChange({ ...task, ...different })).toBeNull();
    },
  );
});

describe('an answer', () => {
  test.each([null, {}, 'x', [null], [1], { type: 'RestException' }])(
    'that is no list of rows is refused: %j',
    (answer) => {
      expect(() => parseRows(answer)).toThrow(expect.objectContaining({ code: 'ENGINE_UNAVAILABLE' }));
    },
  );

  test('says that a thing is absent only when the engine itself says so', () => {
    expect(isAbsent({ status: 200, data: {} })).toBe(false);
    expect(isAbsent({ status: 404, data: { type: 'RestException', message: 'no' } })).toBe(true);
    for (const data of [null, {}, '<html>']) {
      expect(() => isAbsent({ status: 404, data })).toThrow(expect.objectContaining({ code: 'ENGINE_UNAVAILABLE' }));
    }
  });

  test('names the definition of an instance in both of its ways', () => {
    expect(parseProcessInstance({ id: 'p', processDefinitionId: 'a:1' }).processDefinitionId).toBe('a:1');
    expect(parseProcessInstance({ id: 'p', definitionId: 'b:1' }).processDefinitionId).toBe('b:1');
  });
});

describe("the engine's time", () => {
  test('goes out in the only format that it takes, and comes back', () => {
    const ms = Date.UTC(2024, 1, 29, 8, 5, 9, 7);
    expect(formatEngineTime(ms)).toBe('2024-02-29T08:05:09.007+0000');
    expect(parseEngineTime(formatEngineTime(ms))).toBe(ms);
    expect(formatEngineTime(0)).toBe('1970-01-01T00:00:00.000+0000');
  });

  test.each([null, undefined, 5, '', 'soon'])('is not %j', (text) => {
    expect(parseEngineTime(text)).toBeNull();
  });

  test('becomes ISO 8601 in UTC; what is no time stays', () => {
    expect(isoOfEngineTime('2024-02-29T08:05:09.007+0530')).toBe('2024-02-29T02:35:09.007Z');
    expect(isoOfEngineTime('soon')).toBe('soon');
  });
});
