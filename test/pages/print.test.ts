import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../../dev/browser/launch-browser.ts';
import { pdfPicture, pdfTexts } from '../../dev/browser/pdf.ts';
import { aKeptForm, stubCaseServices } from '../support/builders-cases.ts';
import { type CaseSite, openPage, startCaseSite } from '../support/case-site.ts';
import { CASE, FORM_KEY, sampleCases } from '../support/sample-cases.ts';
import { stubSignIn } from '../support/stub-sign-in.ts';
import { PAGES, servicesToShow } from './pages-to-show.ts';

jest.setTimeout(60_000);
const FETCH_MS = 900_000;
const MESSAGES = ['/cases/nobody', '/cases?page=x', '/signed-out'];
const FORM = `/cases/${CASE}/submission?key=${encodeURIComponent(FORM_KEY)}`;
const FORM_HEADER = `Case ${CASE} · Site visit · anna@example.com · 2 March 2026, 09:03 UTC`;

let browser: Browser;
const sites: CaseSite[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
}, FETCH_MS);
afterAll(async () => {
  await browser?.close();
  for (const site of sites) await site.close();
});

/** The sheets of paper that a page makes, as text. */
async function print(path: string, services = servicesToShow({ signIn: stubSignIn() })): Promise<string[]> {
  const site = await startCaseSite(services);
  sites.push(site);
  const { page } = await openPage(browser, site);
  await page.goto('/sign-in');
  await page.goto(path);
  const sheets = await pdfTexts(await page.pdf({ format: 'A4', preferCSSPageSize: true }));
  await page.context().close();
  return sheets;
}

describe('on paper', () => {
  test.each([FORM, `${FORM}&print=true`])('a form has case, form, who and when on each sheet: %s', async (path) => {
    const sheets = await print(path);

    expect(sheets.length).toBe(2);
    for (const [index, sheet] of sheets.entries()) {
      expect(sheet.startsWith(FORM_HEADER)).toBe(true);
      expect(sheet).toContain(`Page ${index + 1} of ${sheets.length}`);
    }
  });

  test('a form has every label and answer, in its order', async () => {
    const text = (await print(`${FORM}&print=true`)).join(' ');
    const inOrder = [
      'The site',
      'Harbour warehouse, north gate',
      'Was the gate locked?',
      'Yes',
      'Telephone of the site',
      'Nothing entered',
      'Cold store',
      'The driver of the first lorry',
      'Consignment',
      'NO-1043',
      'gate north.png',
      'Ingrid Olsen',
      'AB12 CDE',
    ];

    const places = inOrder.map((each) => text.indexOf(each));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  test('a case has a table of contents, and each form begins on a sheet of its own', async () => {
    const [contents = '', ...sheets] = await print(`/cases/${CASE}/print`);

    for (const line of [
      '1. Site visit, anna@example.com',
      '2. handover-note, ben@example.com',
      '3. Request for an inspection',
    ]) {
      expect(contents.replaceAll(/\s+/g, ' ')).toContain(line);
    }
    expect(contents).toMatch(new RegExp(`^Case ${CASE} · Contents`));
    const firstLines = ['1. Site visit', '2. handover-note', '3. Request for an inspection'];
    const beginnings = firstLines.map((line) => sheets.findIndex((sheet) => sheet.includes(line)));
    expect(beginnings).toEqual([0, 2, 3]);
    expect(sheets.map((sheet) => sheet.split('·')[1]?.trim())).toEqual([
      'Site visit',
      'Site visit',
      'handover-note',
      'Request for an inspection',
    ]);
  });

  test('a table that goes over several sheets has its headings on each', async () => {
    const rows = Array.from({ length: 120 }, (_, index) => [{ kind: 'text' as const, text: `row ${index}.` }]);
    const items = [{ kind: 'table' as const, label: 'Goods', columns: ['Consignment'], rows }];
    const form = aKeptForm({ key: FORM_KEY, view: { title: 'Goods', labelledBy: 'definition', items } });

    const sheets = await print(FORM, stubCaseServices({ forms: [form] }, { signIn: stubSignIn() }));

    expect(sheets.length).toBeGreaterThan(2);
    expect(sheets.filter((sheet) => !sheet.includes('Consignment'))).toEqual([]);
    for (let row = 0; row < 120; row++) expect(sheets.join()).toContain(`row ${row}.`);
  });

  test.each(PAGES)('%s has neither navigation nor addresses', async (_name, path) => {
    const text = (await print(path)).join('\n');

    expect(text).not.toMatch(
      /Skip to main|Signed in as|Sign out|Back to|How to search|Print (this|the whole|with)|Next/,
    );
    expect(text).not.toMatch(/\(\/cases|\(#form/);
  });

  test.each(PAGES.filter(([, path]) => MESSAGES.includes(path)))('%s does not offer a link', async (_name, path) => {
    expect((await print(path)).join('\n')).not.toMatch(/^(Find a case|Sign in)$/m);
  });

  test('what is hard to see on a screen is black enough', async () => {
    const site = await startCaseSite(stubCaseServices(sampleCases()));
    sites.push(site);
    const { page } = await openPage(browser, site);
    await page.goto(FORM);
    await page.emulateMedia({ media: 'print' });

    const colours = await page.evaluate<string[]>(
      `[...document.querySelectorAll('main *')].map((each) => getComputedStyle(each).color)`,
    );

    expect([...new Set(colours)].sort()).toEqual(['rgb(0, 0, 0)', 'rgb(72, 73, 73)']);
    await page.context().close();
  });

  test('a picture can be made of a sheet', async () => {
    const site = await startCaseSite(stubCaseServices(sampleCases()));
    sites.push(site);
    const { page } = await openPage(browser, site);
    await page.goto(FORM);

    const picture = await pdfPicture(await page.pdf({ format: 'A4' }), 1);

    expect(Buffer.from(picture.slice(1, 4)).toString()).toBe('PNG');
    expect(picture.length).toBeGreaterThan(20_000);
    await page.context().close();
  });
});
