import type { Person } from '../access/person.ts';

/** Why claims name nobody. */
export type ClaimsProblem =
  | 'no-subject'
  /** There are so many groups that the provider names them elsewhere (OpenID Connect Core, 5.6.2; Entra ID from 200 on). */
  | 'groups-elsewhere';

type Claims = Record<string, unknown>;

/** The engine's own limit is 255; nothing that an authorization names is longer. */
const MAX_ID_LENGTH = 255;
const MAX_NAME_LENGTH = 100;

/** Who it is by an ID token, an access token, or what the provider says of a user. */
export function personOfClaims(claims: Claims, groupsClaim: string): Person | ClaimsProblem {
  const [subject] = idsOf([claims.sub]);
  if (subject === undefined) return 'no-subject';
  const groups = claimOf(claims, groupsClaim);
  if (groups === undefined && isElsewhere(claims, groupsClaim)) return 'groups-elsewhere';
  // Amazon Cognito writes it as a text.
  const email = String(claims.email_verified) === 'false' ? undefined : claims.email;
  const [userName = subject] = idsOf([claims.preferred_username, email]);
  return {
    id: userName === subject ? subject : `${userName} (${subject})`,
    displayName: nameOf([claims.name, claims.preferred_username, email], subject),
    engineUserIds: idsOf([subject, claims.preferred_username, email]),
    groups: idsOf((Array.isArray(groups) ? groups : [groups]).flatMap(formsOfGroup)),
  };
}

/** The claim of this very name, else the one that its dots lead to: `realm_access.roles`. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const step of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Claims)[step];
  }
  return found;
}

function isElsewhere({ _claim_names: names }: Claims, groupsClaim: string): boolean {
  return typeof names === 'object' && names !== null && Object.hasOwn(names, groupsClaim);
}

/** Keycloak writes groups as paths; the engine may know them by either form. */
function formsOfGroup(group: unknown): unknown[] {
  return typeof group === 'string' && group.startsWith('/') ? [group, group.slice(1)] : [group];
}

/** Texts that can be an id in the engine, each once. `*` stands for everybody there, so nobody is called so. */
function idsOf(values: unknown[]): string[] {
  const ids = values.filter(
    (value): value is string =>
      typeof value === 'string' && value !== '' && value !== '*' && value.length <= MAX_ID_LENGTH,
  );
  return [...new Set(ids)];
}

function nameOf(values: unknown[], otherwise: string): string {
  const name = values.find((value) => typeof value === 'string' && value.trim() !== '') ?? otherwise;
  return String(name).trim().slice(0, MAX_NAME_LENGTH);
}
