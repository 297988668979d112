/**
 * What pages load: two style sheets and an icon, read once, served below an address that holds the hash of what is in them.
 *
 * The style sheet of govuk-frontend comes without its fonts and its crest, which are reserved for GOV.UK.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export type Asset = { path: string; contentType: string; body: Buffer };

export type Assets = { govukStyle: Asset; style: Asset; icon: Asset };

const CSS = 'text/css; charset=utf-8';
/** In this order: what paper needs goes over what screens do. */
const STYLES = ['pages.css', 'form.css', 'print.css'];

/** Where the macros of govuk-frontend are, as `govuk/components/…`. */
export function govukTemplatesDir(): string {
  return dirname(dirname(govukStylePath()));
}

export function readAssets(): Assets {
  const own = join(import.meta.dirname, 'styles');
  return {
    govukStyle: asset('govuk-frontend.css', CSS, withoutReserved(readFileSync(govukStylePath(), 'utf8'))),
    style: asset('formvault.css', CSS, STYLES.map((name) => readFileSync(join(own, name), 'utf8')).join('\n')),
    icon: asset('icon.svg', 'image/svg+xml', readFileSync(join(own, 'icon.svg'), 'utf8')),
  };
}

function govukStylePath(): string {
  return createRequire(import.meta.url).resolve('govuk-frontend/dist/govuk/govuk-frontend.min.css');
}

function withoutReserved(css: string): string {
  return css
    .replaceAll(/@font-face\{[^}]*\}/g, '')
    .replaceAll('GDS Transport,arial,sans-serif', 'arial,helvetica,sans-serif')
    .replaceAll('GDS Transport', 'arial')
    .replaceAll(/url\([^)]*\)/g, 'none')
    .replaceAll(/\/\*[#!][\s\S]*?\*\//g, '');
}

function asset(name: string, contentType: string, text: string): Asset {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { path: `/assets/${hash}/${name}`, contentType, body: Buffer.from(text) };
}
