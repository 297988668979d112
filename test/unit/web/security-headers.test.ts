import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectDir } from '../../../dev/servers/cache.ts';
import { aCaseSite, KEY } from './a-case-site.ts';

const PATHS = [
  '/cases',
  '/cases/CASE-1',
  `/cases/CASE-1/submission?key=${KEY}`,
  '/cases/CASE-1/print',
  '/cases/nobody',
];

describe('the headers', () => {
  test.each([...PATHS, '/api/workflow/cases', '/api/openapi.json', '/nobody', '/sign-in', '/signed-out'])(
    'of %s let nobody else store, frame, sniff or trace it',
    async (path) => {
      const site = await aCaseSite();

      const { headers } = await site.ask(path);

      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'permissions-policy': expect.stringContaining('camera=()'),
        'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
      });
      expect(headers['strict-transport-security']).toBeUndefined();
    },
  );

  test.each(PATHS)('of %s allow its own styles and nothing else', async (path) => {
    const site = await aCaseSite();

    const { headers, text } = await site.ask(path);

    const [, style = ''] = /<style>([^<]*)<\/style>/.exec(text) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'self' 'sha256-${hash}'; img-src 'self'; font-src 'none'; ` +
        "form-action 'self' https://id.example.org; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(text).not.toMatch(/<script|\sstyle=|\son\w+=|<iframe|javascript:/i);
  });

  test('ask for https ever after where the browser came by it', async () => {
    const site = await aCaseSite();

    const { headers } = await site.ask('/signed-out', { headers: { 'X-Forwarded-Proto': 'https' } });

    expect(headers['strict-transport-security']).toBe('max-age=31536000');
  });
});

describe('the assets', () => {
  test('may be stored for a year, below an address that holds their hash', async () => {
    const site = await aCaseSite();
    const { text } = await site.ask('/cases');
    const paths = [...text.matchAll(/(?:href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');

    expect(paths).toHaveLength(3);
    for (const path of paths) {
      const { status, headers, text: body } = await site.ask(path, { headers: {} });
      expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
      expect(path.split('/')[2]).toBe(createHash('sha256').update(body).digest('hex').slice(0, 16));
    }
  });

  test('have neither font nor crest of GOV.UK, nor an address of anything else', async () => {
    const site = await aCaseSite();
    const { text } = await site.ask('/cases');
    const [path = ''] = /\/assets\/\w+\/govuk-frontend\.css/.exec(text) ?? [];

    const { text: css } = await site.ask(path);

    expect(css.length).toBeGreaterThan(100_000);
    expect(css).not.toMatch(/GDS|@font-face|url\(|@import|crest|sourceMapping/i);
  });
});

test('the templates escape everything but the style whose texts are escaped already', () => {
  const dir = join(projectDir, 'src', 'web', 'templates');
  const unescaped = readdirSync(dir).flatMap((name) =>
    readFileSync(join(dir, name), 'utf8')
      .split('\n')
      .filter((line) => /\bsafe\b|autoescape|\|\s*dump/.test(line)),
  );

  expect(unescaped.map((line) => line.trim())).toEqual(['<style>{{ runningHeaderStyle | safe }}</style>']);
});
