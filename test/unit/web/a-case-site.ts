import type { CaseServices, SignIn } from '../../../src/web/case-services.ts';
import { aKeptForm, type StubCaseServices, type StubCases, stubCaseServices } from '../../support/builders-cases.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { stubSignIn } from '../../support/stub-sign-in.ts';
import { aServer, ask } from './a-server.ts';

export const FORM = aKeptForm({ caseId: 'CASE-1', key: 'CASE-1/site-visit/anna-20260301T080509.json' });
export const AS_ANNA = { Cookie: 'person=anna' };
export const KEY = encodeURIComponent(FORM.key);

type Asked = Parameters<typeof ask>[1];

export type CaseSite = {
  url: string;
  services: StubCaseServices;
  log: ReturnType<typeof createRememberingLog>;
  /** As Anna, who is signed in, unless headers say otherwise. */
  ask(path: string, options?: Asked): ReturnType<typeof ask>;
};

/** A server with one case, where one has to sign in. */
export async function aCaseSite({
  cases = {},
  services: replaced = {},
  signIn = stubSignIn(),
}: {
  cases?: Partial<StubCases>;
  services?: Partial<CaseServices>;
  signIn?: SignIn | null;
} = {}): Promise<CaseSite> {
  const services = stubCaseServices({ forms: [FORM], ...cases }, { signIn, ...replaced });
  const log = createRememberingLog();
  const { url } = await aServer({ cases: services, log }).start();
  return { url, services, log, ask: (path, options) => ask(`${url}${path}`, { headers: AS_ANNA, ...options }) };
}
