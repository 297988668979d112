import type { SignIn } from '../../src/web/case-services.ts';
import { aKeptForm, type StubCases, stubCaseServices } from '../support/builders-cases.ts';
import { CASE, FORM_KEY, manyCases, PLAIN_KEY, sampleCases } from '../support/sample-cases.ts';

const KEY = encodeURIComponent(FORM_KEY);

/** Every page in every state that it has. */
export const PAGES: [name: string, path: string][] = [
  ['the search without a query', '/cases'],
  ['the search, a page in the middle', '/cases?page=3'],
  ['the search, a page behind the last', '/cases?page=99'],
  ['many found', '/cases?query=visit'],
  ['one found', `/cases?query=${CASE}`],
  ['none found', '/cases?query=zebra'],
  ['a case', `/cases/${CASE}`],
  ['a case whose id no path can carry', '/cases/-?case=..'],
  ['a form', `/cases/${CASE}/submission?key=${KEY}`],
  ['a form without a definition', `/cases/${CASE}/submission?key=${encodeURIComponent(PLAIN_KEY)}`],
  ['the print of a form', `/cases/${CASE}/submission?key=${KEY}&print=true`],
  ['the print of a case', `/cases/${CASE}/print`],
  ['not found', '/cases/nobody'],
  ['a wrong address', '/cases?page=x'],
  ['signed out', '/signed-out'],
];

/** The same pages, where they look different while services are away. */
export const PAGES_WHILE_AWAY = PAGES.filter(([name]) => /^(the search without|a case$|a form without)/.test(name));

export function servicesToShow({ signIn = null, ...cases }: Partial<StubCases> & { signIn?: SignIn | null } = {}) {
  const sample = sampleCases();
  const many = manyCases(150);
  const forms = [...(sample.forms ?? []), aKeptForm({ caseId: '..' }), ...(many.forms ?? []).slice(0, -1)];
  const processes = [...(sample.processes ?? []), ...(many.processes ?? []).slice(0, -1)];
  return stubCaseServices({ forms, processes, ...cases }, { signIn });
}
