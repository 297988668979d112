import { beforeEach, describe, expect, test } from '@jest/globals';
import { NOBODY_SIGNED_IN, type Person } from '../../../src/access/person.ts';
import { createVisibility, EVERYTHING_VISIBLE, type VisibilityOptions } from '../../../src/access/read-visible.ts';
import { isVisible } from '../../../src/access/visible.ts';
import type { EngineAccess, InstanceAuthorization, Member } from '../../../src/engine/engine-access.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { createRememberingLog } from '../../support/builders-log.ts';

const MINUTE_MS = 60_000;
const { signal } = new AbortController();
const anna: Person = { id: 'anna', displayName: 'Anna', engineUserIds: ['anna'], groups: ['team'] };
const bob: Person = { id: 'bob', displayName: 'Bob', engineUserIds: ['bob'], groups: [] };
const nobody: Person = { id: 'x', displayName: 'x', engineUserIds: [], groups: [] };
const grant = (processInstanceId: string, of: { userId: string } | { groupId: string }): InstanceAuthorization => ({
  processInstanceId,
  kind: 'grant',
  userId: null,
  groupId: null,
  isAboutReading: true,
  ...of,
});

let nowMs: number;
let engine: ReturnType<typeof anEngine>;
let log: ReturnType<typeof createRememberingLog>;
beforeEach(() => {
  nowMs = 1_000_000;
  engine = anEngine();
  log = createRememberingLog();
});

/** An engine that can be changed, go away, and tell what it was asked. */
function anEngine() {
  const state = {
    authorizations: [] as InstanceAuthorization[],
    members: [] as { tenantId: string; member: Member }[],
    tenants: 0,
    maySeeTenants: true,
    failure: null as FormvaultError | null,
    asked: [] as string[],
  };
  const answer = async <T>(question: string, of: () => T): Promise<T> => {
    state.asked.push(question);
    if (state.failure !== null) throw state.failure;
    return of();
  };
  const access: EngineAccess = {
    readAuthorizations: () => answer('all', () => [...state.authorizations]),
    readAuthorizationsOf: (id) =>
      answer(id, () => state.authorizations.filter(({ processInstanceId }) => processInstanceId === id)),
    hasTenants: () => answer('tenants', () => state.tenants > 0),
    readTenantIds: (asked) =>
      answer(JSON.stringify(asked), () =>
        state.members
          .filter(({ member }) => JSON.stringify(member) === JSON.stringify(asked))
          .map(({ tenantId }) => tenantId),
      ),
    maySeeTenants: async () => state.maySeeTenants,
  };
  return Object.assign(state, { access });
}

function goAway(): void {
  engine.failure = new FormvaultError('ENGINE_UNAVAILABLE', 'could not ask');
}

const someVisibility = (caseAccess: VisibilityOptions['caseAccess'] = 'open') =>
  createVisibility({ engine: engine.access, caseAccess, log, nowMs: () => nowMs });
const of = (processInstanceId: string | null, tenantId: string | null = null) => ({ processInstanceId, tenantId });

