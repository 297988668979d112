import { describe, expect, test } from '@jest/globals';
import { createOrigins } from '../../../src/enrichment/origins.ts';
import { createUserTasks } from '../../../src/enrichment/user-tasks.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import { processSubmission } from '../../../src/pipeline/process-submission.ts';
import type { VariableChange } from '../../../src/submission/change.ts';
import { splitConvention } from '../../../src/submission/split-convention.ts';
import { aUserTask, aVariableChange, NOON_MS } from '../../support/builders.ts';

const BUCKET = 'dev-cop-case';
const { signal } = new AbortController();

/** Keeps the writings of one variable, one after another, a second apart, each in a user task of another person. */
async function keep(texts: string[]) {
  const store = createMemoryObjectStore(BUCKET);
  const writings = texts.map((text, each): VariableChange => {
    const place = { ref: `detail/d${each}` as const, activityInstanceId: `step${each}:a`, revision: each };
    return aVariableChange({ ...place, text, timeMs: NOON_MS + each * 1_000 });
  });
  const taskOf = (each: number) =>
    aUserTask({ id: `t${each}`, definitionKey: `step${each}`, assignee: `person${each}` });
  const origins = createOrigins({
    readEarlierValues: async (_change, { fromMs, toMs }, maxRows) => {
      const page = writings.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs).slice(0, maxRows);
      return { bytes: 0, rows: page.map((change) => ({ id: change.ref, timeMs: change.timeMs, change })) };
    },
  });
  const userTasks = createUserTasks({
    readUserTasks: async (ids) => new Map(ids.map((id) => [id, taskOf(Number(/\d+/.exec(id)?.[0]))])),
  });
  const results: string[] = [];
  for (const [each, change] of writings.entries()) {
    origins.note(change);
    const circumstances = {
      change,
      userTask: taskOf(each),
      model: { product: null, keepNothing: false, userTasks: new Map() },
      case: { businessKey: 'KEY', caseId: 'KEY', processDefinitionId: null },
    };
    const processing = {
      store,
      origins,
      userTasks,
      createBuckets: false,
      enrichment: {
        environment: 'dev',
        defaultProduct: 'cop-case',
        formLookup: 'optional' as const,
        forms: null,
        users: { findWriter: async () => null },
        definitions: { findRunningInstance: async () => null, findRunningInstanceByBusinessKey: async () => null },
        models: { readLatest: async () => ({ product: null, keepNothing: false, userTasks: new Map() }) },
      },
    };
    for (const found of splitConvention(change)) {
      results.push((await processSubmission(found, change, circumstances, processing, signal)).result);
    }
  }
  const keys: string[] = [];
  for await (const key of store.list(BUCKET, '', signal)) keys.push(key);
  return { results, keys, store };
}

describe('a variable that is written again unchanged', () => {
  test.each([
    ['without a submission date', '{"form":{"name":"visit","submittedBy":"anna"}}'],
    ['without a submitter', '{"form":{"name":"visit","submissionDate":"2024-02-29"}}'],
    ['without a name', '{"form":{"name":"","submittedBy":"anna","submissionDate":"2024-02-29"}}'],
    [
      'with a submission date',
      '{"form":{"name":"visit","submittedBy":"anna","submissionDate":"2024-02-29T08:05:09Z"}}',
    ],
    [
      'with a submission date that cannot be read',
      '{"form":{"name":"visit","submittedBy":"anna","submissionDate":"soon"}}',
    ],
    ['with nothing filled in', '{"form":{"name":null}}'],
  ])('%s, is still one object: that of its first writing', async (_, text) => {
    const { results, keys } = await keep([text, text, ` ${text} `]);
    expect(results).toEqual(['persisted', 'unchanged', 'unchanged']);
    expect(keys).toHaveLength(1);
  });

  test('is filled in as it was the first time', async () => {
    const text = '{"form":{"name":null}}';
    const { keys, store } = await keep(['{"other":1}', text, text]);
    expect(keys).toEqual(['KEY/step1/person1-20240229T120001.json']);
    const stored = await store.head(BUCKET, keys[0] ?? '', signal);
    expect(stored?.metadata).toMatchObject({ source: 'detail/d1#', taskid: 't1', activityid: 'step1' });
  });
});

test('a variable that is written with other content, and back, is two objects', async () => {
  const [a, b] = ['{"form":{"name":"visit"},"n":1}', '{"form":{"name":"visit"},"n":2}'];
  const { results, keys } = await keep([a, b, a]);
  expect(results).toEqual(['persisted', 'persisted', 'unchanged']);
  expect(keys).toHaveLength(2);
});

test('three submissions in one variable are three objects', async () => {
  const inner = { form: { name: 'inner' } };
  const { keys } = await keep([
    JSON.stringify({ form: { name: 'outer' }, inner, list: [{ form: { name: 'listed' } }] }),
  ]);
  expect(keys.map((key) => key.split('/')[1])).toEqual(['inner', 'listed', 'outer']);
});

test('what is invalid fails as what it is', async () => {
  await expect(keep(['{"form":{"name":[]}}'])).rejects.toMatchObject({ code: 'SUBMISSION_INVALID' });
});
