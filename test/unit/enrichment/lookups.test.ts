import { setTimeout } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import type { UserOperation } from '../../../src/engine/engine-history.ts';
import type { ProcessInstance } from '../../../src/engine/history-rows.ts';
import { readCases } from '../../../src/enrichment/process-instances.ts';
import { createProcessModels } from '../../../src/enrichment/process-models.ts';
import { createUserTasks } from '../../../src/enrichment/user-tasks.ts';
import { createUsers } from '../../../src/enrichment/users.ts';
import type { Change, UserTask } from '../../../src/submission/change.ts';
import { aTaskChange, aUserTask, aVariableChange } from '../../support/builders.ts';

const { signal } = new AbortController();
const someModel = { product: null, keepNothing: false, userTasks: new Map() };

describe('the user tasks behind changes', () => {
  function aHistory(tasks: Record<string, UserTask>) {
    const asked: string[][] = [];
    return {
      asked,
      readUserTasks: async (ids: string[]) => {
        asked.push(ids);
        return new Map(Object.entries(tasks).filter(([id]) => ids.includes(id)));
      },
    };
  }

  test('F8: are read for a whole page at once, and not at all where the feed brought them along', async () => {
    const history = aHistory({ 'fillIn:a-2': aUserTask({ id: 't-2' }), 'fillIn:a-3': aUserTask({ id: 't-3' }) });
    const userTasks = createUserTasks(history);
    userTasks.remember(aTaskChange({ activityInstanceId: 'fillIn:a-1', task: { id: 't-1' } }));
    const changes = ['fillIn:a-1', 'fillIn:a-2', 'fillIn:a-2', 'fillIn:a-3'].map((activityInstanceId) =>
      aVariableChange({ activityInstanceId }),
    );
    const found = await userTasks.readAll(changes, signal);
    expect([...found].map(([instance, { id }]) => [instance, id])).toEqual([
      ['fillIn:a-1', 't-1'],
      ['fillIn:a-2', 't-2'],
      ['fillIn:a-3', 't-3'],
    ]);
    expect(history.asked).toEqual([['fillIn:a-2', 'fillIn:a-3']]);
  });

  test('are not looked for where a variable was written outside of any activity', async () => {
    const history = aHistory({});
    const changes = [
      aVariableChange({ activityInstanceId: null }),
      aVariableChange({ activityInstanceId: 'p-1', processInstanceId: 'p-1' }),
    ];
    await expect(createUserTasks(history).readAll(changes, signal)).resolves.toEqual(new Map());
    expect(history.asked).toEqual([]);
  });

  test('are left out where the activity is none', async () => {
    const found = await createUserTasks(aHistory({})).readAll([aVariableChange()], signal);
    expect(found.size).toBe(0);
  });
});

describe('who wrote a change', () => {
  function aLog(given: { isKept?: boolean; userId?: string | null } = {}) {
    const { isKept = true, userId = 'anna' } = given;
    const asked: UserOperation[] = [];
    let looks = 0;
    return {
      asked,
      looks: () => looks,
      findUser: async (operation: UserOperation) => {
        asked.push(operation);
        return userId;
      },
      hasUserOperations: async () => {
        looks++;
        return isKept;
      },
    };
  }
  const of = (change: Change) => ({
    change,
    userTask: null,
    model: someModel,
    case: { businessKey: null, caseId: 'c', processDefinitionId: null },
  });

  test('is found by the operation that a variable was written in', async () => {
    const log = aLog();
    const change = aVariableChange({ userOperationId: 'op-1', processInstanceId: 'p-1' });
    await expect(createUsers(log).findWriter(of(change), signal)).resolves.toBe('anna');
    expect(log.asked).toEqual([{ processInstanceId: 'p-1', operationId: 'op-1' }]);
  });

  test('is not asked for a variable that no person wrote', async () => {
    const log = aLog();
    const users = createUsers(log);
    await expect(users.findWriter(of(aVariableChange({ userOperationId: null })), signal)).resolves.toBeNull();
    await expect(
      users.findWriter(of(aVariableChange({ userOperationId: 'op', processInstanceId: null })), signal),
    ).resolves.toBeNull();
    expect(log.asked).toEqual([]);
  });

  test('is found by the completion of a task', async () => {
    const log = aLog();
    await expect(createUsers(log).findWriter(of(aTaskChange()), signal)).resolves.toBe('anna');
    expect(log.asked).toEqual([{ taskId: 't-1' }]);
  });

  test('F8: is not asked for each task where the engine keeps no such log, until a minute later', async () => {
    let nowMs = 0;
    const log = aLog({ isKept: false });
    const users = createUsers(log, () => nowMs);
    for (let each = 0; each < 10; each++) {
      await expect(users.findWriter(of(aTaskChange()), signal)).resolves.toBeNull();
    }
    expect([log.looks(), log.asked.length]).toEqual([1, 0]);
    nowMs += 60_000;
    await users.findWriter(of(aTaskChange()), signal);
    expect(log.looks()).toBe(2);
  });
});

