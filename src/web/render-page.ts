/** Templates with escaping on: what somebody typed is text, whatever it holds. */
import { join } from 'node:path';
import nunjucks from 'nunjucks';
import type { Answer } from '../forms/form-view.ts';
import { type Assets, govukTemplatesDir } from './assets.ts';
import { pageStyle, type RunningHeader } from './running-header.ts';
import { writeBytes, writeCount, writeTime } from './written-out.ts';

export type PageName = 'find-case' | 'case' | 'submission' | 'print' | 'message';

export type PageData = Record<string, unknown>;

export type Page = {
  page: PageName;
  /** Of the document: what tells it from others first. */
  title: string;
  data: PageData;
  runningHeaders: readonly RunningHeader[];
  /** What the person who is signed in is called; `null`: nobody is, or nobody has to. */
  signedInAs: string | null;
};

/** `styleHash`: of its one style element. */
export type RenderPage = (page: Page) => { html: string; styleHash: string };

export function createRenderPage(assets: Assets): RenderPage {
  const loader = new nunjucks.FileSystemLoader([join(import.meta.dirname, 'templates'), govukTemplatesDir()]);
  const environment = new nunjucks.Environment(loader, { autoescape: true, trimBlocks: true, lstripBlocks: true });
  environment.addFilter('time', writeTime);
  environment.addFilter('bytes', writeBytes);
  environment.addFilter('count', writeCount);
  environment.addFilter('shown', showControls);
  environment.addFilter('keepsWords', keepsWords);
  environment.addGlobal('assets', assets);

  return ({ page, title, data, runningHeaders, signedInAs }) => {
    const { css, hash } = pageStyle(runningHeaders);
    const html = environment.render(`${page}.njk`, { ...data, title, runningHeaderStyle: css, signedInAs });
    return { html, styleHash: hash };
  };
}

/**
 * Signs instead of what a browser would drop, so that nobody would see that it is there: control characters. And instead of the two
 * marks that turn any text around, which have no use but to deceive.
 */
function showControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\r\t]|[\u202D\u202E]/gu, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** Of a sheet of paper, less the gaps of a table. */
const LETTERS_IN_A_LINE = 72;

/** Whether each word fits into a column of a printed table; what does not is broken where the column ends. */
function keepsWords(cell: string | Answer, columns: number): boolean {
  const longest = Math.floor(LETTERS_IN_A_LINE / columns);
  return textsOf(cell).every((text) => text.split(/\s+/).every((word) => word.length <= longest));
}

function textsOf(cell: string | Answer): readonly string[] {
  if (typeof cell === 'string') return [cell];
  if (cell.kind === 'text') return [cell.text];
  if (cell.kind === 'choices') return cell.texts;
  if (cell.kind === 'none') return ['Nothing entered'];
  return cell.kind === 'checked'
    ? []
    : [cell.kind === 'file' ? cell.fileName : cell.files.map(({ fileName }) => fileName).join(' ')];
}
