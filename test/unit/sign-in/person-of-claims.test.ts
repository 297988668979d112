import { describe, expect, test } from '@jest/globals';
import { personOfClaims } from '../../../src/sign-in/person-of-claims.ts';

const claims = {
  sub: 'f3c1',
  preferred_username: 'anna',
  name: 'Anna Ames',
  email: 'anna@example.com',
  groups: ['case-workers'],
};
const groupsOf = (more: object, groupsClaim = 'groups') => personOfClaims({ ...claims, ...more }, groupsClaim);

test('a person is known by subject, user name and address, and called by name', () => {
  expect(personOfClaims(claims, 'groups')).toEqual({
    id: 'anna (f3c1)',
    displayName: 'Anna Ames',
    engineUserIds: ['f3c1', 'anna', 'anna@example.com'],
    groups: ['case-workers'],
  });
});

test('a subject is enough', () => {
  expect(personOfClaims({ sub: 'f3c1' }, 'groups')).toEqual({
    id: 'f3c1',
    displayName: 'f3c1',
    engineUserIds: ['f3c1'],
    groups: [],
  });
});

test.each([false, 'false'])('an address that was not verified (%j) is nobody', (verified) => {
  const person = personOfClaims({ sub: 'f3c1', email: 'boss@example.com', email_verified: verified }, 'groups');
  expect(person).toEqual({ id: 'f3c1', displayName: 'f3c1', engineUserIds: ['f3c1'], groups: [] });
});

test.each([true, undefined, 'yes'])('an address counts where email_verified is %s', (verified) => {
  expect(personOfClaims({ ...claims, email_verified: verified }, 'groups')).toHaveProperty(
    'engineUserIds',
    expect.arrayContaining(['anna@example.com']),
  );
});

test.each([undefined, null, '', 4711, ['anna'], { sub: 'anna' }, '*', 'x'.repeat(256)])(
  'a subject %j names nobody',
  (sub) => {
    expect(personOfClaims({ ...claims, sub }, 'groups')).toBe('no-subject');
  },
);

test('nobody is everybody, or in every group', () => {
  expect(personOfClaims({ ...claims, preferred_username: '*', groups: ['*', 'a'] }, 'groups')).toMatchObject({
    engineUserIds: ['f3c1', 'anna@example.com'],
    groups: ['a'],
  });
});

test('what is no text is no id, name or group', () => {
  const odd = {
    sub: 'f3c1',
    preferred_username: 7,
    name: ['Anna'],
    email: { a: 1 },
    groups: [1, null, ['x'], 'a', ''],
  };
  expect(personOfClaims(odd, 'groups')).toEqual({
    id: 'f3c1',
    displayName: 'f3c1',
    engineUserIds: ['f3c1'],
    groups: ['a'],
  });
});

test('a name of any length stays short', () => {
  expect(personOfClaims({ ...claims, name: 'A'.repeat(10_000) }, 'groups')).toHaveProperty('displayName.length', 100);
});

describe('groups', () => {
  test.each<[string, object, string, string[]]>([
    ['a list', { groups: ['a', 'b'] }, 'groups', ['a', 'b']],
    ['a single text', { groups: 'a' }, 'groups', ['a']],
    ['named twice', { groups: ['a', 'a'] }, 'groups', ['a']],
    ['in upper case, as they are', { groups: ['Team-A'] }, 'groups', ['Team-A']],
    ['in another claim', { roles: ['r'] }, 'roles', ['r']],
    ['deeper', { realm_access: { roles: ['r'] } }, 'realm_access.roles', ['r']],
    ['much deeper', { a: { b: { c: 'r' } } }, 'a.b.c', ['r']],
    ['in a claim with dots', { 'https://example.com/groups': ['g'] }, 'https://example.com/groups', ['g']],
    ['in both, then the claim of this very name', { 'a.b': ['x'], a: { b: ['y'] } }, 'a.b', ['x']],
    ['paths of Keycloak, in both forms', { groups: ['/team/a'] }, 'groups', ['/team/a', 'team/a']],
    ['nowhere', { groups: undefined }, 'groups', []],
    ['not where the dots lead', { realm_access: 'x' }, 'realm_access.roles', []],
    ['not in what every object has', {}, 'constructor.name', []],
    ['not an object', { groups: { a: true } }, 'groups', []],
  ])('%s', (_what, more, groupsClaim, groups) => {
    expect(groupsOf(more, groupsClaim)).toMatchObject({ groups });
  });

  test('that the provider names elsewhere, because they are many, are not taken for none', () => {
    const elsewhere = { groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: {} };
    expect(personOfClaims(JSON.parse(JSON.stringify({ ...claims, ...elsewhere })), 'groups')).toBe('groups-elsewhere');
    expect(groupsOf({ _claim_names: { address: 'src1' } })).toMatchObject({ groups: ['case-workers'] });
  });
});
