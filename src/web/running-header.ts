/**
 * What stands at the top of every printed page, in the margin: case, form, who and when.
 *
 * A page of paper knows only style sheets, so the texts become strings of CSS in the one style element of a page, whose hash its
 * content policy names. Every character but plain letters and digits is escaped: no text can end the string or the element.
 */
import { createHash } from 'node:crypto';

/** `page`: the parts of the document that it is for, by the CSS page they are printed on; `null` for all others. */
export type RunningHeader = { page: number | null; texts: readonly string[] };

const MAX_TEXT_LENGTH = 70;

export function pageStyle(headers: readonly RunningHeader[]): { css: string; hash: string } {
  const css = headers.map(({ page, texts }) => pageRules(page, texts)).join('');
  return { css, hash: createHash('sha256').update(css).digest('base64') };
}

function pageRules(page: number | null, texts: readonly string[]): string {
  const name = page === null ? '' : ` form-${page}`;
  const place = page === null ? '' : `#form-${page}{page:form-${page}}`;
  return `@page${name}{@top-left{content:"${cssString(texts.map(shortened).join(' \u00b7 '))}"}}${place}`;
}

/** In full they stand at the beginning of the form. */
function shortened(text: string): string {
  const characters = Array.from(text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]+/gu, ' '));
  return characters.length <= MAX_TEXT_LENGTH
    ? characters.join('')
    : `${characters.slice(0, MAX_TEXT_LENGTH - 1).join('')}…`;
}

function cssString(text: string): string {
  return Array.from(text, (character) =>
    /[A-Za-z0-9 ]/.test(character) ? character : `\\${character.codePointAt(0)?.toString(16)} `,
  ).join('');
}
