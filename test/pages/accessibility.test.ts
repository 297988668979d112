import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { FormvaultError } from '../../src/errors.ts';
import { stubCaseServices } from '../support/builders-cases.ts';
import { type CaseSite, findViolations, openPage, startCaseSite } from '../support/case-site.ts';
import { stubSignIn } from '../support/stub-sign-in.ts';
import { PAGES, PAGES_WHILE_AWAY, servicesToShow } from './pages-to-show.ts';

jest.setTimeout(60_000);
const FETCH_MS = 900_000;
const NARROW = { width: 320, height: 568 };

let browser: Browser;
const sites: CaseSite[] = [];

async function aSite(services = servicesToShow({ signIn: stubSignIn() })): Promise<CaseSite> {
  const site = await startCaseSite(services);
  sites.push(site);
  return site;
}

let site: CaseSite;
beforeAll(async () => {
  browser = await launchBrowser();
  site = await aSite();
}, FETCH_MS);
afterAll(async () => {
  await browser?.close();
  for (const each of sites) await each.close();
});

test.each(PAGES)(
  '%s has nothing that axe finds against WCAG 2.2 AA, and asks for nothing elsewhere',
  async (_name, path) => {
    const { page, complaints, strangers } = await openPage(browser, site);
    await page.goto('/sign-in');

    const answer = await page.goto(path);
    await openDetails(page);

    expect(await findViolations(page)).toEqual([]);
    expect(strangers).toEqual([]);
    const failed = answer?.ok() ? [] : [expect.stringMatching(/^Failed to load resource.*4\d\d/)];
    expect(complaints).toEqual(failed);
    await page.context().close();
  },
);

test.each(PAGES_WHILE_AWAY)('%s, while services are away, says what is missing and passes axe', async (_name, path) => {
  const away = await aSite(servicesToShow({ away: ['engine', 'form-api'], ignored: ['from:soon'] }));
  const { page } = await openPage(browser, away);

  await page.goto(path);

  expect(await findViolations(page)).toEqual([]);
  await expect(page.locator('.govuk-inset-text').first().innerText()).resolves.toMatch(/does not answer now/);
  await page.context().close();
});

test.each(['ENGINE_UNAVAILABLE', 'UNEXPECTED'] as const)('the page after %s passes axe', async (code) => {
  const visibilityOf = () => Promise.reject(new FormvaultError(code, 'could not ask'));
  const failing = await aSite(stubCaseServices({}, { visibilityOf }));
  const { page } = await openPage(browser, failing);

  await page.goto('/cases');

  await expect(page.locator('h1').innerText()).resolves.toMatch(/^(Not available now|Something went wrong)$/);
  expect(await findViolations(page)).toEqual([]);
  await page.context().close();
});

test('axe finds what is wrong, where something is', async () => {
  const { page } = await openPage(browser, site);
  await page.goto('/signed-out');
  await page.evaluate(`document.querySelector('main').innerHTML = '<img src="/x"><a href="/y"></a>'`);

  expect((await findViolations(page)).map((each) => each.split(':')[0])).toEqual(
    expect.arrayContaining(['image-alt', 'link-name']),
  );
  await page.context().close();
});

describe('at 400 % zoom', () => {
  test.each(PAGES)(
    '%s passes axe and needs no scrolling sideways, but in the boxes of its tables',
    async (_name, path) => {
      const { page } = await openPage(browser, site, { viewport: NARROW });
      await page.goto('/sign-in');

      await page.goto(path);
      await openDetails(page);

      const beyond = await page.evaluate<string[]>(`[...document.querySelectorAll('body *')]
      .filter((each) => !each.closest('.fv-scroll table, .govuk-visually-hidden, .govuk-skip-link'))
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 || each.getBoundingClientRect().left < -1)
      .map((each) => each.outerHTML.slice(0, 120))`);
      expect(beyond).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(NARROW.width);
      expect(await findViolations(page)).toEqual([]);
      await page.context().close();
    },
  );

  test('text with the spacing of WCAG 1.4.12 is not cut', async () => {
    const { page } = await openPage(browser, site, { viewport: NARROW, bypassCSP: true });
    await page.goto('/sign-in');
    for (const [, path] of PAGES) {
      await page.goto(path);
      const content =
        '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } ' +
        'p { margin-bottom: 2em !important }';
      await page.addStyleTag({ content });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(NARROW.width);
    }
    await page.context().close();
  });
});

test('with forced colours states are told in words, and focus and boxes have lines', async () => {
  const { page } = await openPage(browser, site, { forcedColors: 'active' });
  await page.goto('/sign-in');

  await page.goto(PAGES.find(([name]) => name === 'a case')?.[1] ?? '');
  const states = await page.locator('.fv-state').allInnerTexts();
  await page.goto(PAGES.find(([name]) => name === 'a form')?.[1] ?? '');
  await page.locator('.fv-scroll').first().focus();
  const outline = await page.evaluate(`getComputedStyle(document.activeElement).outline`);

  expect(states.map((state) => state.replace('State: ', '').trim())).toEqual(['Running', 'Ended']);
  expect(outline).toMatch(/solid 3px$/);
  expect(await findViolations(page)).toEqual([]);
  await page.context().close();
});

async function openDetails(page: Page): Promise<void> {
  for (const details of await page.locator('details').all()) await details.locator('summary').click();
}
