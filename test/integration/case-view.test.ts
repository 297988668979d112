import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { type RunningPostgres, startPostgres } from '../../dev/servers/postgres.ts';
import { ANNA, BOB, type CaseWorld, createCaseWorld, signInAs } from '../support/case-world.ts';
import { eventually } from '../support/eventually.ts';

jest.setTimeout(240_000);
const FETCH_MS = 900_000;
const SOON = { withinMs: 30_000, everyMs: 100 };

let browser: Browser;
let postgres: RunningPostgres;
beforeAll(async () => {
  browser = await launchBrowser();
  postgres = await startPostgres();
}, FETCH_MS);
afterAll(async () => {
  await browser?.close();
  await postgres?.stop();
});

describe.each(['PGlite', 'PostgreSQL'])('with the index in %s', (kind) => {
  let world: CaseWorld;
  beforeAll(async () => {
    world = await createCaseWorld(kind === 'PGlite' ? {} : { DATABASE_URL: postgres.url });
    await world.engine.deploy(world.claims.files);
    await world.startFormvault();
  });
  afterAll(() => world.end());

  test('a form completed in the engine is on its case page, with the name and the labels of the form', async () => {
    const { caseId } = await world.claim({ claimant: 'Jo Field' });
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await eventually(async () => expect((await world.api(`/api/workflow/cases/${caseId}`)).status).toBe(200), SOON);

    await signInAs(page, world, `/cases/${caseId}`);
    await expect(page.locator('header').innerText()).resolves.toContain('Anna Ames');
    const main = page.locator('main');
    await expect(main.innerText()).resolves.toMatch(
      /Housing claims[\s\S]*Claim for housing benefit[\s\S]*jo@example\.com/,
    );

    await page.getByRole('link', { name: 'Claim for housing benefit' }).click();
    const text = await page.locator('main').innerText();
    expect(text).toMatch(/Full name of the claimant\s+Jo Field/);
    expect(text).toMatch(/Rent per week\s+£142\.50/);
    expect(text).toMatch(/How the home is held\s+Rented/);
    expect(text).toMatch(/In paid work\s+Yes/);
    await context.close();
  });

  test('the API gives the case in the shape of the seeds, and the submission byte for byte', async () => {
    const { caseId, processInstanceId, key } = await world.claim();
    const found = await eventually(async () => {
      const answer = await world.api(`/api/workflow/cases/${caseId}`);
      expect(answer.status).toBe(200);
      return answer;
    }, SOON);

    expect(found.json).toMatchObject({
      businessKey: caseId,
      processInstances: [
        {
          id: processInstanceId,
          key: world.claims.id,
          name: 'Housing claims',
          definitionId: expect.stringContaining(`${world.claims.id}:1:`),
          startDate: expect.stringMatching(/^\d{4}-/),
          endDate: null,
          openTasks: [],
          formReferences: [
            {
              name: 'housing-claim',
              title: 'Claim for housing benefit',
              formVersionId: 'version-3-of-claim',
              dataPath: key,
              submissionDate: expect.stringMatching(/^\d{4}-/),
              submittedBy: 'jo@example.com',
            },
          ],
        },
      ],
      metrics: {
        noOfRunningProcessInstances: 1,
        noOfCompletedProcessInstances: 0,
        noOfOpenUserTasks: 0,
        noOfCompletedUserTasks: 1,
        overallTimeInSeconds: 0,
        averageTimeToCompleteProcessInSeconds: 0,
      },
    });
    const submission = await world.api(`/api/workflow/cases/${caseId}/submission?key=${encodeURIComponent(key)}`);
    const [kept] = await world.kept(caseId);
    expect([submission.status, submission.text]).toEqual([200, kept?.text]);

    const search = await world.api(`/api/workflow/cases?query=${encodeURIComponent(`${caseId} form:housing by:jo`)}`);
    expect(search.json).toMatchObject({
      _embedded: { cases: [{ businessKey: caseId }] },
      page: { size: 20, totalElements: 1, totalPages: 1, number: 0 },
    });
    await expect(world.api('/api/workflow/cases?query=zzzunheardof')).resolves.toMatchObject({
      json: { _embedded: { cases: [] }, page: { totalElements: 0 } },
    });
  });

  test('a case that the engine has cleaned up is still there, from the vault alone', async () => {
    const { caseId, processInstanceId, key } = await world.claim();
    await world.engine.cancel(processInstanceId);
    await world.engine.http.delete(`/history/process-instance/${processInstanceId}`);

    const { json } = await eventually(async () => {
      const answer = await world.api(`/api/workflow/cases/${caseId}`);
      expect(answer.status).toBe(200);
      return answer;
    }, SOON);
    expect(json.processInstances).toMatchObject([
      { id: processInstanceId, key: world.claims.id, startDate: null, formReferences: [{ dataPath: key }] },
    ]);
  });

  test('whoever may not see a process instance finds nothing of it, by no way', async () => {
    const secret = `secretword${world.environment.slice(3)}`;
    const { caseId, processInstanceId, key } = await world.claim({ claimant: secret });
    const own = await world.claim();
    const cases = (query: string, person = BOB) =>
      world.api(`/api/workflow/cases?query=${encodeURIComponent(query)}`, person);
    await eventually(async () => expect((await cases(secret)).json.page.totalElements).toBe(1), SOON);
    await world.engine.http.post('/authorization/create', {
      type: 1,
      permissions: ['READ'],
      userId: 'anna',
      groupId: null,
      resourceType: 8,
      resourceId: processInstanceId,
    });

    const foreign = encodeURIComponent(key);
    await eventually(async () => expect((await cases(secret)).json.page.totalElements).toBe(0), SOON);
    await expect(cases(caseId)).resolves.toMatchObject({ json: { page: { totalElements: 0 } } });
    for (const path of [
      `/api/workflow/cases/${caseId}`,
      `/api/workflow/cases/${caseId}/submission?key=${foreign}`,
      `/api/workflow/cases/${own.caseId}/submission?key=${foreign}`,
      `/api/workflow/cases/${own.caseId}/submission?key=${encodeURIComponent(`../${key}`)}`,
      `/api/workflow/cases/${own.caseId}/submission?key=${encodeURIComponent(`/${key}`)}`,
      `/api/workflow/cases/${own.caseId}/submission?key=${encodeURIComponent(foreign)}`,
      `/api/workflow/cases/${own.caseId}/submission?key=${foreign}&bucket=${world.bucket}`,
      `/api/workflow/cases/${own.caseId}/submission?key=${encodeURIComponent('.formvault/feed.json')}`,
      `/api/workflow/cases/${own.caseId}%2F..%2F${caseId}`,
      `/api/workflow/cases//${caseId}`,
      `/api/workflow/cases/${own.caseId}/..%2f${caseId}/submission?key=${foreign}`,
    ]) {
      const answer = await world.api(path, BOB);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.text).not.toContain(secret);
    }
    await expect(cases(secret, ANNA)).resolves.toMatchObject({ json: { page: { totalElements: 1 } } });
    await expect(world.api(`/api/workflow/cases/${caseId}/submission?key=${foreign}`, ANNA)).resolves.toMatchObject({
      status: 200,
      text: expect.stringContaining(secret),
    });
  });

  test('a form of another tenant is seen by its members only', async () => {
    const tenantId = `tenant${world.environment.slice(3)}`;
    await world.engine.createTenant(tenantId);
    await world.engine.createUser('bob', 'Bob', 'Bell', 'secret').catch(() => undefined);
    await world.engine.http.put(`/tenant/${tenantId}/user-members/bob`);
    await world.engine.deploy(world.claims.files, { tenantId });
    const { caseId, key } = await world.claim({}, { tenantId });
    const path = `/api/workflow/cases/${caseId}/submission?key=${encodeURIComponent(key)}`;

    await eventually(async () => expect((await world.api(path, BOB)).status).toBe(200), SOON);
    await expect(world.api(path, ANNA)).resolves.toMatchObject({ status: 404 });
    await expect(world.api(`/api/workflow/cases?query=${caseId}`, ANNA)).resolves.toMatchObject({
      json: { page: { totalElements: 0 } },
    });
  });

  test('tokens that prove nothing get nothing', async () => {
    const { oidc, url } = world;
    const now = Math.floor(Date.now() / 1000);
    const unsigned = [{ alg: 'none' }, { iss: oidc.url, aud: oidc.audience, sub: 'anna', exp: now + 600 }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const tokens = [
      await oidc.tokenFor(ANNA, { claims: { exp: now - 120 } }),
      await oidc.tokenFor(ANNA, { claims: { aud: 'urn:other' } }),
      await oidc.tokenFor(ANNA, { claims: { iss: 'https://elsewhere.example' } }),
      `${unsigned}.`,
      unsigned,
      'x',
    ];
    for (const token of tokens) {
      const { status } = await fetch(`${url}/api/workflow/cases`, { headers: { Authorization: `Bearer ${token}` } });
      expect(status).toBe(401);
    }
    expect((await fetch(`${url}/api/workflow/cases`)).status).toBe(401);
    const page = await fetch(`${url}/cases`, { redirect: 'manual', headers: { Cookie: '__Host-formvault=yesterday' } });
    expect([page.status, page.headers.get('location')]).toEqual([303, '/sign-in?return=%2Fcases']);
  });
});
