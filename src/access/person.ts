/** Somebody who asks to see something, as the sign-in or a bearer token names them. */
export type Person = {
  /** Who it is in the audit trail: the subject, or a name that tells more where there is one. */
  id: string;
  /** What they are called on the page. */
  displayName: string;
  /** Each id that an authorization or a tenant of the engine may know them by. */
  engineUserIds: readonly string[];
  groups: readonly string[];
};

/** Without a sign-in (`AUTH=off`): whoever sits at this machine. */
export const NOBODY_SIGNED_IN: Person = { id: 'not signed in', displayName: '', engineUserIds: [], groups: [] };
