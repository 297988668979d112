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
import type { FormView } from '../forms/form-view.ts';
import type { IndexedSubmission, Page } from '../index/case-index.ts';

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
  readAttachment(place: ObjectPlace, visible: Visible, signal: AbortSignal): Promise<StoredFile | null>;
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

/** What an answer can be incomplete without. */
export type Service = 'engine' | 'form-api';

export type ObjectPlace = {
  caseId: string;
  key: string;
  /** Where the same key is in two buckets; without it the newer one is meant. */
  bucket?: string;
};

export type FoundCases = {
  total: number;
  /** Newest first. */
  cases: FoundCase[];
  /** What could not be understood of the query, as it was written. */
  ignored: readonly string[];
  away: readonly Service[];
};

export type FoundCase = {
  businessKey: string;
  /** Of the submissions that the person may see. */
  submissions: number;
  latestMs: number;
  latestTitle: string;
  processInstances: FoundProcessInstance[];
};

/** What is not known, because the engine is away or has cleaned it up, is `null`. */
export type FoundProcessInstance = {
  id: string;
  key: string | null;
  name: string | null;
  definitionId: string | null;
  /** ISO 8601. */
  startDate: string | null;
  endDate: string | null;
};

export type CaseAnswer = {
  businessKey: string;
  /** Newest first. */
  processInstances: ProcessInstance[];
  /** `null` while the engine is away. */
  metrics: CaseMetrics | null;
  away: readonly Service[];
};

export type ProcessInstance = Omit<FoundProcessInstance, 'id'> & {
  /** `null`: of submissions whose process instance is not known. */
  id: string | null;
  /** `gone`: the engine has cleaned it up. `unknown`: the engine is away. */
  state: 'running' | 'ended' | 'gone' | 'unknown';
  /** Newest first. */
  formReferences: FormReference[];
  openTasks: OpenTask[];
};

export type FormReference = {
  name: string;
  title: string | null;
  formVersionId: string | null;
  /** Key of the object in the vault. */
  dataPath: string;
  bucket: string;
  /** ISO 8601. */
  submissionDate: string;
  submittedBy: string;
};

export type OpenTask = { id: string; name: string | null; assignee: string | null; created: string | null };

export type CaseMetrics = {
  noOfRunningProcessInstances: number;
  noOfCompletedProcessInstances: number;
  noOfOpenUserTasks: number;
  noOfCompletedUserTasks: number;
  overallTimeInSeconds: number;
  averageTimeToCompleteProcessInSeconds: number;
};

export type StoredSubmission = {
  submission: IndexedSubmission;
  /** As it lies in the vault. */
  body: Uint8Array;
};

export type StoredFile = {
  bucket: string;
  key: string;
  fileName: string;
  contentType: string;
  body: Uint8Array;
  /** That it was sent with. */
  submission: IndexedSubmission;
};

/** Sign-in by the OpenID provider. Cookies are values here; what they are called depends on the address of a page. */
export type SignIn = {
  /** Where to send a browser. `redirectUri` is the page of ours that the provider sends it back to. */
  begin(from: { redirectUri: string; returnTo: string | null }): Promise<{ url: string; stateCookie: string }>;
  /** @throws FormvaultError SIGN_IN_FAILED, whose context says which `problem` there is */
  finish(at: {
    currentUrl: URL;
    stateCookie: string | undefined;
  }): Promise<{ person: Person; sessionCookie: string; returnTo: string }>;
  /** `null`: not signed in. `renewedCookie` is to be given to the browser instead of the one that it sent. */
  findSession(cookie: string | undefined): Promise<{ person: Person; renewedCookie: string | null } | null>;
  verifyBearer(
    authorization: string | undefined,
    signal: AbortSignal,
  ): Promise<{ person: Person } | { refused: string }>;
  /** Ends the session here. The address at which it ends at the provider too, where there is one. */
  end(at: { sessionCookie: string | undefined; postLogoutRedirectUri: string }): Promise<string | null>;
  sessionCookie(pageUrl: URL): Cookie;
  stateCookie(pageUrl: URL): Cookie;
  /** Origins that a sign-out may send a browser to: that of the issuer. */
  signOutOrigins: readonly string[];
};

export type Cookie = {
  name: string;
  attributes: { path: '/'; httpOnly: true; sameSite: 'lax'; secure: boolean; maxAge?: number };
};
