import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { pdfTexts } from '../../dev/browser/pdf.ts';
import { casePath } from '../../src/web/case-path.ts';
import { stubCaseServices } from '../support/builders-cases.ts';
import { type CaseSite, findViolations, openPage, startCaseSite } from '../support/case-site.ts';
import {
  FIELDS,
  HOSTILE_CASE,
  HOSTILE_KEY,
  HOSTILE_TEXTS,
  hostileForm,
  LEVELS,
  LONG_WORD,
  largeForm,
  TURNED,
} from '../support/hostile-cases.ts';

jest.setTimeout(120_000);
const FETCH_MS = 900_000;
const PHONE = { width: 320, height: 568 };
const HEADER = /^Case <img src=x onerror=alert\(1\)> · /;

const formPath = (key: string, more = {}): string =>
  casePath(HOSTILE_CASE, { view: '/submission', parameters: { key, ...more } });

let browser: Browser;
let site: CaseSite;
beforeAll(async () => {
  browser = await launchBrowser();
  site = await startCaseSite(stubCaseServices({ forms: [hostileForm(), largeForm()] }));
}, FETCH_MS);
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

/** What stands between the margins, without what a line break adds. */
const withoutBlanks = (sheets: readonly string[]): string =>
  sheets
    .map((sheet) => sheet.replace(/^.*?Page \d+ of \d+/s, ''))
    .join('')
    .replaceAll(/\s/g, '');

describe('hostile answers', () => {
  test('are shown as text, and nothing of them runs, loads or is hidden', async () => {
    const { page, complaints, strangers } = await openPage(browser, site);
    page.on('dialog', () => complaints.push('a dialog opened'));

    await page.goto(formPath(HOSTILE_KEY));

    const shown = await page.locator('.fv-text').allTextContents();
    expect(shown).toEqual(
      expect.arrayContaining([
        ...HOSTILE_TEXTS,
        ...TURNED.map((each) => each.replaceAll(/[\u202D\u202E]/g, '\ufffd')),
        LONG_WORD,
      ]),
    );
    expect(shown).toContain('bell\u2407 nul\u2400 escape\u241b[31m');
    expect(await page.title()).toContain('</title><script>alert(1)</script>');
    expect(await page.locator('h1').count()).toBe(1);
    expect(await page.locator('script, iframe, svg, img, main style').count()).toBe(0);
    expect([complaints, strangers]).toEqual([[], []]);
    await page.context().close();
  });

  test('turn nothing around but themselves', async () => {
    const { page } = await openPage(browser, site);
    await page.goto(formPath(HOSTILE_KEY));

    const directions = await page.evaluate(
      `[...document.querySelectorAll('.fv-text')].map((each) => getComputedStyle(each).unicodeBidi)`,
    );

    expect(new Set(directions as string[])).toEqual(new Set(['plaintext']));
    await expect(page.locator('dt', { hasText: 'Submitted by' }).locator('+ dd').getAttribute('dir')).resolves.toBe(
      'auto',
    );
    await page.context().close();
  });

  test.each([
    ['the form', formPath(HOSTILE_KEY)],
    ['its case', casePath(HOSTILE_CASE)],
    ['the search', '/cases?query=%3Cscript%3E%20%22'],
    ['the print of the form', formPath(HOSTILE_KEY, { print: 'true' })],
  ])('leave %s usable: it passes axe and needs no scrolling sideways on a phone', async (_name, path) => {
    const { page } = await openPage(browser, site, { viewport: PHONE });

    await page.goto(path);

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    expect(await findViolations(page)).toEqual([]);
    await page.context().close();
  });

  test('nested in many levels are all there, the innermost too', async () => {
    const { page } = await openPage(browser, site);
    await page.goto(formPath(HOSTILE_KEY));

    const headings = await page.locator('.fv-group__heading').allInnerTexts();

    const levels = headings.filter((each) => each.startsWith('Level'));
    expect(levels).toEqual(Array.from({ length: LEVELS }, (_, index) => `Level ${index + 1}.`));
    const box = await page.getByText('the bottom').boundingBox();
    expect(box?.width).toBeGreaterThan(50);
    await page.context().close();
  });

  test('are complete in print, with the header on each sheet', async () => {
    const { page } = await openPage(browser, site);
    await page.goto(formPath(HOSTILE_KEY, { print: 'true' }));

    const sheets = await pdfTexts(await page.pdf({ format: 'A4', preferCSSPageSize: true }));

    const text = withoutBlanks(sheets);
    for (const each of HOSTILE_TEXTS) expect(text).toContain(each.replaceAll(' ', ''));
    expect(text).toContain(LONG_WORD);
    for (let row = 1; row <= 2; row++) {
      for (let column = 0; column < 40; column++) expect(text).toContain(`Column${column}:cell-${row}-${column}.`);
    }
    for (let level = 1; level <= LEVELS; level++) expect(text).toContain(`Level${level}.`);
    expect(text).toContain('thebottom');
    expect(sheets.filter((sheet) => !HEADER.test(sheet))).toEqual([]);
    await page.context().close();
  });

  test('stay within the sheet of paper', async () => {
    const { page } = await openPage(browser, site);
    await page.goto(formPath(HOSTILE_KEY, { print: 'true' }));
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 672, height: 900 }); // 178 mm, what an A4 sheet has between its margins

    const beyond = await page.evaluate(`[...document.querySelectorAll('main *')]
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
      .map((each) => each.outerHTML.slice(0, 120))`);

    expect(beyond).toEqual([]);
    await page.context().close();
  });
});

describe('a form with 5,000 fields', () => {
  test('is shown whole', async () => {
    const { page } = await openPage(browser, site);

    await page.goto(formPath('large.json'));

    expect(await page.locator('.fv-answers dt').count()).toBe(FIELDS);
    await expect(page.locator('.fv-answers dd').last().innerText()).resolves.toBe(`answer-${FIELDS - 1}.`);
    await page.context().close();
  });

  test('is printed whole, together with its case, each form under its own header', async () => {
    const { page } = await openPage(browser, site);
    await page.goto(casePath(HOSTILE_CASE, { view: '/print' }));

    const sheets = await pdfTexts(await page.pdf({ format: 'A4', preferCSSPageSize: true }));

    const text = withoutBlanks(sheets);
    for (let field = 0; field < FIELDS; field++) expect(text).toContain(`answer-${field}.`);
    const headers = [...new Set(sheets.map((sheet) => sheet.split('·')[1]?.trim()))];
    expect(headers).toEqual(
      ['Contents', '</title><script>alert(1)</script>', 'Large form'].map((title) =>
        expect.stringMatching(`^${title.replaceAll(/[()]/g, '\\$&')}`),
      ),
    );
    await page.context().close();
  });
});
