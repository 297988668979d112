import { chromium, type Locator } from 'playwright-core';
import { findChromium } from '../../dev/servers/chromium.ts';

const LONGEST_WAIT_MS = 30_000;
/** Below the banner with news of the vendor, above the line with the version; dialogs fit in. */
const PICTURE = { x: 0, y: 24, width: 1280, height: 692 };
const VIEWPORT = { width: PICTURE.width, height: 740 };

/** Cockpit in a browser, as an operator sees it; selectors hold for Camunda and for Operaton. */
export type Cockpit = {
  /** Opens the incidents of a process instance. */
  openIncidents(processInstanceId: string): Promise<void>;
  /** The incidents that are listed. */
  incidents: Locator;
  /** The counts of incidents in the diagram. */
  badges: Locator;
  /** Follows the message of an incident to its stack trace. */
  openStackTrace(incident: Locator): Promise<Locator>;
  closeStackTrace(): Promise<void>;
  /** The button beside the incident, and the dialog that asks whether one is sure. */
  retry(incident: Locator): Promise<void>;
  reload(): Promise<void>;
  savePicture(path: string): Promise<void>;
  close(): Promise<void>;
};

/** Fetches a browser if there is none, and signs in. */
export async function openCockpit(webappUrl: string, person: { name: string; password: string }): Promise<Cockpit> {
  const browser = await chromium.launch({
    executablePath: await findChromium(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    const page = await browser.newPage({ viewport: VIEWPORT, locale: 'en-GB', timezoneId: 'UTC' });
    page.setDefaultTimeout(LONGEST_WAIT_MS);
    const home = `${webappUrl}/app/cockpit/default/`;
    const dialog = page.getByRole('dialog');
    const incidents = page.locator('table.incidents-tab tbody tr');

    await page.goto(home);
    await page.getByPlaceholder('Username').fill(person.name);
    await page.getByPlaceholder('Password').fill(person.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('.account').waitFor();

    return {
      incidents,
      badges: page.locator('.djs-overlays .badge-important').filter({ hasText: /\d/ }),
      async openIncidents(processInstanceId) {
        await page.goto(`${home}#/process-instance/${processInstanceId}/runtime`);
        await page.getByText('Incidents', { exact: true }).click();
        await incidents.first().waitFor();
      },
      async openStackTrace(incident) {
        await incident.locator('td.message a').click();
        const text = dialog.locator('textarea');
        await text.waitFor();
        return text;
      },
      async closeStackTrace() {
        await dialog.getByRole('button', { name: 'Close' }).click();
        await dialog.waitFor({ state: 'detached' });
      },
      async retry(incident) {
        await incident.locator('td.action a:visible').click();
        await dialog.getByRole('button', { name: 'Retry' }).click();
        await dialog.getByRole('button', { name: 'OK' }).click();
        await dialog.waitFor({ state: 'detached' });
      },
      async reload() {
        await page.reload();
        await page.locator('.djs-overlays .badge').first().waitFor();
      },
      async savePicture(path) {
        await page.mouse.move(0, 0);
        await page.evaluate('document.activeElement.blur()');
        await page.screenshot({ path, clip: PICTURE, animations: 'disabled' });
      },
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
