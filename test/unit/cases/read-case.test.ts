import { describe, expect, test } from '@jest/globals';
import type { Visible } from '../../../src/access/visible.ts';
import { createAskEngine } from '../../../src/cases/ask-engine.ts';
import { readCase } from '../../../src/cases/read-case.ts';
import type { CaseInstance } from '../../../src/engine/engine-cases.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { anIndexEntry, createMemoryCaseIndex } from '../../support/memory-case-index.ts';
import { aCaseInstance, aStubTask, createStubEngineCases, type StubTask } from '../../support/stub-engine-cases.ts';

const { signal } = new AbortController();

function aCase(world: { entries?: IndexEntry[]; instances?: CaseInstance[]; tasks?: StubTask[] }) {
  const { entries = [], instances = [], tasks = [] } = world;
  const stub = createStubEngineCases(instances, tasks);
  const askEngine = createAskEngine({ engine: stub.engine, log: createRememberingLog() });
  const from = { index: createMemoryCaseIndex(...entries), askEngine };
  const read = (options: { caseId?: string; excludes?: string[]; visible?: Visible } = {}) => {
    const { caseId = 'CASE-1', excludes = [], visible = 'everything' } = options;
    return readCase(from, { caseId, excludes }, visible, signal);
  };
  return { read, ...stub };
}

const away = () => new FormvaultError('ENGINE_UNAVAILABLE', 'could not read the process instances of cases');
const allExcept = (...ids: string[]): Visible => ({ instances: { allExcept: ids }, tenants: [] });
const named = (key: string, fields: Partial<IndexEntry> = {}) => anIndexEntry({ key, ...fields });

