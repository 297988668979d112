import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { type CaseSite, openPage, startCaseSite } from '../support/case-site.ts';
import { CASE } from '../support/sample-cases.ts';
import { stubSignIn } from '../support/stub-sign-in.ts';
import { servicesToShow } from './pages-to-show.ts';

jest.setTimeout(60_000);
const FETCH_MS = 900_000;

let browser: Browser;
let site: CaseSite;
let provider: Server;
let providerUrl: string;
beforeAll(async () => {
  browser = await launchBrowser();
  provider = createServer((request, response) => {
    if (request.url === '/trap') {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end(`<form method="post" action="${site.url}/sign-out"><button>Win a prize</button></form>`);
      return;
    }
    const back = new URL(request.url ?? '', providerUrl).searchParams.get('back') ?? '';
    response.writeHead(303, { Location: back }).end();
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  // Another name of this machine, so that it is another site.
  providerUrl = `http://localhost:${(provider.address() as AddressInfo).port}`;
  const through = (back: string): string => `${providerUrl}/?${new URLSearchParams({ back })}`;
  const own = stubSignIn();
  const signIn = stubSignIn({
    async begin(from) {
      const { url, stateCookie } = await own.begin(from);
      return { url: through(url), stateCookie };
    },
    end: async ({ postLogoutRedirectUri }) => through(postLogoutRedirectUri),
    signOutOrigins: [providerUrl],
  });
  site = await startCaseSite(servicesToShow({ signIn }));
}, FETCH_MS);
afterAll(async () => {
  await browser?.close();
  await site?.close();
  provider?.close();
});

test('a person who follows a link to a case signs in at the provider, sees it, and signs out there', async () => {
  const { page, complaints } = await openPage(browser, site);

  await page.goto(`/cases/${CASE}`);

  expect(page.url()).toBe(`${site.url}/cases/${CASE}`);
  await expect(page.locator('header').innerText()).resolves.toMatch(/Signed in as\s*Anna Smith/);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${site.url}/signed-out`);

  await expect(page.locator('h1').innerText()).resolves.toBe('You are signed out');
  await expect(page.locator('header').innerText()).resolves.not.toMatch(/Signed in/);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test('without client script everything works: search, pages, case, form, print, file, sign-out', async () => {
  const { page } = await openPage(browser, site, { javaScriptEnabled: false });
  await page.goto('/cases');

  await page.getByText('How to search').click();
  await page.getByText('forms that this person submitted').waitFor();
  await page.getByLabel('Words, names or a case id').fill('visit');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('link', { name: 'Next' }).click();
  await expect(page.locator('#results').innerText()).resolves.toMatch(/cases found \(page 2 of/);
  await page.goBack();
  await page.getByRole('link', { name: CASE }).click();
  await page.getByRole('link', { name: 'Site visit' }).first().click();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'gate north.png' }).click();
  expect((await download).suggestedFilename()).toBe('gate north.png');
  await page.getByRole('link', { name: 'Print this form' }).click();
  await page.getByRole('link', { name: 'Back to the form' }).click();
  await page.getByRole('link', { name: 'Stored data (JSON)' }).click();
  expect(await page.locator('body').innerText()).toContain('{"data":{"city":"Oslo","ratio":1.50}}');
  await page.goBack();
  await page.getByRole('link', { name: 'Back to the case' }).click();
  await page.getByRole('link', { name: 'Print the whole case' }).click();
  await page.getByRole('link', { name: 'Back to the case' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();

  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await page.context().close();
});

test('a page of another site cannot sign a person out', async () => {
  const { page } = await openPage(browser, site);
  await page.goto('/cases');
  await page.goto(`${providerUrl}/trap`);

  await page.getByRole('button').click();
  await page.waitForURL(`${site.url}/sign-out`);

  await expect(page.locator('h1').innerText()).resolves.toBe('Not allowed from here');
  await page.goto('/cases');
  await expect(page.locator('header').innerText()).resolves.toMatch(/Signed in as/);
  await page.context().close();
});
