import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createEngineCalls, type EngineCalls } from '../../dev/clients/engine-calls.ts';
import { type RunningEngine, startEngine } from '../../dev/servers/engine.ts';
import type { Person } from '../../src/access/person.ts';
import { createVisibility, type VisibilityOptions } from '../../src/access/read-visible.ts';
import { isVisible } from '../../src/access/visible.ts';
import { createEngineAccess, type EngineAccessOptions } from '../../src/engine/engine-access.ts';
import type { Auth } from '../../src/http/auth.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import { createRememberingLog } from '../support/builders-log.ts';
import { engineHttp } from '../support/engine-http.ts';
import { testServers } from '../support/servers.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(120_000);

const GLOBAL = 0;
const GRANT = 1;
const REVOKE = 2;
const PROCESS_INSTANCE = 8;
const { signal } = new AbortController();

const clients: HttpClient[] = [];
let world: World;
beforeAll(() => {
  world = createWorld();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await world.end();
});

function connect(url: string, auth: Auth = { kind: 'none' }, options: EngineAccessOptions = {}) {
  const http = engineHttp({ baseUrl: url, auth });
  clients.push(http);
  return createEngineAccess(http, options);
}

const log = createRememberingLog();
const someVisibility = (
  caseAccess: VisibilityOptions['caseAccess'] = 'open',
  engine = connect(testServers().engineUrl),
) => createVisibility({ engine, caseAccess, log });

/** Letters and digits only, as the engine wants them for users, groups and tenants. */
const newId = (name: string) => `${name}${randomBytes(5).toString('hex')}`;
const aPerson = (groups: string[] = []): Person => {
  const id = newId('anna');
  return { id, displayName: id, engineUserIds: [id, `${id}@example.com`], groups };
};

type Entry = { type: number; permissions: string[]; userId?: string; groupId?: string; resourceId: string };

async function authorize(entry: Entry, engine: EngineCalls = world.engine): Promise<string> {
  const body = { userId: null, groupId: null, resourceType: PROCESS_INSTANCE, ...entry };
  return (await engine.http.post<{ id: string }>('/authorization/create', body)).data.id;
}

/** What both ways say, which must be the same. */
async function maySee(person: Person, processInstanceId: string, tenantId: string | null = null, caseAccess = 'open') {
  const visibility = someVisibility(caseAccess as VisibilityOptions['caseAccess']);
  const of = { processInstanceId, tenantId };
  const found = isVisible(await visibility.read(person, signal), of);
  await expect(visibility.check(person, of, signal)).resolves.toBe(found);
  return found;
}