describe('a case', () => {
  test('is told in the words of the API: instance, forms, tasks, figures', async () => {
    const { read } = aCase({
      entries: [anIndexEntry()],
      instances: [aCaseInstance()],
      tasks: [aStubTask(), aStubTask({ id: 'task-0', isEnded: true })],
    });
    await expect(read()).resolves.toEqual({
      businessKey: 'CASE-1',
      processInstances: [
        {
          id: 'instance-1',
          key: 'site-visit',
          name: 'Visit of a site',
          definitionId: 'site-visit:2:f64b29c4',
          startDate: '2026-11-21T08:00:00.000Z',
          endDate: null,
          state: 'running',
          formReferences: [
            {
              name: 'site-visit',
              title: 'Site visit',
              formVersionId: 'version-1',
              dataPath: 'CASE-1/site-visit/anna-20261121T085306.json',
              bucket: 'dev-cop-case',
              submissionDate: '2026-11-21T08:53:06.968Z',
              submittedBy: 'anna',
            },
          ],
          openTasks: [
            { id: 'task-1', name: 'Describe the site', assignee: 'anna', created: '2026-11-21T08:00:01.000Z' },
          ],
        },
      ],
      metrics: {
        noOfRunningProcessInstances: 1,
        noOfCompletedProcessInstances: 0,
        noOfOpenUserTasks: 1,
        noOfCompletedUserTasks: 1,
        overallTimeInSeconds: 0,
        averageTimeToCompleteProcessInSeconds: 0,
      },
      away: [],
    });
  });

  test('has its newest instance and its newest form first, and the forms of no instance last', async () => {
    const { read } = aCase({
      entries: [
        named('CASE-1/f/old', { submittedAtMs: 10 }),
        named('CASE-1/f/new', { submittedAtMs: 20 }),
        named('CASE-1/f/loose', { processInstanceId: null, submittedAtMs: 30 }),
        named('CASE-1/f/cleaned-up', { processInstanceId: 'gone', submittedAtMs: Date.parse('2026-11-22') }),
      ],
      instances: [
        aCaseInstance(),
        aCaseInstance({ id: 'without-forms', startDate: '2026-11-23T08:00:00.000Z', endDate: null }),
      ],
    });
    const found = await read();
    const shown = found?.processInstances.map(({ id, formReferences }) => [
      id,
      ...formReferences.map(({ dataPath }) => dataPath),
    ]);
    expect(shown).toEqual([
      ['without-forms'],
      ['gone', 'CASE-1/f/cleaned-up'],
      ['instance-1', 'CASE-1/f/new', 'CASE-1/f/old'],
      [null, 'CASE-1/f/loose'],
    ]);
  });

  test('that the engine has cleaned up is there from the vault alone', async () => {
    const { read } = aCase({ entries: [anIndexEntry({ processDefinitionId: 'a:key:12:0f1e' })] });
    await expect(read()).resolves.toMatchObject({
      processInstances: [
        {
          id: 'instance-1',
          key: 'a:key',
          name: 'a:key',
          definitionId: 'a:key:12:0f1e',
          startDate: null,
          endDate: null,
          state: 'gone',
          openTasks: [],
        },
      ],
      metrics: { noOfRunningProcessInstances: 0, noOfCompletedProcessInstances: 0 },
      away: [],
    });
  });

  test('whose definition id tells no key has none', async () => {
    const { read } = aCase({ entries: [anIndexEntry({ processDefinitionId: '0f1e-22' })] });
    await expect(read()).resolves.toMatchObject({ processInstances: [{ key: null, name: null }] });
  });

  test('holds called processes, which have no business key of their own', async () => {
    const { read } = aCase({
      entries: [anIndexEntry({ processInstanceId: 'called' })],
      instances: [
        aCaseInstance(),
        aCaseInstance({ id: 'called', businessKey: null, name: 'Called', startDate: '2026-11-21T08:30:00.000Z' }),
      ],
      tasks: [aStubTask({ processInstanceId: 'called' }), aStubTask({ id: 'task-2' })],
    });
    await expect(read()).resolves.toMatchObject({
      processInstances: [
        { id: 'called', name: 'Called', openTasks: [{ id: 'task-1' }] },
        { id: 'instance-1', openTasks: [{ id: 'task-2' }] },
      ],
      metrics: { noOfRunningProcessInstances: 2, noOfOpenUserTasks: 2 },
    });
  });

  test('without a business key is found by the id of its root instance, but no case with one is', async () => {
    const root = aCaseInstance({ id: 'root', businessKey: null });
    await expect(aCase({ instances: [root] }).read({ caseId: 'root' })).resolves.toMatchObject({
      businessKey: 'root',
      processInstances: [{ id: 'root' }],
    });
    await expect(aCase({ instances: [aCaseInstance()] }).read({ caseId: 'instance-1' })).resolves.toBeNull();
  });

  test('has its figures over the instances that are over, in whole seconds', async () => {
    const over = (id: string, seconds: number) =>
      aCaseInstance({ id, endDate: new Date(Date.parse('2026-11-21T08:00:00.000Z') + seconds * 1000).toISOString() });
    const { read } = aCase({ instances: [over('a', 10.9), over('b', 21), aCaseInstance({ id: 'c' })] });
    await expect(read()).resolves.toMatchObject({
      metrics: {
        noOfRunningProcessInstances: 1,
        noOfCompletedProcessInstances: 2,
        overallTimeInSeconds: 31,
        averageTimeToCompleteProcessInSeconds: 15,
      },
    });
  });

  test('leaves out the processes that it is asked to, and does not count them', async () => {
    const { read } = aCase({
      entries: [anIndexEntry(), named('CASE-1/f/b', { processInstanceId: 'b', processDefinitionId: 'other:1:x' })],
      instances: [aCaseInstance(), aCaseInstance({ id: 'c', key: 'third' })],
      tasks: [aStubTask(), aStubTask({ id: 'task-c', processInstanceId: 'c' })],
    });
    const found = await read({ excludes: ['other', 'third'] });
    expect(found?.processInstances.map(({ id }) => id)).toEqual(['instance-1']);
    expect(found?.metrics).toMatchObject({ noOfRunningProcessInstances: 1, noOfOpenUserTasks: 1 });
    await expect(read({ excludes: ['site-visit', 'other', 'third'] })).resolves.toMatchObject({
      processInstances: [],
    });
  });

  test.each([
    ['the date in its metadata', { submissionDate: '2026-11-21' }, '2026-11-21'],
    [
      'the time in its key where that is no date',
      { submissionDate: 'last week', submittedAtMs: 0 },
      '1970-01-01T00:00:00.000Z',
    ],
    ['the time in its key where there is none', { submissionDate: null, submittedAtMs: 0 }, '1970-01-01T00:00:00.000Z'],
  ])('gives a form %s', async (_, fields, expected) => {
    const found = await aCase({ entries: [anIndexEntry(fields)] }).read();
    expect(found?.processInstances[0]?.formReferences[0]?.submissionDate).toBe(expected);
  });

  test.each(['absent', '', 'nul\0'])('that is not there does not exist (%j)', async (caseId) => {
    await expect(aCase({ entries: [anIndexEntry()] }).read({ caseId })).resolves.toBeNull();
  });
});

