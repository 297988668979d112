import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { pdfPicture } from '../support/pdf.ts';

const WIDE = { width: 1100, height: 800 };
const NARROW = { width: 360, height: 740 };

export type Shot = { name: string; path: string };

/**
 * Pictures of pages: `<name>-wide.png`, `<name>-narrow.png`, and `<name>-print.png`, the first sheet of paper. `signIn` gets a
 * context to bring cookies into.
 */
export async function takeScreenshots(
  browser: Browser,
  {
    url,
    dir,
    shots,
    signIn,
  }: { url: string; dir: string; shots: readonly Shot[]; signIn?: (context: BrowserContext) => Promise<void> },
): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [size, viewport] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    const context = await browser.newContext({ baseURL: url, viewport, locale: 'en-GB', timezoneId: 'UTC' });
    await signIn?.(context);
    const page = await context.newPage();
    for (const { name, path } of shots) {
      await page.goto(path);
      await page.screenshot({ path: join(dir, `${name}-${size}.png`), fullPage: true, animations: 'disabled' });
      if (size === 'wide') {
        const pdf = await page.pdf({ preferCSSPageSize: true, format: 'A4' });
        await writeFile(join(dir, `${name}-print.png`), await pdfPicture(pdf, 1));
      }
    }
    await context.close();
  }
}
