import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { safeReturnTo } from '../../../src/sign-in/return-to.ts';

describe('after a sign-in', () => {
  test.each([
    '/cases',
    '/cases?query=form%3Avisit&page=2',
    '/cases/C%2F1/submission?key=C%252F1%2Fvisit%2Fanna.json',
    '/cases/a:b@c',
    '/cases/-?case=..',
  ])('a person goes where they wanted: %s', (path) => {
    expect(safeReturnTo(path)).toBe(path);
  });

  test('a person goes to a path without its anchor, which no server sees', () => {
    expect(safeReturnTo('/cases/C-1#form-2')).toBe('/cases/C-1');
  });

  test.each([
    ['nothing', null],
    ['nothing at all', undefined],
    ['an empty text', ''],
    ['another host', '//evil.example'],
    ['another host with a backslash', '/\\evil.example'],
    ['another host with two', '\\\\evil.example'],
    ['a backslash later', '/cases\\..\\..\\evil.example'],
    ['a backslash in a case', '/cases/\\evil.example'],
    ['another page', '/sign-out'],
    ['another page after dots', '/cases/../sign-out'],
    ['a page that begins alike', '/casesevil'],
    ['an address', 'https://evil.example/cases'],
    ['an address without slashes', 'https:evil.example'],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:text/html,x'],
    ['a path without its slash', 'cases'],
    ['a blank in front', ' /cases'],
    ['another host after a tab', '/\t/evil.example'],
    ['another host after a line break', '/\n/evil.example'],
    ['a header', '/cases\r\nSet-Cookie: a=b'],
    ['another host after dots', '/..//evil.example'],
    ['another host after encoded dots', '/%2e%2e//evil.example'],
    ['another host after a dot', '/.//evil.example'],
    ['a sign that no address has', '/cases/é'],
    ['a list', ['/cases'] as unknown as string],
    ['a very long path', `/${'a'.repeat(5_000)}`],
  ])('%s leads to the beginning', (_what, text) => {
    expect(safeReturnTo(text)).toBe('/cases');
  });

  test('no text leads a browser away from us', () => {
    const pieces = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      'evil.example',
      '@',
      ':',
      '?',
      '#',
      '\t',
      'a',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces).map((some) => some.join('')),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const path = safeReturnTo(text);
        expect(new URL(path, 'https://formvault.example/sign-in/callback').origin).toBe('https://formvault.example');
        expect(path).toMatch(/^\/(?!\/)/);
      }),
      { numRuns: 2_000 },
    );
  });
});
