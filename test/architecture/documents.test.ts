import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  codeBlocks,
  inlineCode,
  projectDir,
  readDocument,
  readDocuments,
  readSources,
  withoutBlocks,
} from './documents.ts';

const documents = readDocuments();
const makefile = readFileSync(join(projectDir, 'Makefile'), 'utf8');
const { scripts, bin } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'));
const sourceNames = new Set([...readSources('src').keys()].map((path) => basename(path)));
const ignored = readFileSync(join(projectDir, '.gitignore'), 'utf8').split('\n');

/** Names of places in the vault or in a BPMN, which look like paths of files here. */
const NOT_OURS = /^(\.formvault\/|detail\/|task\/|tenants\/|forms\/|http|[/.]*\.\.\/x$)|[<>{}…*]/;

test('README.md is at most 150 lines long', () => {
  expect(readDocument('README.md').text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});

describe.each(documents.map((document) => [document.path, document] as const))('%s', (_path, document) => {
  test('has only links that lead somewhere', () => {
    const links = [...withoutBlocks(document.text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');

    expect(links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(link))).toEqual([]);
  });

  test('names only files and folders that exist', () => {
    expect(inlineCode(document).filter((code) => looksLikePath(code) && !isThere(code))).toEqual([]);
  });

  test('names only make targets and npm scripts that exist', () => {
    const all = [...inlineCode(document), ...codeBlocks(document).map(({ code }) => code)].join('\n');
    const targets = [...all.matchAll(/^\s*make ([a-z]+)/gm)].map(([, target]) => target ?? '');
    const npmScripts = [...all.matchAll(/\bnpm run (?:-s )?([a-z]+)/g)].map(([, script]) => script ?? '');
    const programs = [...all.matchAll(/\bnpx ([a-z]+)/g)].map(([, program]) => program ?? '');

    expect(targets.filter((target) => !new RegExp(`^${target}:`, 'm').test(makefile))).toEqual([]);
    expect(npmScripts.filter((script) => !(script in scripts))).toEqual([]);
    expect(programs.filter((program) => !(program in bin))).toEqual([]);
  });

  test('has JSON in its JSON examples', () => {
    const examples = codeBlocks(document)
      .filter(({ language }) => language === 'json')
      .flatMap(({ code }) => (code.startsWith('{"level"') ? code.trim().split('\n') : [code]));

    for (const example of examples) expect(() => JSON.parse(example)).not.toThrow();
  });

  function leadsSomewhere(link: string): boolean {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? document.path : join(document.dir, path);
    if (!existsSync(join(projectDir, target))) return false;
    return anchor === undefined || anchorsOf(readDocument(target).text).includes(anchor);
  }

  function isThere(path: string): boolean {
    const plain = path.replace(/\/$/, '');
    if (sourceNames.has(plain)) return true;
    if (ignored.includes(plain) || ignored.includes(`${plain}/`)) return true;
    return ['', document.dir, 'src', 'docs'].some((dir) => existsSync(join(projectDir, dir, plain)));
  }
});

function looksLikePath(code: string): boolean {
  if (NOT_OURS.test(code) || /\s/.test(code)) return false;
  return /^[\w.-]+(\/[\w.-]+)*\/$/.test(code) || /^\.?[\w-]+(\/[\w.-]+)*\.(ts|js|md|json|sh|yaml|bpmn)$/.test(code);
}

/** As code hosts make them of headings. */
function anchorsOf(text: string): string[] {
  return [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