describe('what a person may see', () => {
  test('is all but the instances that name others, where what names nobody is open', async () => {
    engine.authorizations = [
      grant('mine', { userId: 'anna' }),
      grant('ours', { groupId: 'team' }),
      grant('his', { userId: 'bob' }),
    ];

    await expect(someVisibility().read(anna, signal)).resolves.toEqual({
      instances: { allExcept: ['his'] },
      tenants: [],
    });
  });

  test('is only the instances that name them, where access must be granted', async () => {
    engine.authorizations = [
      grant('mine', { userId: 'anna' }),
      grant('ours', { groupId: 'team' }),
      grant('his', { userId: 'bob' }),
    ];

    await expect(someVisibility('granted').read(anna, signal)).resolves.toEqual({
      instances: { only: ['mine', 'ours'] },
      tenants: [],
    });
  });

  test('is nothing for whom nobody knows', async () => {
    for (const stranger of [nobody, NOBODY_SIGNED_IN]) {
      await expect(someVisibility().read(stranger, signal)).resolves.toEqual({ instances: { only: [] }, tenants: [] });
      await expect(someVisibility().check(stranger, of('i'), signal)).resolves.toBe(false);
      await expect(someVisibility().check(stranger, of(null), signal)).resolves.toBe(false);
    }
  });

  test('is everything where nobody signs in', async () => {
    await expect(EVERYTHING_VISIBLE.read(NOBODY_SIGNED_IN, signal)).resolves.toBe('everything');
    await expect(EVERYTHING_VISIBLE.check(NOBODY_SIGNED_IN, of('i', 't'), signal)).resolves.toBe(true);
    expect(EVERYTHING_VISIBLE.isStale()).toBe(false);
  });

  test('follows the engine within five seconds', async () => {
    const visibility = someVisibility();
    await visibility.read(bob, signal);
    engine.authorizations = [grant('hers', { userId: 'anna' })];
    nowMs += 5_001;
    await expect(visibility.read(bob, signal)).resolves.toHaveProperty('instances', { allExcept: ['hers'] });
  });

  test('is read once for all who search within five seconds', async () => {
    const visibility = someVisibility();
    await Promise.all([visibility.read(anna, signal), visibility.read(bob, signal), visibility.read(anna, signal)]);
    nowMs += 4_999;
    await visibility.read(bob, signal);
    expect(engine.asked.filter((question) => question === 'all')).toHaveLength(1);
  });

  test('is the same list for the same person until it is read again', async () => {
    const visibility = someVisibility();
    const [one, other] = [await visibility.read(anna, signal), await visibility.read({ ...anna }, signal)];
    expect((one as { instances: unknown }).instances).toBe((other as { instances: unknown }).instances);
  });

  test('is the same by both ways, for each kind of access', async () => {
    engine.authorizations = [
      grant('mine', { userId: 'anna' }),
      grant('his', { userId: 'bob' }),
      { ...grant('no-reading', { userId: 'anna' }), isAboutReading: false },
      { ...grant('for-all', { userId: '*' }), kind: 'global' },
      grant('taken', { userId: 'anna' }),
      { ...grant('taken', { groupId: 'team' }), kind: 'revoke' },
    ];
    engine.tenants = 1;
    engine.members = [{ tenantId: 'north', member: { userId: 'anna' } }];
    for (const caseAccess of ['open', 'granted'] as const) {
      const visibility = someVisibility(caseAccess);
      for (const id of ['mine', 'his', 'no-reading', 'for-all', 'taken', 'free', null]) {
        for (const tenantId of [null, 'north', 'south']) {
          for (const person of [anna, bob, nobody]) {
            const visible = await visibility.read(person, signal);
            await expect(visibility.check(person, of(id, tenantId), signal)).resolves.toBe(
              isVisible(visible, of(id, tenantId)),
            );
          }
        }
      }
    }
  });
});

