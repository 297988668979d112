import { describe, expect, test } from '@jest/globals';
import { codeOf, type Import, importsOf, readFilesBelow } from './source-files.ts';

/** From the entry to the ground: a file imports from its own part and from those to the right of it. */
const PARTS: string[][] = [
  ['main'],
  ['commands'],
  ['app'],
  ['start-up'],
  ['config'],
  ['feed', 'tasks', 'web'],
  ['pipeline', 'cases'],
  ['index', 'forms', 'audit', 'sign-in'],
  ['access'],
  ['enrichment', 'vault', 'incidents', 'own-process'],
  ['engine', 'object-store'],
  ['submission'],
  ['errors'],
];
/** For everybody; they know of each other and of the errors. */
const LEAVES = ['time', 'observability', 'lifecycle', 'http'];

const SETTINGS_READERS = ['main', 'commands', 'app', 'start-up', 'config'];

const SIDEWAYS = new Set([
  // Pure names, which both sides of a tier need.
  'src/enrichment/enrich-submission.ts -> src/vault/object-layout.ts',
  // It puts the worker together, as app.ts does the whole.
  'src/tasks/worker-part.ts -> src/config.ts',
]);

const sources = readFilesBelow('src', ['.ts']);
const imports = sources.flatMap(importsOf);

function partOf(file: string): string {
  const [, first = ''] = file.split('/');
  return first.replace(/\.ts$/, '').replace(/^(app|config)-.*/, '$1');
}

function rankOf(file: string): number {
  return PARTS.findIndex((parts) => parts.includes(partOf(file)));
}

function isAllowed({ from, to }: Import): boolean {
  if (partOf(from) === partOf(to) || SIDEWAYS.has(`${from} -> ${to}`)) return true;
  if (LEAVES.includes(partOf(from))) return LEAVES.includes(partOf(to)) || partOf(to) === 'errors';
  if (LEAVES.includes(partOf(to))) return true;
  return rankOf(to) > rankOf(from);
}

const shown = ({ from, to }: Import): string => `${from} -> ${to}`;

describe('dependencies', () => {
  test('are found at all', () => {
    expect(imports.map(shown)).toContain('src/pipeline/outcome.ts -> src/errors.ts');
  });

  test('know the part that each file belongs to', () => {
    const strangers = sources.filter(({ path }) => rankOf(path) < 0 && !LEAVES.includes(partOf(path)));
    expect(strangers.map(({ path }) => path)).toEqual([]);
  });

  test('point one way: never left, never sideways', () => {
    expect(imports.filter((each) => !isAllowed(each)).map(shown)).toEqual([]);
  });

  test('are told when they point the wrong way', () => {
    const wrong = [
      { from: 'src/engine/a.ts', to: 'src/enrichment/b.ts' },
      { from: 'src/engine/a.ts', to: 'src/object-store/b.ts' },
      { from: 'src/web/a.ts', to: 'src/feed/b.ts' },
      { from: 'src/tasks/a.ts', to: 'src/feed/b.ts' },
      { from: 'src/pipeline/a.ts', to: 'src/tasks/b.ts' },
      { from: 'src/incidents/a.ts', to: 'src/vault/b.ts' },
      { from: 'src/time/a.ts', to: 'src/submission/b.ts' },
      { from: 'src/errors.ts', to: 'src/submission/b.ts' },
    ];
    expect(wrong.filter(isAllowed)).toEqual([]);
  });

  test('lead to the settings from app and commands only', () => {
    const readers = imports.filter(
      ({ from, to }) => partOf(to) === 'config' && !SETTINGS_READERS.includes(partOf(from)),
    );
    expect(readers.map(shown).filter((each) => !SIDEWAYS.has(each))).toEqual([]);
  });

  test('lead nowhere out of src, and never to a build', () => {
    expect(imports.filter(({ to }) => !to.startsWith('src/') || !to.endsWith('.ts')).map(shown)).toEqual([]);
  });

  test('keep HTTP and S3 away from the submission, and S3 behind its port', () => {
    const clients = sources.flatMap((file) =>
      [...file.text.matchAll(/from '((?:axios|@aws-sdk|@smithy|node:https?)[^']*)'/g)].map(
        ([, name]) => `${partOf(file.path)} ${name}`,
      ),
    );
    expect(clients.filter((each) => !/^(http (axios|node:https?)|object-store (@|node:https?))/.test(each))).toEqual(
      [],
    );
  });

  test('keep each of the other libraries in the one part that is about it', () => {
    const homes: Record<string, string> = {
      'camunda-external-task-client-js': 'tasks',
      fastify: 'web',
      pino: 'observability',
      'prom-client': 'observability',
      'fast-xml-parser': 'enrichment',
      'openid-client': 'sign-in',
      jose: 'sign-in',
      commander: 'main',
    };
    const uses = sources.flatMap((file) =>
      Object.keys(homes)
        .filter((library) => file.text.includes(` from '${library}'`))
        .map((library) => ({ library, part: partOf(file.path) })),
    );
    expect(new Set(uses.map(({ library }) => library))).toEqual(new Set(Object.keys(homes)));
    expect(uses.filter(({ library, part }) => homes[library] !== part)).toEqual([]);
  });
});

describe('the sources', () => {
  test('read the environment in main only', () => {
    const readers = sources.filter((file) => /\bprocess\.env\b/.test(codeOf(file)) && file.path !== 'src/main.ts');
    expect(readers.map(({ path }) => path)).toEqual([]);
  });

  test('have no default exports', () => {
    expect(sources.filter((file) => /\bexport default\b/.test(codeOf(file))).map(({ path }) => path)).toEqual([]);
  });

  test('have no barrels: nothing is exported again', () => {
    expect(sources.filter((file) => /\bexport\b[^;]*?\bfrom\s+'/.test(codeOf(file))).map(({ path }) => path)).toEqual(
      [],
    );
    expect(sources.filter(({ path }) => path.endsWith('/index.ts')).map(({ path }) => path)).toEqual([]);
  });

  test('have names in kebab-case, and no folder for odds and ends', () => {
    const odd = sources.filter(
      ({ path }) => !/^[a-z0-9-/]+(\.d)?\.ts$/.test(path) || /\/(utils?|helpers?|common|lib)\//.test(path),
    );
    expect(odd.map(({ path }) => path)).toEqual([]);
  });

  test('have no file above 500 lines', () => {
    const folders = ['src', 'test', 'dev', 'demo', 'bench', 'bin', 'docs'];
    const files = folders.flatMap((folder) => readFilesBelow(folder, ['.ts', '.js', '.mjs', '.md', '.njk', '.css']));
    expect(files.length).toBeGreaterThan(sources.length);
    const long = files
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .filter(({ lines }) => lines > 500);
    expect(long).toEqual([]);
  });
});
