import { describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { createEngineAccess } from '../../../src/engine/engine-access.ts';
import type { HttpClient } from '../../../src/http/http-client.ts';
import { engineHttp, STUBBED_ENGINE } from '../../support/engine-http.ts';
import { guardNock } from '../../support/guard-nock.ts';

const { signal } = new AbortController();

guardNock();

const someHttp = (gate = false) => engineHttp({ gate });
const someAccess = (http: HttpClient = someHttp()) => createEngineAccess(http);

const mayRead = (authorized = true) =>
  nock(STUBBED_ENGINE)
    .get('/authorization/check')
    .query({ permissionName: 'READ', resourceName: 'AUTHORIZATION', resourceType: '4', resourceId: '*' })
    .reply(200, { permissionName: 'READ', resourceName: 'AUTHORIZATION', resourceId: '*', authorized });
const row = (id: string, more: object = {}) => ({
  id,
  type: 1,
  permissions: ['READ'],
  userId: 'anna',
  groupId: null,
  resourceType: 8,
  resourceId: `i-${id}`,
  ...more,
});
const rows = (from: number, count: number) => Array.from({ length: count }, (_, each) => row(String(from + each)));

/** Answers one request for a page of these rows. */
const page = (firstResult: number, answer: object[], maxResults = 20_000) =>
  nock(STUBBED_ENGINE)
    .get('/authorization')
    .query({ resourceType: '8', firstResult: String(firstResult), maxResults: String(maxResults) })
    .reply(200, answer);
const idsOf = async (access = someAccess()) =>
  (await access.readAuthorizations(signal)).map(({ processInstanceId }) => processInstanceId);

describe('authorizations', () => {
  test('say for whom they are, what kind they are, and whether they are about reading', async () => {
    mayRead();
    page(0, [
      row('a', { permissions: ['READ', 'UPDATE'] }),
      row('b', { permissions: ['ALL'], userId: null, groupId: 'team' }),
      row('c', { type: 0, userId: '*', permissions: [] }),
      row('d', { type: 2, permissions: ['READ_VARIABLE', 'UPDATE'] }),
    ]);

    const base = { userId: 'anna', groupId: null, isAboutReading: true };
    await expect(someAccess().readAuthorizations(signal)).resolves.toEqual([
      { ...base, processInstanceId: 'i-a', kind: 'grant' },
      { ...base, processInstanceId: 'i-b', kind: 'grant', userId: null, groupId: 'team' },
      { ...base, processInstanceId: 'i-c', kind: 'global', userId: '*', isAboutReading: false },
      { ...base, processInstanceId: 'i-d', kind: 'revoke', isAboutReading: false },
    ]);
  });

  test('for all instances are about none', async () => {
    mayRead();
    page(0, [row('a', { resourceId: '*' }), row('b', { resourceId: null }), row('c')]);
    await expect(idsOf()).resolves.toEqual(['i-c']);
  });

  test.each([{ type: 3 }, { type: null }, { permissions: 'READ' }])('with %j are not guessed at', async (odd) => {
    mayRead();
    page(0, [row('a', odd)]);
    await expect(idsOf()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('of one instance are asked for by its id, and taken only if they are of it', async () => {
    mayRead();
    nock(STUBBED_ENGINE)
      .get('/authorization')
      .query({ resourceType: '8', resourceId: 'i-a/ä', firstResult: '0', maxResults: '20000' })
      .reply(200, [row('a', { resourceId: 'i-a/ä' }), row('b', { resourceId: 'I-A/Ä' })]);

    await expect(someAccess().readAuthorizationsOf('i-a/ä', signal)).resolves.toEqual([
      expect.objectContaining({ processInstanceId: 'i-a/ä' }),
    ]);
  });
});

describe('many authorizations', () => {
  test('are read page by page, each beginning with the end of the one before', async () => {
    mayRead();
    page(0, rows(0, 20_000));
    page(19_999, rows(19_999, 20_000));
    page(39_998, rows(39_998, 3));

    const ids = await idsOf();
    expect(ids).toHaveLength(40_001);
    expect(new Set(ids).size).toBe(40_001);
  });

  test('are complete also where some are deleted and others made meanwhile', async () => {
    mayRead();
    page(0, rows(0, 20_000));
    // Three of the first page are gone, so the second one begins too late.
    page(19_999, rows(20_002, 100));
    page(9_999, rows(10_002, 10_100));

    const ids = await idsOf();
    expect(new Set(ids).size).toBe(20_102);
    expect(ids).toEqual(expect.arrayContaining(['i-20000', 'i-20001', 'i-20101']));
  });

  test('are complete also where all that was behind a page is gone', async () => {
    mayRead();
    page(0, rows(0, 20_000));
    page(19_999, []);
    page(9_999, rows(9_999, 10_000));
    await expect(idsOf()).resolves.toHaveLength(20_000);
  });

  test('that are deleted faster than they are read are a passing failure', async () => {
    mayRead();
    let asked = 0;
    nock(STUBBED_ENGINE)
      .get('/authorization')
      .query({ resourceType: '8', firstResult: /^\d+$/, maxResults: '100' })
      .times(51 + 26)
      .reply(200, () => rows(1_000 * asked++, 100));
    const access = createEngineAccess(someHttp(), { pageSizes: [100] });
    await expect(idsOf(access)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('are read in smaller pages where the engine wants that, from then on', async () => {
    const tooLarge = { type: 'BadUserRequestException', message: 'Max results limit of 1000 exceeded!' };
    mayRead();
    nock(STUBBED_ENGINE)
      .get('/authorization')
      .query({ resourceType: '8', firstResult: '0', maxResults: '20000' })
      .reply(400, tooLarge);
    page(0, rows(0, 1_000), 1_000);
    page(999, rows(999, 2), 1_000);
    page(0, rows(0, 1), 1_000);

    const access = someAccess();
    await expect(idsOf(access)).resolves.toHaveLength(1_001);
    await expect(idsOf(access)).resolves.toHaveLength(1);
  });
});

describe('without the permission to see authorizations', () => {
  const hint = { code: 'ENGINE_REJECTED', hint: expect.stringContaining('READ on AUTHORIZATION') };

  test('an empty answer is not believed', async () => {
    mayRead(false);
    page(0, []);
    await expect(idsOf()).rejects.toMatchObject(hint);
  });

  test('some of them are not taken for all', async () => {
    mayRead(false);
    page(0, rows(0, 3));
    await expect(idsOf()).rejects.toMatchObject(hint);
  });

  test('a refusal says which permission is missing', async () => {
    mayRead();
    nock(STUBBED_ENGINE).get('/authorization').query(true).reply(403, { type: 'AuthorizationException' });
    await expect(idsOf()).rejects.toMatchObject(hint);
  });

  test('what the engine says of it in another way is not believed either', async () => {
    nock(STUBBED_ENGINE).get('/authorization/check').query(true).reply(200, {});
    page(0, []);
    await expect(idsOf()).rejects.toMatchObject(hint);
  });

  test('it is asked for again after five seconds', async () => {
    let nowMs = 0;
    const access = createEngineAccess(someHttp(), { nowMs: () => nowMs });
    mayRead();
    page(0, []);
    await idsOf(access);
    nowMs = 4_999;
    page(0, []);
    await idsOf(access);
    nowMs = 5_001;
    mayRead(false);
    page(0, []);
    await expect(idsOf(access)).rejects.toMatchObject(hint);
  });
});

describe('an engine', () => {
  test('that nobody signs in to shows all it has', async () => {
    const nobody = { type: 'InvalidRequestException', message: 'You must be authenticated …', code: null };
    nock(STUBBED_ENGINE).get('/authorization/check').query(true).reply(401, nobody);
    page(0, [row('a')]);
    await expect(idsOf()).resolves.toEqual(['i-a']);
  });

  test('that does not let us in says so', async () => {
    nock(STUBBED_ENGINE).get('/authorization/check').query(true).reply(401);
    nock(STUBBED_ENGINE).get('/authorization').query(true).reply(401);
    await expect(idsOf()).rejects.toMatchObject({
      code: 'ENGINE_REJECTED',
      hint: expect.stringContaining('ENGINE_USERNAME'),
    });
  });

  test.each([503, 429])('that answers %i is away', async (status) => {
    mayRead();
    nock(STUBBED_ENGINE).get('/authorization').query(true).reply(status);
    await expect(idsOf()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  test('that is away is not waited for behind its gate', async () => {
    const http = someHttp(true);
    nock(STUBBED_ENGINE).get('/engine').times(3).reply(503);
    const ask = () => http.request({ method: 'GET', path: '/engine', signal, attempted: 'x' }).catch(() => undefined);
    for (let each = 0; each < 3; each++) await ask();
    const access = createEngineAccess(http, { patienceMs: 20 });

    await expect(access.hasTenants(signal)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: 'could not count the tenants',
      cause: expect.objectContaining({ message: 'no answer within 20 ms' }),
    });
  });

  test('is not called away by who did not wait', async () => {
    await expect(someAccess().hasTenants(AbortSignal.abort())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('tenants', () => {
  test.each([
    [{ userId: 'anna' }, { userMember: 'anna', includingGroupsOfUser: 'true' }],
    [{ groupId: 'team' }, { groupMember: 'team' }],
  ])('of %j are named by their ids', async (member, query) => {
    nock(STUBBED_ENGINE)
      .get('/tenant')
      .query({ ...query, firstResult: '0', maxResults: '20000' })
      .reply(200, [
        { id: 'north', name: 'North' },
        { id: 'south', name: null },
      ]);
    await expect(someAccess().readTenantIds(member, signal)).resolves.toEqual(['north', 'south']);
  });

  test.each([
    [{ count: 2 }, true],
    [{ count: 0 }, false],
  ])('are there or not by %j', async (answer, hasTenants) => {
    nock(STUBBED_ENGINE).get('/tenant/count').reply(200, answer);
    await expect(someAccess().hasTenants(signal)).resolves.toBe(hasTenants);
  });

  test('may be hidden from us', async () => {
    nock(STUBBED_ENGINE)
      .get('/authorization/check')
      .query((query) => query.resourceName === 'TENANT' && query.resourceType === '11')
      .reply(200, { authorized: false });
    await expect(someAccess().maySeeTenants(signal)).resolves.toBe(false);
  });
});