describe('the case of a change', () => {
  const anInstance = (id: string, given: Partial<ProcessInstance> = {}): ProcessInstance => ({
    id,
    businessKey: null,
    rootProcessInstanceId: null,
    processDefinitionId: null,
    ...given,
  });

  async function caseOf(instances: ProcessInstance[], place: Partial<Change> = {}) {
    const asked: string[][] = [];
    const history = {
      readProcessInstances: async (ids: string[]) => {
        asked.push(ids);
        return new Map(instances.filter(({ id }) => ids.includes(id)).map((each) => [each.id, each]));
      },
    };
    const change = { ref: 'detail/d-1' as const, processInstanceId: 'p-1', rootProcessInstanceId: 'r-1', ...place };
    const find = await readCases(history, [change, change], signal);
    return { found: find(change), asked };
  }

  test.each([
    ['the business key of its instance', [anInstance('p-1', { businessKey: 'KEY' })], {}, 'KEY', 'KEY'],
    [
      'that of its root, where its own is blank',
      [
        anInstance('p-1', { businessKey: ' ', rootProcessInstanceId: 'r-1' }),
        anInstance('r-1', { businessKey: 'ROOT' }),
      ],
      {},
      'ROOT',
      'ROOT',
    ],
    ['the id of the root', [anInstance('p-1', { rootProcessInstanceId: 'r-1' }), anInstance('r-1')], {}, null, 'r-1'],
    ['the root that its own row names, where the history has no instance', [], {}, null, 'r-1'],
    ['the id of its instance, where nothing names a root', [], { rootProcessInstanceId: null }, null, 'p-1'],
    [
      'its own reference, where it belongs to no instance',
      [],
      { rootProcessInstanceId: null, processInstanceId: null },
      null,
      'detail/d-1',
    ],
  ])('is %s', async (_, instances, place, businessKey, caseId) => {
    const { found } = await caseOf(instances, place);
    expect(found).toMatchObject({ businessKey, caseId });
  });

  test('F8: costs one request for all instances, and one for all roots where it must', async () => {
    expect((await caseOf([anInstance('p-1', { businessKey: 'KEY' })])).asked).toEqual([['p-1']]);
    expect((await caseOf([anInstance('p-1')])).asked).toEqual([['p-1'], ['r-1']]);
  });
});

describe('the model of a process', () => {
  const xml = (product: string) =>
    `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:c="http://camunda.org/schema/1.0/bpmn">
       <process id="visit"><extensionElements><c:properties><c:property name="product" value="${product}"/></c:properties>
       </extensionElements></process></definitions>`;

  test('F8: is read once for each definition', async () => {
    let requests = 0;
    const models = createProcessModels({
      findLatestId: async () => null,
      findXml: async (id) => {
        requests++;
        return xml(id === 'visit:1:1' ? 'red' : 'blue');
      },
    });
    for (let each = 0; each < 3; each++) {
      expect((await models.read(aVariableChange(), signal)).product).toBe('red');
      expect((await models.read(aVariableChange({ processDefinitionId: 'visit:2:9' }), signal)).product).toBe('blue');
    }
    expect(requests).toBe(2);
  });

  test('is named by the definition id where the change does not say the key', async () => {
    const models = createProcessModels({ findLatestId: async () => null, findXml: async () => xml('red') });
    expect((await models.read(aVariableChange({ processDefinitionKey: null }), signal)).product).toBe('red');
  });

  test('says nothing where there is no definition, or its deployment is gone', async () => {
    const models = createProcessModels({ findLatestId: async () => null, findXml: async () => null });
    await expect(models.read(aVariableChange(), signal)).resolves.toEqual(someModel);
    await expect(models.read(aVariableChange({ processDefinitionId: null }), signal)).resolves.toEqual(someModel);
  });

  test('that is gone is asked for again a minute later: an old engine may have meant something else', async () => {
    let nowMs = 1_000;
    jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const answers = [null, xml('red')];
    const models = createProcessModels({
      findLatestId: async () => null,
      findXml: async () => answers.shift() ?? null,
    });
    const readProduct = async () => (await models.read(aVariableChange(), signal)).product;
    await expect(readProduct()).resolves.toBeNull();
    nowMs += 59_000;
    await setTimeout(5); // the cache looks at the clock once in a millisecond
    await expect(readProduct()).resolves.toBeNull();
    nowMs += 2_000;
    await setTimeout(5);
    await expect(readProduct()).resolves.toBe('red');
    jest.restoreAllMocks();
  });

  test('of the newest version is `null` where no version is left', async () => {
    const models = createProcessModels({ findLatestId: async () => null, findXml: async () => xml('red') });
    await expect(models.readLatest(aVariableChange(), signal)).resolves.toBeNull();
  });

  test('is read again where it could not be read', async () => {
    let isAway = true;
    const models = createProcessModels({
      findLatestId: async () => null,
      findXml: async () => (isAway ? Promise.reject(new Error('away')) : xml('red')),
    });
    await expect(models.read(aVariableChange(), signal)).rejects.toThrow('away');
    isAway = false;
    expect((await models.read(aVariableChange(), signal)).product).toBe('red');
  });
});
