import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { pdfPicture } from './pdf.ts';

const WIDE = { width: 1100, height: 800 };
const NARROW = { width: 360, height: 740 };

/**
 * Pictures of pages: `<name>-wide.png`, `<name>-narrow.png`, and `<name>-print.png`, the first sheet of paper.
 * @throws Error where a page fails, so that its failure is not the picture
 */
export async function takePictures(
  browser: Browser,
  { url, dir, paths }: { url: string; dir: string; paths: Record<string, string> },
): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [size, viewport] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    const context = await browser.newContext({ baseURL: url, viewport, locale: 'en-GB', timezoneId: 'UTC' });
    const page = await context.newPage();
    for (const [name, path] of Object.entries(paths)) {
      const answer = await page.goto(path);
      if (answer === null || answer.status() >= 500)
        throw new Error(`${path} answers ${answer?.status() ?? 'nothing'}`);
      await page.screenshot({ path: join(dir, `${name}-${size}.png`), fullPage: true, animations: 'disabled' });
      if (size === 'wide') {
        const pdf = await page.pdf({ preferCSSPageSize: true, format: 'A4' });
        await writeFile(join(dir, `${name}-print.png`), await pdfPicture(pdf, 1));
      }
    }
    await context.close();
  }
}