describe('an instance', () => {
  test('without authorizations is seen by everybody, or by nobody where access must be granted', async () => {
    const [person, free] = [aPerson(), newId('instance')];
    await expect(maySee(person, free)).resolves.toBe(true);
    await expect(maySee(person, free, null, 'granted')).resolves.toBe(false);
  });

  test.each<[string, (person: Person) => Omit<Entry, 'resourceId'>[], boolean]>([
    ['a grant of READ', ({ id }) => [{ type: GRANT, permissions: ['READ'], userId: id }], true],
    ['a grant of ALL', ({ id }) => [{ type: GRANT, permissions: ['ALL'], userId: id }], true],
    ['a grant of READ among others', ({ id }) => [{ type: GRANT, permissions: ['UPDATE', 'READ'], userId: id }], true],
    ['a grant of UPDATE', ({ id }) => [{ type: GRANT, permissions: ['UPDATE'], userId: id }], false],
    ['a grant of nothing', ({ id }) => [{ type: GRANT, permissions: [], userId: id }], false],
    ['a grant to their group', () => [{ type: GRANT, permissions: ['READ'], groupId: 'team' }], true],
    ['a grant to a group in another case', () => [{ type: GRANT, permissions: ['READ'], groupId: 'Team' }], false],
    ['a grant to another group', () => [{ type: GRANT, permissions: ['READ'], groupId: 'others' }], false],
    ['a grant to somebody else', () => [{ type: GRANT, permissions: ['READ'], userId: 'somebody' }], false],
    ['a grant to everybody', () => [{ type: GRANT, permissions: ['READ'], userId: '*' }], true],
    ['a global READ', () => [{ type: GLOBAL, permissions: ['READ'], userId: '*' }], true],
    ['a global nothing', () => [{ type: GLOBAL, permissions: [], userId: '*' }], false],
    ['a revocation only', ({ id }) => [{ type: REVOKE, permissions: ['READ'], userId: id }], false],
    [
      'a grant and a revocation of READ',
      ({ id }) => [
        { type: GRANT, permissions: ['READ'], groupId: 'team' },
        { type: REVOKE, permissions: ['READ'], userId: id },
      ],
      false,
    ],
    [
      'a grant and a revocation of ALL',
      ({ id }) => [
        { type: GLOBAL, permissions: ['READ'], userId: '*' },
        { type: REVOKE, permissions: ['ALL'], userId: id },
      ],
      false,
    ],
    [
      'a grant and a revocation of UPDATE',
      ({ id }) => [
        { type: GRANT, permissions: ['READ'], userId: id },
        { type: REVOKE, permissions: ['UPDATE'], groupId: 'team' },
      ],
      true,
    ],
  ])('with %s', async (_what, entriesFor, sees) => {
    const [person, instance] = [aPerson(['team']), newId('instance')];
    for (const entry of entriesFor(person)) await authorize({ ...entry, resourceId: instance });

    await expect(maySee(person, instance)).resolves.toBe(sees);
    await expect(maySee(person, instance, null, 'granted')).resolves.toBe(sees);
  });

  test('is not opened by what a person may do with all instances', async () => {
    const [person, instance] = [aPerson(), newId('instance')];
    await authorize({ type: GRANT, permissions: ['READ'], userId: 'somebody', resourceId: instance });
    const forAll = await authorize({ type: GRANT, permissions: ['ALL'], userId: person.id, resourceId: '*' });

    await expect(maySee(person, instance)).resolves.toBe(false);
    await world.engine.http.delete(`/authorization/${forAll}`);
  });

  test('that is opened is judged by what holds now, not by what a search found a moment ago', async () => {
    const [person, instance] = [aPerson(), newId('instance')];
    const of = { processInstanceId: instance, tenantId: null };
    const visibility = someVisibility();
    expect(isVisible(await visibility.read(person, signal), of)).toBe(true);
    await authorize({ type: GRANT, permissions: ['READ'], userId: 'somebody', resourceId: instance });

    await expect(visibility.check(person, of, signal)).resolves.toBe(false);
  });
});

test('all authorizations are found, in pages of any size, also while others come and go', async () => {
  const instances = Array.from({ length: 40 }, () => newId('paged'));
  const passing: string[] = [];
  for (const [each, resourceId] of instances.entries()) {
    const other = { type: GRANT, permissions: ['READ'], userId: 'x', resourceId: newId('passing') };
    if (each % 2 === 0) passing.push(await authorize(other));
    await authorize({ type: GRANT, permissions: ['READ'], userId: 'x', resourceId });
    await authorize({ type: GRANT, permissions: ['READ'], userId: 'y', resourceId });
  }
  const engine = connect(testServers().engineUrl, { kind: 'none' }, { pageSizes: [11] });
  const comeAndGo = (async () => {
    for (const id of passing) {
      await world.engine.http.delete(`/authorization/${id}`);
      await authorize({ type: GRANT, permissions: ['READ'], userId: 'z', resourceId: newId('passing') });
    }
  })();
  const entries = await engine.readAuthorizations(signal);
  await comeAndGo;

  const found = entries.filter(({ processInstanceId }) => instances.includes(processInstanceId));
  expect(found.map(({ processInstanceId, userId }) => `${processInstanceId} ${userId}`).sort()).toEqual(
    instances.flatMap((id) => [`${id} x`, `${id} y`]).sort(),
  );
});

