import { describe, expect, test } from '@jest/globals';
import { mayReadInstance, whoIs } from '../../../src/access/may-read-instance.ts';
import type { InstanceAuthorization } from '../../../src/engine/engine-access.ts';

const anna = whoIs({
  id: 'anna',
  displayName: 'Anna',
  engineUserIds: ['f3c1', 'anna', 'anna@example.com'],
  groups: ['case-workers', 'team-north'],
});

const entry = (kind: InstanceAuthorization['kind'], of: Partial<InstanceAuthorization>): InstanceAuthorization => ({
  processInstanceId: 'i-1',
  kind,
  userId: null,
  groupId: null,
  isAboutReading: true,
  ...of,
});
const forAll = (of: Partial<InstanceAuthorization> = {}) => entry('global', { userId: '*', ...of });
const grant = (of: Partial<InstanceAuthorization>) => entry('grant', of);
const revoke = (of: Partial<InstanceAuthorization>) => entry('revoke', of);
const notReading = { isAboutReading: false };

const RULES: [string, InstanceAuthorization[], boolean][] = [
  ['a global entry', [forAll()], true],
  ['a global entry without READ', [forAll(notReading)], false],
  ['a grant to her', [grant({ userId: 'anna' })], true],
  ['a grant to her subject', [grant({ userId: 'f3c1' })], true],
  ['a grant to her address', [grant({ userId: 'anna@example.com' })], true],
  ['a grant to everybody', [grant({ userId: '*' })], true],
  ['a grant to one of her groups', [grant({ groupId: 'team-north' })], true],
  ['a grant to her without READ', [grant({ userId: 'anna', ...notReading })], false],
  ['a grant to her group without READ', [grant({ groupId: 'case-workers', ...notReading })], false],
  ['a grant to somebody else', [grant({ userId: 'bob' })], false],
  ['a grant to another group', [grant({ groupId: 'team-south' })], false],
  ['a grant to a user called like her group', [grant({ userId: 'case-workers' })], false],
  ['a grant to a group called like her', [grant({ groupId: 'anna' })], false],
  ['a grant to a group called *', [grant({ groupId: '*' })], false],
  ['a grant to her in another case', [grant({ userId: 'Anna' })], false],
  ['a grant to her group in another case', [grant({ groupId: 'Case-Workers' })], false],
  ['a grant to her with a blank', [grant({ userId: 'anna ' })], false],
  ['a grant to nobody', [grant({})], false],
  ['grants to others and to her', [grant({ userId: 'bob' }), grant({ userId: 'anna' })], true],
  ['grants to others only', [grant({ userId: 'bob' }), grant({ groupId: 'team-south' })], false],
  [
    'a grant of something else and one of READ',
    [grant({ userId: 'anna', ...notReading }), grant({ groupId: 'case-workers' })],
    true,
  ],
  ['a revocation only', [revoke({ userId: 'bob' })], false],
  ['a revocation from her only', [revoke({ userId: 'anna' })], false],
  ['a grant to her and a revocation', [grant({ userId: 'anna' }), revoke({ userId: 'anna' })], false],
  ['a revocation before the grant', [revoke({ userId: 'anna' }), grant({ userId: 'anna' })], false],
  [
    'a grant to her group and a revocation from her',
    [grant({ groupId: 'case-workers' }), revoke({ userId: 'anna' })],
    false,
  ],
  [
    'a grant to her and a revocation from her group',
    [grant({ userId: 'anna' }), revoke({ groupId: 'team-north' })],
    false,
  ],
  [
    'a grant to one group and a revocation from another',
    [grant({ groupId: 'case-workers' }), revoke({ groupId: 'team-north' })],
    false,
  ],
  ['a global entry and a revocation from her', [forAll(), revoke({ userId: 'f3c1' })], false],
  ['a grant to her and a revocation from everybody', [grant({ userId: 'anna' }), revoke({ userId: '*' })], false],
  ['a grant to her and a revocation from somebody else', [grant({ userId: 'anna' }), revoke({ userId: 'bob' })], true],
  [
    'a grant to her and a revocation of something else',
    [grant({ userId: 'anna' }), revoke({ userId: 'anna', ...notReading })],
    true,
  ],
];

describe.each(['open', 'granted'] as const)('with CASE_ACCESS=%s, Anna', (caseAccess) => {
  test.each(RULES)('by %s: may read %p %p', (_what, entries, mayRead) => {
    expect(mayReadInstance(entries, anna, caseAccess)).toBe(mayRead);
  });

  test(`${caseAccess === 'open' ? 'reads' : 'does not read'} what has no authorization`, () => {
    expect(mayReadInstance([], anna, caseAccess)).toBe(caseAccess === 'open');
  });
});
