import { describe, expect, test } from '@jest/globals';
import type { VariableUpdate } from '../../../src/engine/history-rows.ts';
import { lastValues, readUpdatesOfTasks } from '../../../src/enrichment/task-updates.ts';
import { aTaskChange, NOON_MS } from '../../support/builders.ts';

const { signal } = new AbortController();
const START_MS = NOON_MS - 60_000;
const noFiles = { readFile: async () => null };

function anUpdate(given: Partial<VariableUpdate> = {}): VariableUpdate {
  return {
    id: 'u-1',
    timeMs: NOON_MS - 1,
    name: 'a',
    type: 'String',
    activityInstanceId: 'fillIn:a-1',
    value: 'x',
    serializationFormat: null,
    fileName: null,
    mimeType: null,
    ...given,
  };
}

/** The JSON text of each variable. */
function dataOf(updates: VariableUpdate[], task = aTaskChange()): Record<string, string> {
  const variables = lastValues(noFiles, task, updates);
  return Object.fromEntries(variables.flatMap((each) => ('json' in each ? [[each.name, each.json]] : [])));
}

describe('the data of a task', () => {
  test('holds the last value of each variable', () => {
    const updates = [
      anUpdate({ timeMs: START_MS + 1, value: 'old' }),
      anUpdate({ name: 'b' }),
      anUpdate({ value: 'new' }),
    ];
    expect(dataOf(updates)).toEqual({ a: '"new"', b: '"x"' });
  });

  test('leaves out what was mapped in before and at the start', () => {
    expect(dataOf([anUpdate({ timeMs: START_MS - 5 }), anUpdate({ timeMs: START_MS, name: 'b' })])).toEqual({});
  });

  test('holds what was written with the completion, and what was mapped out behind it', () => {
    expect(
      dataOf([anUpdate({ timeMs: NOON_MS, name: 'with' }), anUpdate({ timeMs: NOON_MS + 2, name: 'behind' })]),
    ).toEqual({
      with: '"x"',
      behind: '"x"',
    });
  });

  test('holds what was written in the first second where a database keeps whole seconds', () => {
    expect(dataOf([anUpdate({ timeMs: START_MS }), anUpdate({ timeMs: NOON_MS, name: 'b' })])).toEqual({
      a: '"x"',
      b: '"x"',
    });
  });

  test.each<[string, Partial<VariableUpdate>, string]>([
    ['a Long beyond 2^53', { type: 'Long', value: { numberText: '9007199254740993' } }, '9007199254740993'],
    ['the text of a Double', { type: 'Double', value: { numberText: '1.50' } }, '1.50'],
    ['a Boolean', { type: 'Boolean', value: false }, 'false'],
    ['null', { type: 'Null', value: null }, 'null'],
    ['a deleted variable as null', { type: 'Json', value: null }, 'null'],
    ['a date in ISO 8601', { type: 'Date', value: '2024-02-29T13:00:00.000+0100' }, '"2024-02-29T12:00:00.000Z"'],
    ['a date that is none as it is', { type: 'Date', value: 'soon' }, '"soon"'],
    [
      'a text that looks like a date as it is',
      { value: '2024-02-29T13:00:00.000+0100' },
      '"2024-02-29T13:00:00.000+0100"',
    ],
    ['JSON byte for byte', { type: 'Json', value: '{"n": 1.0}' }, '{"n": 1.0}'],
    ['an object serialised as JSON', { type: 'Object', serializationFormat: 'application/json', value: '[1]' }, '[1]'],
    ['JSON that is none as its text', { type: 'Json', value: '{"n":' }, '"{\\"n\\":"'],
    ['a text that looks like JSON as a text', { value: '{"n":1}' }, '"{\\"n\\":1}"'],
    ['quotes in a text', { value: '"\\' }, '"\\"\\\\"'],
  ])('keeps %s', (_, update, json) => {
    expect(dataOf([anUpdate(update)])).toEqual({ a: json });
  });

  test('has files and bytes as attachments, named after the variable where they have no name', () => {
    const [file, bytes] = lastValues(noFiles, aTaskChange(), [
      anUpdate({ name: 'scan', type: 'File', value: null, fileName: 'a.pdf', mimeType: 'application/pdf' }),
      anUpdate({ name: 'raw', type: 'Bytes', value: null }),
    ]);
    expect(file).toMatchObject({ attachment: { variable: 'scan', fileName: 'a.pdf', contentType: 'application/pdf' } });
    expect(bytes).toMatchObject({ attachment: { fileName: 'raw.bin', contentType: 'application/octet-stream' } });
  });

  test('has a file as a file no longer where a later value is none', () => {
    const updates = [anUpdate({ type: 'File', value: null, timeMs: START_MS + 1 }), anUpdate({ value: 'gone' })];
    expect(dataOf(updates)).toEqual({ a: '"gone"' });
    expect(lastValues(noFiles, aTaskChange(), updates)).toHaveLength(1);
  });
});