describe('what belongs to a tenant', () => {
  async function aTenant(): Promise<string> {
    const id = newId('tenant');
    await world.engine.createTenant(id);
    return id;
  }
  async function aUser({ id }: Person): Promise<string> {
    await world.engine.createUser(id, 'Anna', 'Ames', newId('password'));
    return id;
  }
  async function aGroup(): Promise<string> {
    const id = newId('group');
    await world.engine.http.post('/group/create', { id, name: id, type: 'WORKFLOW' });
    return id;
  }
  const join = (path: string) => world.engine.http.put(path);

  test('is seen by its members, and by nobody else', async () => {
    const [tenant, member, stranger] = [await aTenant(), aPerson(), aPerson()];
    await join(`/tenant/${tenant}/user-members/${await aUser(member)}`);

    await expect(maySee(member, newId('instance'), tenant)).resolves.toBe(true);
    await expect(maySee(stranger, newId('instance'), tenant)).resolves.toBe(false);
    await expect(maySee(member, newId('instance'), await aTenant())).resolves.toBe(false);
  });

  test('is seen by who is in a group of it, as the engine knows it or as the provider says', async () => {
    const [tenant, group, known] = [await aTenant(), await aGroup(), aPerson()];
    await join(`/tenant/${tenant}/group-members/${group}`);
    await join(`/group/${group}/members/${await aUser(known)}`);

    await expect(maySee(known, newId('instance'), tenant)).resolves.toBe(true);
    await expect(maySee(aPerson([group]), newId('instance'), tenant)).resolves.toBe(true);
    await expect(maySee(aPerson([group.toUpperCase()]), newId('instance'), tenant)).resolves.toBe(false);
  });

  test('is not seen by a member whom an authorization of the instance does not name', async () => {
    const [tenant, member, instance] = [await aTenant(), aPerson(), newId('instance')];
    await join(`/tenant/${tenant}/user-members/${await aUser(member)}`);
    await authorize({ type: GRANT, permissions: ['READ'], userId: 'somebody', resourceId: instance });

    await expect(maySee(member, instance, tenant)).resolves.toBe(false);
  });
});

describe('where the engine checks authorizations', () => {
  const basic = (username: string, password = username): Auth => ({ kind: 'basic', username, password });
  const [service, person, instance] = [newId('service'), aPerson(), newId('instance')];
  const of = { processInstanceId: instance, tenantId: null };
  let strict: RunningEngine;
  let admin: EngineCalls;
  beforeAll(async () => {
    strict = await startEngine({ restAuth: true, authorization: true, heapMb: 512 });
    admin = createEngineCalls(strict.url, { username: 'demo', password: 'demo' });
    await admin.createUser(service, 'Service', 'User', service);
    await authorize({ type: GRANT, permissions: ['READ'], userId: 'somebody', resourceId: instance }, admin);
  });
  afterAll(() => strict?.stop());

  test('nothing is shown until our user may see authorizations, though the engine answers with none', async () => {
    const hint = { code: 'ENGINE_REJECTED', hint: expect.stringContaining('READ on AUTHORIZATION') };
    const before = someVisibility('open', connect(strict.url, basic(service)));
    await expect(before.read(person, signal)).rejects.toMatchObject(hint);
    await expect(before.check(person, of, signal)).rejects.toMatchObject(hint);

    const toAuthorizations = { resourceType: 4, resourceId: '*', userId: service, groupId: null };
    await admin.http.post('/authorization/create', { type: GRANT, permissions: ['READ'], ...toAuthorizations });
    expect(isVisible(await before.read(person, signal), of)).toBe(false);
    await expect(before.check(person, of, signal)).resolves.toBe(false);
    await expect(before.check(person, { ...of, processInstanceId: 'free' }, signal)).resolves.toBe(true);
  });

  test('it is told when our user may not see tenants', async () => {
    expect(log.lines.map(({ sentence }) => sentence)).toContain(
      'tenants cannot be seen: nobody sees what belongs to one',
    );
  });

  test('nothing is shown with a wrong password', async () => {
    const visibility = someVisibility('open', connect(strict.url, basic('demo', 'wrong')));
    await expect(visibility.check(person, of, signal)).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      hint: expect.stringContaining('ENGINE_USERNAME'),
    });
  });
});