describe('one process instance', () => {
  test('is asked about afresh each time', async () => {
    const visibility = someVisibility();
    engine.authorizations = [grant('i', { userId: 'anna' })];
    await expect(visibility.check(anna, of('i'), signal)).resolves.toBe(true);

    engine.authorizations = [grant('i', { userId: 'bob' })];
    await expect(visibility.check(anna, of('i'), signal)).resolves.toBe(false);
    expect(engine.asked.filter((question) => question === 'i')).toHaveLength(2);
    expect(engine.asked).not.toContain('all');
  });

  test('is judged by the last snapshot while the engine is away, for a quarter of an hour', async () => {
    const visibility = someVisibility();
    engine.authorizations = [grant('mine', { userId: 'anna' }), grant('his', { userId: 'bob' })];
    await visibility.read(anna, signal);
    goAway();

    nowMs += 15 * MINUTE_MS;
    await expect(visibility.check(anna, of('mine'), signal)).resolves.toBe(true);
    await expect(visibility.check(anna, of('his'), signal)).resolves.toBe(false);
    expect(visibility.isStale()).toBe(true);

    nowMs += 1;
    await expect(visibility.check(anna, of('mine'), signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await expect(visibility.read(anna, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('is not shown where the engine was never asked before it went away', async () => {
    goAway();
    const visibility = someVisibility();
    await expect(visibility.check(anna, of('i'), signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await expect(visibility.read(anna, signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('does not wait for an engine that just did not answer, and asks it again soon', async () => {
    const visibility = someVisibility();
    await visibility.read(anna, signal);
    goAway();
    for (const id of ['a', 'b', 'c']) await visibility.check(anna, of(id), signal);
    expect(engine.asked).toEqual(expect.arrayContaining(['a']));
    expect(engine.asked).not.toEqual(expect.arrayContaining(['b']));

    engine.failure = null;
    engine.authorizations = [grant('c', { userId: 'bob' })];
    nowMs += 5_001;
    await expect(visibility.check(anna, of('c'), signal)).resolves.toBe(false);
    expect(visibility.isStale()).toBe(false);
  });

  test('is not shown by old rules when the engine refuses to tell the new ones', async () => {
    const visibility = someVisibility();
    await visibility.read(anna, signal);
    engine.failure = new FormvaultError('ENGINE_REJECTED', 'could not ask');
    nowMs += 5_001;

    await expect(visibility.check(anna, of('i'), signal)).rejects.toMatchObject({ code: 'ENGINE_REJECTED' });
    await expect(visibility.read(anna, signal)).rejects.toMatchObject({ code: 'ENGINE_REJECTED' });
  });
});

describe('tenants', () => {
  beforeEach(() => {
    engine.tenants = 3;
    engine.members = [
      { tenantId: 'north', member: { userId: 'anna' } },
      { tenantId: 'south', member: { groupId: 'team' } },
      { tenantId: 'north', member: { groupId: 'team' } },
      { tenantId: 'east', member: { userId: 'bob' } },
    ];
  });

  test('are those of any id and any group', async () => {
    await expect(someVisibility().read(anna, signal)).resolves.toHaveProperty('tenants', ['north', 'south']);
  });

  test('hide what is open otherwise from who is not in them', async () => {
    const visibility = someVisibility();
    await expect(visibility.check(anna, of('i', 'south'), signal)).resolves.toBe(true);
    await expect(visibility.check(bob, of('i', 'south'), signal)).resolves.toBe(false);
    await expect(visibility.check(bob, of('i', null), signal)).resolves.toBe(true);
  });

  test('show nothing of an instance that names others', async () => {
    engine.authorizations = [grant('i', { userId: 'bob' })];
    await expect(someVisibility().check(anna, of('i', 'south'), signal)).resolves.toBe(false);
  });

  test('are asked for once in half a minute, by person and by group', async () => {
    const visibility = someVisibility();
    const cleo: Person = { ...anna, id: 'cleo', engineUserIds: ['cleo'] };
    await Promise.all([visibility.read(anna, signal), visibility.read(cleo, signal), visibility.read(anna, signal)]);
    nowMs += 29_000;
    await visibility.read(anna, signal);
    const count = (question: string) => engine.asked.filter((asked) => asked === question).length;
    expect([count('{"groupId":"team"}'), count('{"userId":"anna"}'), count('tenants')]).toEqual([1, 1, 1]);

    engine.members = [];
    nowMs += 2_000;
    await expect(visibility.read(anna, signal)).resolves.toHaveProperty('tenants', []);
  });

  test('are not asked for by name where there are none', async () => {
    engine.tenants = 0;
    await someVisibility().read(anna, signal);
    expect(engine.asked.sort()).toEqual(['all', 'tenants']);
  });

  test('outlive an engine that is away by a quarter of an hour', async () => {
    const visibility = someVisibility();
    await visibility.read(anna, signal);
    goAway();
    nowMs += 15 * MINUTE_MS;
    await expect(visibility.check(anna, of('i', 'north'), signal)).resolves.toBe(true);
    expect(visibility.isStale()).toBe(true);
    nowMs += 1;
    await expect(visibility.check(anna, of('i', 'north'), signal)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
  });

  test('that are hidden from us are told of, once', async () => {
    engine.maySeeTenants = false;
    const visibility = someVisibility();
    await visibility.read(anna, signal);
    nowMs += MINUTE_MS;
    await visibility.read(anna, signal);

    expect(log.lines).toEqual([
      {
        level: 'warn',
        sentence: 'tenants cannot be seen: nobody sees what belongs to one',
        fields: expect.objectContaining({
          err: expect.objectContaining({ hint: expect.stringContaining('READ on TENANT') }),
        }),
      },
    ]);
  });
});
