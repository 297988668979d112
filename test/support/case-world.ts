import type { Page } from 'playwright-core';
import { type FormEntry, type RunningFormApi, startFormApi } from '../../demo/form-api.ts';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { findFreePort } from '../../dev/servers/free-port.ts';
import { type OidcPerson, type RunningOidcProvider, startOidcProvider } from '../../dev/servers/oidc-provider.ts';
import { aProcess, type BuiltProcess } from './a-process.ts';
import { eventually } from './eventually.ts';
import { createWorld, type World } from './world.ts';

export const ANNA: OidcPerson = { id: 'anna', email: 'anna@example.com', name: 'Anna Ames', groups: ['case-workers'] };
export const BOB: OidcPerson = { id: 'bob', email: 'bob@example.com', name: 'Bob Bell', groups: ['team-north'] };

const CLAIM: FormEntry = {
  id: 'id-of-claim',
  versionId: 'version-3-of-claim',
  name: 'housing-claim',
  title: 'Claim for housing benefit',
  components: [
    { type: 'textfield', key: 'claimant', label: 'Full name of the claimant' },
    { type: 'currency', key: 'rent', label: 'Rent per week', currency: 'GBP' },
    {
      type: 'radio',
      key: 'tenure',
      label: 'How the home is held',
      values: [
        { value: 'r', label: 'Rented' },
        { value: 'o', label: 'Owned' },
      ],
    },
    { type: 'checkbox', key: 'inWork', label: 'In paid work' },
  ],
};
const SHOWN = { withinMs: 30_000, everyMs: 100 };

export type CaseWorld = World & {
  /** Of pages and API. */
  url: string;
  formApi: RunningFormApi;
  oidc: RunningOidcProvider;
  /** A process with one user task that `claim` completes, and that goes on afterwards. */
  claims: BuiltProcess;
  /** Somebody claims; resolves when the case can be found. */
  claim(answers?: Record<string, unknown>, more?: { businessKey?: string; tenantId?: string }): Promise<Claimed>;
  /** The API, as this person. */
  api(path: string, person?: OidcPerson): Promise<{ status: number; json: Answer; text: string }>;
  end(): Promise<void>;
};

export type Claimed = { caseId: string; processInstanceId: string; key: string };
// biome-ignore lint/suspicious/noExplicitAny: answers are compared whole
type Answer = any;

/** A world with a sign-in, a form API and a Formvault that shows cases. */
export async function createCaseWorld(env: Record<string, string> = {}): Promise<CaseWorld> {
  const port = String(await findFreePort());
  const url = `http://127.0.0.1:${port}`;
  const formApi = await startFormApi({ forms: [CLAIM] });
  const oidc = await startOidcProvider({
    redirectUris: [`${url}/sign-in/callback`],
    postLogoutRedirectUris: [`${url}/signed-out`],
    people: [ANNA, BOB],
  });
  const world = createWorld({
    PORT: port,
    FORM_API_URL: formApi.url,
    OIDC_ISSUER: oidc.url,
    OIDC_CLIENT_ID: oidc.clientId,
    OIDC_CLIENT_SECRET: oidc.clientSecret ?? '',
    OIDC_AUDIENCE: oidc.audience,
    ...env,
  });
  const claims = aProcess({
    name: 'Housing claims',
    steps: [{ userTask: 'claim', name: 'Take the claim', formKey: 'housing-claim' }, { message: 'never' }],
  });

  async function api(path: string, person: OidcPerson = ANNA) {
    const headers = { Authorization: `Bearer ${await oidc.tokenFor(person)}` };
    const response = await fetch(`${url}${path}`, { headers });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, text, json: isJson ? JSON.parse(text) : null };
  }

  const { end } = world;
  return Object.assign(world, {
    url,
    formApi,
    oidc,
    claims,
    api,
    async claim(answers: Record<string, unknown> = {}, more: { businessKey?: string; tenantId?: string } = {}) {
      const caseId = more.businessKey ?? world.newCase();
      const tenant = more.tenantId === undefined ? {} : { tenantId: more.tenantId };
      const { id } = await world.engine.start(claims.id, { businessKey: caseId, ...tenant });
      const task = await world.engine.task(id);
      const submission = {
        claimant: 'Jo Field',
        rent: 142.5,
        tenure: 'r',
        inWork: true,
        ...answers,
        form: { name: CLAIM.name, submittedBy: 'jo@example.com' },
      };
      await world.engine.complete(task.id, { claim: jsonVariable(submission) });
      const prefix = more.tenantId === undefined ? '' : `tenants/${more.tenantId}/`;
      const key = await eventually(async () => {
        const keys = await world.vault.list(world.bucket, `${prefix}${caseId}/`);
        if (keys[0] === undefined) throw new Error('not kept yet');
        return keys[0];
      }, SHOWN);
      return { caseId, processInstanceId: id, key };
    },
    end: async () => {
      await end();
      await Promise.all([formApi.stop(), oidc.stop()]);
    },
  });
}

/** Goes to a page, and through the provider's login to get there. */
export async function signInAs(page: Page, world: CaseWorld, path: string, person = ANNA): Promise<void> {
  await page.goto(`${world.url}${path}`);
  await page.getByLabel(/user name/i).fill(person.id);
  await page.getByRole('button').first().click();
  await page.waitForURL(`${world.url}${path}`);
}
