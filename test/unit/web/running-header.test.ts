import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pageStyle } from '../../../src/web/running-header.ts';

describe('the running header', () => {
  test('is for all sheets of paper, or for those of one form', () => {
    const { css } = pageStyle([
      { page: null, texts: ['Case A'] },
      { page: 2, texts: ['Case A', 'visit'] },
    ]);

    expect(css).toBe(
      '@page{@top-left{content:"Case A"}}@page form-2{@top-left{content:"Case A \\b7  visit"}}#form-2{page:form-2}',
    );
  });

  test('has a hash that a content policy can name', () => {
    const { css, hash } = pageStyle([{ page: null, texts: ['x'] }]);

    expect(hash).toBe(createHash('sha256').update(css).digest('base64'));
  });

  test('cannot be left by any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(pageStyle([{ page: null, texts: [text] }]).css).toMatch(
          /^@page\{@top-left\{content:"[A-Za-z0-9 \\]*"\}\}$/,
        );
      }),
    );
    expect(pageStyle([{ page: null, texts: ['"}</style><script>\\'] }]).css).not.toMatch(/[<>]|""/);
  });

  test('holds the beginning of a long text, without marks that would turn it around', () => {
    const { css } = pageStyle([{ page: null, texts: ['a\u202Eb\nc', 'x'.repeat(300)] }]);

    expect(css).toContain('"a b c ');
    expect(css).toContain(`${'x'.repeat(69)}\\2026 "`);
  });
});