describe('what somebody may not see of a case', () => {
  test('is not there: neither the instance, nor its forms, tasks and times', async () => {
    const { read } = aCase({
      entries: [anIndexEntry(), named('CASE-1/f/secret', { processInstanceId: 'secret' })],
      instances: [
        aCaseInstance(),
        aCaseInstance({ id: 'secret', endDate: '2026-11-21T09:00:00.000Z' }),
        aCaseInstance({ id: 'of-tenant', tenantId: 'north' }),
      ],
      tasks: [
        aStubTask(),
        aStubTask({ id: 't-2', processInstanceId: 'secret' }),
        aStubTask({ id: 't-3', processInstanceId: 'secret', isEnded: true }),
      ],
    });
    const found = await read({ visible: allExcept('secret') });
    expect(found?.processInstances.map(({ id }) => id)).toEqual(['instance-1']);
    expect(found?.metrics).toEqual({
      noOfRunningProcessInstances: 1,
      noOfCompletedProcessInstances: 0,
      noOfOpenUserTasks: 1,
      noOfCompletedUserTasks: 0,
      overallTimeInSeconds: 0,
      averageTimeToCompleteProcessInSeconds: 0,
    });
  });

  test('makes the case not exist where it is all of it', async () => {
    const { read } = aCase({ entries: [anIndexEntry()], instances: [aCaseInstance()] });
    await expect(read({ visible: allExcept('instance-1') })).resolves.toBeNull();
    await expect(read({ visible: { instances: { only: [] }, tenants: [] } })).resolves.toBeNull();
  });

  test('is not told by what the engine says of a visible form', async () => {
    const { read } = aCase({
      entries: [anIndexEntry()],
      instances: [aCaseInstance({ tenantId: 'north', name: 'Secret' })],
    });
    const found = await read({ visible: allExcept() });
    expect(found?.processInstances).toMatchObject([{ id: 'instance-1', name: 'site-visit', startDate: null }]);
  });
});

describe('while the engine is away', () => {
  test('a case is shown as the vault knows it, and says what is missing', async () => {
    const { read, control } = aCase({ entries: [anIndexEntry()], instances: [aCaseInstance()] });
    control.fault = away();
    await expect(read()).resolves.toMatchObject({
      processInstances: [
        { id: 'instance-1', name: 'site-visit', state: 'unknown', formReferences: [{}], openTasks: [] },
      ],
      metrics: null,
      away: ['engine'],
    });
  });

  test('figures that could not be read to the end are missing as a whole', async () => {
    const { read, control, asked } = aCase({ entries: [anIndexEntry()], instances: [aCaseInstance()] });
    control.onAsked = async () => {
      if (asked.at(-1)?.includes('tasks')) throw away();
    };
    await expect(read()).resolves.toMatchObject({
      processInstances: [{ name: 'Visit of a site', state: 'running' }],
      metrics: null,
      away: ['engine'],
    });
  });

  test('a mistake of our own is not taken for it', async () => {
    const { read, control } = aCase({ entries: [anIndexEntry()] });
    control.fault = new TypeError('x is not a function');
    await expect(read()).rejects.toThrow(TypeError);
  });
});

describe('the engine', () => {
  test('is asked by the business key alone where that tells everything', async () => {
    const instances = Array.from({ length: 50 }, (_, each) => aCaseInstance({ id: `i-${each}` }));
    const { read, asked } = aCase({ instances });
    await read();
    expect(asked.toSorted()).toEqual(
      ['ended tasks of CASE-1', 'instances of CASE-1', 'instances ', 'open tasks of CASE-1'].toSorted(),
    );
  });

  test('is asked instance by instance where somebody may not see all', async () => {
    const { read, asked } = aCase({ instances: [aCaseInstance({ id: 'a' }), aCaseInstance({ id: 'b' })] });
    await read({ visible: allExcept('b') });
    expect(asked).toContain('open tasks of a');
    expect(asked).toContain('ended tasks of a');
  });
});
