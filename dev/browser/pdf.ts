import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { getDocument, type PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';

const STANDARD_FONTS = `${join(dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json')), 'standard_fonts')}/`;

/** The text of each sheet of paper, in the order in which it is drawn. */
export async function pdfTexts(pdf: Uint8Array): Promise<string[]> {
  return withDocument(pdf, async (document) => {
    const texts: string[] = [];
    for (let number = 1; number <= document.numPages; number++) {
      const { items } = await (await document.getPage(number)).getTextContent();
      texts.push(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join(''));
    }
    return texts;
  });
}

/** A sheet of paper as PNG; counted from 1. */
export async function pdfPicture(pdf: Uint8Array, number: number): Promise<Uint8Array> {
  const { createCanvas } = await import('@napi-rs/canvas');
  return withDocument(pdf, async (document) => {
    const page = await document.getPage(number);
    const viewport = page.getViewport({ scale: 1.4 });
    const canvas = createCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
    // It draws like a canvas of a browser, whose type this project does not know.
    await page.render({ canvas: canvas as never, viewport }).promise;
    return canvas.toBuffer('image/png');
  });
}

async function withDocument<T>(pdf: Uint8Array, use: (document: PDFDocumentProxy) => Promise<T>): Promise<T> {
  const loading = getDocument({ data: new Uint8Array(pdf), verbosity: 0, standardFontDataUrl: STANDARD_FONTS });
  try {
    return await use(await loading.promise);
  } finally {
    await loading.destroy();
  }
}