describe('a file of a task', () => {
  const readOnlyFile = async (history: { readFile: (id: string) => Promise<Uint8Array | null> }) => {
    const [file] = lastValues(history, aTaskChange(), [anUpdate({ id: 'u-7', type: 'File', value: null })]);
    if (file === undefined || !('attachment' in file)) throw new Error('no file');
    return file.attachment.read(signal);
  };

  test('is read as it was written then', async () => {
    const bytes = await readOnlyFile({ readFile: async (id) => Buffer.from(`bytes of ${id}`) });
    expect(Buffer.from(bytes).toString()).toBe('bytes of u-7');
  });

  test('that the engine no longer has is SOURCE_GONE', async () => {
    await expect(readOnlyFile(noFiles)).rejects.toMatchObject({ code: 'SOURCE_GONE', context: { detail: 'u-7' } });
  });
});

describe('the updates of some tasks', () => {
  test('F8: are read for fifty process instances at a time, and handed to the activity they were written in', async () => {
    const tasks = Array.from({ length: 120 }, (_, each) =>
      aTaskChange({
        processInstanceId: `p-${each}`,
        activityInstanceId: `fillIn:a-${each}`,
        task: { id: `t-${each}` },
      }),
    );
    const asked: { ids: string[]; fromMs: number; toMs: number }[] = [];
    const history = {
      readUpdatesOf: async (ids: string[], window: { fromMs: number; toMs: number }) => {
        asked.push({ ids, ...window });
        const rows = ids.flatMap((id) => [
          anUpdate({ id: `own of ${id}`, activityInstanceId: id.replace('p-', 'fillIn:a-') }),
          anUpdate({ id: `other of ${id}`, activityInstanceId: 'somewhere:else' }),
        ]);
        return { bytes: 0, rows: rows.map((change) => ({ id: change.id, timeMs: change.timeMs, change })) };
      },
    };
    const updates = await readUpdatesOfTasks(history, tasks, { rows: 200, most: 400 }, signal);
    expect(asked.map(({ ids }) => ids.length)).toEqual([50, 50, 20]);
    expect(updates.size).toBe(120);
    expect(updates.get('fillIn:a-7')?.map(({ id }) => id)).toEqual(['own of p-7']);
    for (const { fromMs, toMs } of asked) {
      expect(fromMs).toBeLessThan(START_MS);
      expect(toMs).toBeGreaterThan(NOON_MS);
    }
  });

  test('are none for tasks outside of any process, without a request', async () => {
    const tasks = [aTaskChange({ processInstanceId: null, activityInstanceId: null })];
    const history = { readUpdatesOf: () => Promise.reject(new Error('asked')) };
    await expect(readUpdatesOfTasks(history, tasks, { rows: 200, most: 400 }, signal)).resolves.toEqual(new Map());
  });
});
