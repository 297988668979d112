import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { type CaseWorld, createCaseWorld, signInAs } from '../support/case-world.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { testServers } from '../support/servers.ts';

jest.setTimeout(240_000);
const FETCH_MS = 900_000;
const SOON = { withinMs: 30_000, everyMs: 100 };

let browser: Browser;
let engine: CountingProxy;
let s3: CountingProxy;
let world: CaseWorld;
let page: Page;
beforeAll(async () => {
  const servers = testServers();
  browser = await launchBrowser();
  engine = await startCountingProxy(servers.engineUrl);
  s3 = await startCountingProxy(servers.s3.endpoint);
  world = await createCaseWorld({ ENGINE_URL: engine.url, S3_ENDPOINT: s3.url });
  await world.engine.deploy(world.claims.files);
  await world.startFormvault();
  page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await signInAs(page, world, '/cases');
}, FETCH_MS);
afterAll(async () => {
  engine?.pass();
  s3?.pass();
  await browser?.close();
  await world?.end();
  await Promise.all([engine?.close(), s3?.close()]);
});

async function aFoundCase() {
  const claimed = await world.claim();
  await eventually(
    async () => expect((await world.api(`/api/workflow/cases/${claimed.caseId}`)).status).toBe(200),
    SOON,
  );
  return { ...claimed, form: `/cases/${claimed.caseId}/submission?key=${encodeURIComponent(claimed.key)}` };
}

async function read(path: string): Promise<{ status: number; text: string }> {
  const answer = await page.goto(`${world.url}${path}`);
  return { status: answer?.status() ?? 0, text: await page.locator('main').innerText() };
}

test('without the form API a form is shown under the names of its data, and the page says so', async () => {
  const { form } = await aFoundCase();
  world.formApi.failNext(503, Number.POSITIVE_INFINITY);
  const without = await read(form);
  world.formApi.failNext(200, 0);

  expect(without.status).toBe(200);
  expect(without.text).toMatch(/Claimant\s+Jo Field/);
  expect(without.text).toMatch(/form API/);
  await eventually(async () => expect((await read(form)).text).toMatch(/Full name of the claimant\s+Jo Field/), SOON);
});

test('without the engine a case is shown as the vault knows it, and the page says what is missing', async () => {
  const { caseId, form } = await aFoundCase();
  await read('/cases');
  engine.refuse();
  const [list, one, opened] = [await read('/cases'), await read(`/cases/${caseId}`), await read(form)];
  engine.pass();

  for (const { status, text } of [list, one]) {
    expect([status, text]).toEqual([200, expect.stringMatching(/process engine/)]);
  }
  expect(list.text).toContain(caseId);
  expect(one.text).toContain('Claim for housing benefit');
  expect(opened).toEqual({ status: 200, text: expect.stringMatching(/Jo Field/) });
  await eventually(async () => expect((await read(`/cases/${caseId}`)).text).toMatch(/Housing claims/), SOON);
});

test('while S3 is slow pages are slow, not wrong; while it is away nothing is shown that cannot be noted down', async () => {
  const { caseId, form } = await aFoundCase();
  s3.delay(1_500);
  await expect(read(form)).resolves.toEqual({ status: 200, text: expect.stringMatching(/Jo Field/) });
  s3.delay(0);

  s3.refuse();
  const away = await read(`/cases/${caseId}`);
  s3.pass();
  expect(away.status).toBe(503);
  expect(away.text).not.toContain('Claim for housing benefit');
  await eventually(async () => expect((await read(`/cases/${caseId}`)).status).toBe(200), SOON);
});
