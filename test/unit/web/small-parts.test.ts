import { describe, expect, test } from '@jest/globals';
import { contentDisposition } from '../../../src/web/content-disposition.ts';
import { pageLinks } from '../../../src/web/pages/page-links.ts';
import { signInPath } from '../../../src/web/sign-in-path.ts';
import { isLoopback } from '../../../src/web/whence.ts';

describe('the name of a download', () => {
  test.each([
    ['gate.png', `attachment; filename="gate.png"; filename*=UTF-8''gate.png`],
    ['Größe 1.pdf', `attachment; filename="Große 1.pdf"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.pdf`.replace('ß', '_')],
    ['a"b\\c/d.txt', `attachment; filename="a_b_c_d.txt"; filename*=UTF-8''a%22b_c_d.txt`],
    [
      'x\r\nSet-Cookie: a=b',
      `attachment; filename="x  Set-Cookie: a=b"; filename*=UTF-8''x%20%20Set-Cookie%3A%20a%3Db`,
    ],
    ["it's (1)*.doc", `attachment; filename="it's (1)*.doc"; filename*=UTF-8''it%27s%20%281%29%2A.doc`],
    ['', `attachment; filename="file"; filename*=UTF-8''file`],
    ['\ud800', `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
  ])('%j cannot break out of its header', (fileName, header) => {
    expect(contentDisposition(fileName)).toBe(header);
  });
});

describe('the way to the sign-in', () => {
  test('names the way back', () => {
    expect(signInPath('/cases/A?x=1&y=2')).toBe('/sign-in?return=%2Fcases%2FA%3Fx%3D1%26y%3D2');
  });

  test('leads back to nobody else', () => {
    expect(signInPath('//evil.example/cases')).toBe('/sign-in?return=%2Fcases');
  });
});

describe('the pages of results', () => {
  const hrefs = (number: number, total: number) => {
    const links = pageLinks({ number, size: 10 }, total, (each) => `p${each}`);
    const items = links?.items.map((item) => ('ellipsis' in item ? '…' : `${item.number}${item.current ? '!' : ''}`));
    return links === null ? null : [links.previous?.href, items?.join(' '), links.next?.href];
  };

  test.each([
    [0, 0, null],
    [0, 10, null],
    [0, 11, [undefined, '1! 2', 'p1']],
    [5, 200, ['p4', '1 … 5 6! 7 … 20', 'p6']],
    [19, 200, ['p18', '1 … 19 20!', undefined]],
    [99, 200, ['p19', '1 … 20', undefined]],
    [3, 0, ['p0', '', undefined]],
  ])('from page %d of %d results are %j', (number, total, expected) => {
    expect(hrefs(number, total)).toEqual(expected);
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['localhost', true],
  ['a.localhost', true],
  ['::1', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.4', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
])('the address %s is one of this machine alone: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
