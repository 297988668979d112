import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { type CaseSite, openPage, startCaseSite } from '../support/case-site.ts';
import { CASE, FORM_KEY } from '../support/sample-cases.ts';
import { stubSignIn } from '../support/stub-sign-in.ts';
import { PAGES, servicesToShow } from './pages-to-show.ts';

jest.setTimeout(60_000);
const FETCH_MS = 900_000;
const FORM = `/cases/${CASE}/submission?key=${encodeURIComponent(FORM_KEY)}`;

let browser: Browser;
let site: CaseSite;
beforeAll(async () => {
  browser = await launchBrowser();
  site = await startCaseSite(servicesToShow({ signIn: stubSignIn() }));
}, FETCH_MS);
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

async function signedIn(): Promise<Page> {
  const { page } = await openPage(browser, site);
  await page.goto('/sign-in');
  return page;
}

type Stop = { name: string; top: number; isSeen: boolean };

/** Presses Tab until the focus leaves the page; what it stood on, and whether that can be seen. */
async function walk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = [];
  for (;;) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<Stop | null>(`(() => {
      const at = document.activeElement;
      if (at === null || at === document.body) return null;
      const { outlineStyle, boxShadow, borderColor } = getComputedStyle(at);
      const box = at.getBoundingClientRect();
      const shows = boxShadow !== 'none' || outlineStyle !== 'none';
      const label = at.labels?.[0]?.innerText ?? at.getAttribute('aria-label') ?? at.innerText;
      return {
        name: label.trim().split('\\n')[0],
        top: box.top + scrollY,
        isSeen: shows && box.width > 0 && box.bottom > 0 && box.top < innerHeight,
      };
    })()`);
    if (stop === null) return stops;
    stops.push(stop);
  }
}

const TARGETS = 'a[href], button, input, summary, [tabindex="0"]';

test.each(PAGES)(
  'on %s the Tab key reaches everything once, from top to bottom, and shows where it is',
  async (_name, path) => {
    const page = await signedIn();
    await page.goto(path);
    const targets = await page.locator(TARGETS).count();

    const stops = await walk(page);

    expect(stops.filter(({ isSeen }) => !isSeen)).toEqual([]);
    expect(stops.length).toBe(targets);
    const tops = stops.slice(1).map(({ top }) => Math.round(top / 60));
    expect(tops).toEqual(tops.toSorted((a, b) => a - b));
    await page.context().close();
  },
);

test('the first stop of a page leads past its head', async () => {
  const page = await signedIn();
  await page.goto(FORM);

  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');

  expect(await page.evaluate('document.activeElement.innerText')).toBe('Print this form');
  await page.context().close();
});

test('a person finds a case, opens a form and prints it without a mouse', async () => {
  const page = await signedIn();
  await page.goto('/cases');

  await tabTo(page, 'Words, names or a case id');
  await page.keyboard.type(CASE);
  await page.keyboard.press('Enter');
  await page.waitForURL(/query=/);
  await tabTo(page, CASE);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/cases/${CASE}`);
  await tabTo(page, 'Site visit');
  await page.keyboard.press('Enter');
  await page.waitForURL(/submission\?key=/);
  await tabTo(page, 'Print this form');
  await page.keyboard.press('Enter');
  await page.waitForURL(/print=true/);

  await expect(page.locator('h1').innerText()).resolves.toBe('Site visit');
  await page.context().close();
});

test('a wide table is scrolled by keys', async () => {
  const { page } = await openPage(browser, site, { viewport: { width: 320, height: 568 } });
  await page.goto('/sign-in');
  await page.goto(FORM);
  const box = page.locator('.fv-scroll').first();

  await box.focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(`document.querySelector('.fv-scroll').scrollLeft > 0`);

  expect(await box.getAttribute('aria-labelledby')).toBe(await page.locator('caption').first().getAttribute('id'));
  await page.context().close();
});

async function tabTo(page: Page, name: string): Promise<void> {
  for (let stop = 0; stop < 40; stop++) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate<string>(
      `(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()`,
    );
    if (text === name) return;
  }
  throw new Error(`no stop of the Tab key is called ${name}`);
}
