import { describe, expect, test } from '@jest/globals';
import { plainLabel, plainLines } from '../../../src/forms/plain-text.ts';

describe('a label', () => {
  test.each([
    ['Your <b>full</b> name', 'Your full name'],
    ['Rent<br/>per week', 'Rent per week'],
    ['<p>One</p><p>Two</p>', 'One Two'],
    ['Fish &amp; chips &pound;5&nbsp;&#8211;&#x2013; &unknown;', 'Fish & chips £5 –– &unknown;'],
    ['&lt;script&gt;alert(1)&lt;/script&gt;', '<script>alert(1)</script>'],
    ['a < b and b > c', 'a < b and b > c'],
    ['before <!-- a note --> after', 'before after'],
    ['<!-- never closed', 'never closed'],
    ['<img src=x onerror=alert(1)>Photo', 'Photo'],
    ['  blanks \n and\tlines ', 'blanks and lines'],
    ['&#0;&#x110000;&#xD800;', '&#0;&#x110000;\ufffd'],
    ['<b></b>', ''],
  ])('%j is the words %j', (html, words) => {
    expect(plainLabel(html)).toBe(words);
  });

  test('of absurd length is cut, and costs no time', () => {
    const started = performance.now();
    for (const piece of ['<!--', '<script', '&amp;', '<a href="', '</', ' '])
      expect(plainLabel(`x${piece.repeat(300_000)}`).length).toBeLessThanOrEqual(1_001);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('a text of an editor', () => {
  test.each([
    ['<p>One <strong>two</strong></p><ul><li>three</li><li>four</li></ul>', 'One two\nthree\nfour'],
    ['<p>See <a target="_blank" href="https://example.org/x">here</a>.</p>', 'See here (https://example.org/x).'],
    ['<figure><img src="data:image/png;base64,AAAA"></figure>', '[picture]'],
    ['1 &lt; 2', '1 < 2'],
  ])('%j is %j', (html, lines) => {
    expect(plainLines(html)).toBe(lines);
  });

  test.each(['<script>steal()</script>', '<p>x</p><!-- hidden -->', '<iframe src="x"></iframe>', '<my-tag>x</my-tag>'])(
    'that no editor makes is not read: %s',
    (html) => {
      expect(plainLines(html)).toBeNull();
    },
  );
});
