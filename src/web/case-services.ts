/**
 * What the routes need of the rest of Formvault, as plain functions; `app.ts` puts the real ones in.
 *
 * Everything is asked for somebody, by what they may see. `null` means that there is nothing of the kind for them, whether it
 * does not exist or is not theirs to see. What cannot be answered now throws a FormvaultError; what can be answered in part is,
 * and `away` says which services are missing in the answer.
 */
import type { Person } from '../access/person.ts';
import type { Visible } from '../access/visible.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import type { CaseAnswer, FoundCases, Service } from '../cases/found-case.ts';
import type { ReadAttachment } from '../cases/read-attachment.ts';
import type { ObjectPlace, StoredSubmission } from '../cases/read-submission.ts';
import type { FormView } from '../forms/form-view.ts';
import type { IndexedSubmission, Page } from '../index/case-index.ts';
import type { Cookie } from '../sign-in/cookies.ts';
import type { SignIn as SignInByProvider } from '../sign-in/sign-in.ts';

export type CaseServices = {
  findCases(search: { query: string; page: Page }, visible: Visible, signal: AbortSignal): Promise<FoundCases>;
  /** `excludes`: keys of process definitions to leave out. */
  readCase(
    place: { caseId: string; excludes: readonly string[] },
    visible: Visible,
    signal: AbortSignal,
  ): Promise<CaseAnswer | null>;
  /** Only of this very case. */
  readSubmission(place: ObjectPlace, visible: Visible, signal: AbortSignal): Promise<StoredSubmission | null>;
  /** Only a file that a submission of this very case lists. */
  readAttachment: ReadAttachment;
  formViewOf(stored: StoredSubmission, signal: AbortSignal): Promise<{ view: FormView; away: readonly Service[] }>;
  /** By rules that may be some seconds old: for lists. */
  visibilityOf(person: Person, signal: AbortSignal): Promise<Visible>;
  /** By the rules of this moment: for what is opened. */
  mayOpen(person: Person, submission: IndexedSubmission, signal: AbortSignal): Promise<boolean>;
  /** Ends when the entry is safe; nothing is shown if it throws. */
  audit: { record(entry: AuditEntry, signal: AbortSignal): Promise<void> };
  /** `null`: `AUTH=off`. */
  signIn: SignIn | null;
};

/** Sign-in by the OpenID provider; what cookies are called depends on the address of a page. */
export type SignIn = SignInByProvider & {
  sessionCookie(pageUrl: URL): Cookie;
  stateCookie(pageUrl: URL): Cookie;
  /** Origins that a sign-out may send a browser to: that of the issuer. */
  signOutOrigins: readonly string[];
};
