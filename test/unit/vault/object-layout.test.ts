import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  attachmentKey,
  attachmentKeys,
  bucketName,
  FEED_STATE_KEY,
  safeContentType,
  safeSegment,
  submissionKey,
  suffixedKey,
} from '../../../src/vault/object-layout.ts';

const place = {
  tenantId: null,
  caseId: 'CASE-1',
  formName: 'site-visit',
  submittedBy: 'anna@example.com',
  submittedAtMs: Date.UTC(2024, 1, 29, 8, 5, 9, 999),
};
const digest = 'c0ffee12'.repeat(8);

/** Everything a form or an engine may hold: also lone surrogates, controls, marks, and the characters that names are cut at. */
const unit = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom(
    '/',
    '\\',
    '%',
    '.',
    ' ',
    '~',
    '\u0307',
    '\u0301',
    'F',
    'e',
    '\ud83d',
    '\udc00',
    '\uffff',
    '\ufeff',
    '🧾',
    '\u0085',
  ),
);
const text = fc.oneof(
  fc.array(unit, { maxLength: 20 }).map((units) => units.join('')),
  fc.array(unit, { minLength: 40, maxLength: 300 }).map((units) => units.join('')),
);
const someText = text.filter((value) => value !== '');

describe('V5: a bucket name', () => {
  test.each([
    ['Prod', 'cop-case', 'prod-cop-case'],
    [' dev ', ' Visits ', 'dev-visits'],
    ['a', 'b.c', 'a-b.c'],
    ['p', 'x'.repeat(61), `p-${'x'.repeat(61)}`],
  ])('is %j and %j in lower case without outer blanks', (environment, product, bucket) => {
    expect(bucketName(environment, product)).toEqual({ bucket });
  });

  test.each([
    ['prod', '', 'begins and ends'],
    ['', 'visits', 'begins and ends'],
    ['.dev', 'visits', 'begins and ends'],
    ['prod', 'visits.', 'begins and ends'],
    ['prod', 'site_visit', 'letters a to z'],
    ['prod', 'a/b', 'letters a to z'],
    ['prod', 'größe', 'letters a to z'],
    ['prod', 'a\nb', 'letters a to z'],
    ['prod', 'x'.repeat(59), '3 to 63'],
    ['', '', '3 to 63'],
    ['prod', 'a..b', 'two dots'],
    ['xn-', 'visits', 'xn--'],
    ['sthree', 'visits', 'sthree-'],
    ['amzn-s3-demo', 'visits', 'amzn-s3-demo-'],
    ['prod', 's3alias', '-s3alias'],
    ['prod', '-ol-s3', '--ol-s3'],
    ['prod', 'visits.mrap', '.mrap'],
    ['prod', 'use1-az4--x-s3', '--x-s3'],
    ['prod', 'a--table-s3', '--table-s3'],
  ])('of %j and %j is refused with the rule', (environment, product, rule) => {
    expect(bucketName(environment, product)).toEqual({ problem: expect.stringContaining(rule) });
  });
});

describe('the key of a submission', () => {
  test('is case, form, submitter and time in UTC', () => {
    expect(submissionKey(place)).toBe('CASE-1/site-visit/anna@example.com-20240229T080509.json');
  });

  test('begins with the tenant where there is one', () => {
    expect(submissionKey({ ...place, tenantId: 'north' })).toBe(
      'tenants/north/CASE-1/site-visit/anna@example.com-20240229T080509.json',
    );
  });

  test.each([
    ['tenants', '%74enants'],
    ['.formvault', '%2Eformvault'],
    ['Tenants', 'Tenants'],
  ])('for a case called %s begins with %s', (caseId, segment) => {
    expect(submissionKey({ ...place, caseId }).split('/')[0]).toBe(segment);
  });

  test('gets the first digits of the digest before .json', () => {
    expect(suffixedKey('a/b/c-20240229T080509.json', digest)).toBe('a/b/c-20240229T080509-c0ffee12.json');
  });

  test('is the folder of its files', () => {
    expect(attachmentKey('a/b/c-20240229T080509.json', 'photo', '../p.png')).toBe(
      'a/b/c-20240229T080509/attachments/photo/..%2Fp.png',
    );
  });

  test('holds nothing that S3, a server or XML minds, whatever the names are', () => {
    const names = fc.record({
      tenantId: fc.option(someText),
      caseId: someText,
      formName: someText,
      submittedBy: someText,
      submittedAtMs: fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map(Number),
    });
    fc.assert(
      fc.property(names, text, text, (names, variable, fileName) => {
        const keys = [8, 32].flatMap((digits) => {
          const key = suffixedKey(submissionKey(names), digest, digits);
          return [key, attachmentKey(key, variable, fileName)];
        });
        for (const key of keys) {
          expect(key).not.toBe(FEED_STATE_KEY);
          expect(Buffer.byteLength(key)).toBeLessThan(900);
          expect(key.split('/')).toHaveLength(
            (names.tenantId === null ? 3 : 5) + (key.includes('/attachments/') ? 3 : 0),
          );
          for (const segment of key.split('/')) expectSafe(segment, 255);
        }
        expect(keys[0]?.startsWith('tenants/')).toBe(names.tenantId !== null);
      }),
    );
  });
});

describe('a segment of a key', () => {
  test.each([
    ['site visit #1 + 2', 'site visit #1 + 2'],
    ['größe', 'größe'],
    ['gro\u0308ße', 'größe'],
    ['🧾 receipt', '🧾 receipt'],
    ['../../x', '..%2F..%2Fx'],
    ['a\\b', 'a%5Cb'],
    ['100%', '100%25'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['...', '...'],
    ['.hidden', '.hidden'],
    ['  a b ', '%20%20a b%20'],
    ['\u3000a\u00a0', '%E3%80%80a%C2%A0'],
    [' ', '%20'],
    ['a\tb\u0000\u007f\u0085', 'a%09b%00%7F%C2%85'],
    ['a\ud83d', 'a%EF%BF%BD'],
    ['a\ufffeb\uffff', 'a%EF%BF%BEb%EF%BF%BF'],
    ['a\ufffdb', 'a\ufffdb'],
    ['/\u0307', '%2F%CC%87'],
  ])('is %j as %j', (name, segment) => {
    expect(safeSegment(name)).toBe(segment);
  });

  test('of 150 bytes is whole, a longer one is cut on a character border and ends in its hash', () => {
    expect(safeSegment('é'.repeat(75))).toBe('é'.repeat(75));
    // printf 'é%.0s' {1..76} | sha256sum
    expect(safeSegment('é'.repeat(76))).toBe(`${'é'.repeat(70)}~f6e71921`);
    expect(safeSegment('/'.repeat(300), 100)).toMatch(/^(%2F){30}~[0-9a-f]{8}$/);
  });

  test('is safe, within its bytes and the same each time, whatever the text is', () => {
    fc.assert(
      fc.property(someText, fc.constantFrom(100, 150), (name, maxBytes) => {
        const segment = safeSegment(name, maxBytes);
        expectSafe(segment, maxBytes);
        expect(safeSegment(name.normalize('NFD'), maxBytes)).toBe(safeSegment(name.normalize('NFC'), maxBytes));
        if (!/~[0-9a-f]{8}$/.test(segment))
          expect(decodeURIComponent(segment)).toBe(name.normalize('NFC').toWellFormed());
      }),
    );
  });

  test('differs for texts that differ after NFC', () => {
    const wellFormed = someText.map((name) => name.toWellFormed());
    fc.assert(
      fc.property(wellFormed, wellFormed, (one, other) => {
        fc.pre(one.normalize('NFC') !== other.normalize('NFC'));
        expect(safeSegment(one)).not.toBe(safeSegment(other));
      }),
    );
  });

  test('of five million characters costs no more than reading them', () => {
    expect(safeSegment(' '.repeat(2_500_000) + 'x'.repeat(2_500_000))).toHaveLength(150);
  }, 2_000);
});

describe('the keys of the files of one submission', () => {
  test('are readable where no two are the same', () => {
    const files = [
      { variable: 'photo', fileName: 'a.png' },
      { variable: 'scan', fileName: '' },
    ];
    expect(attachmentKeys('k.json', files)).toEqual(['k/attachments/photo/a.png', 'k/attachments/scan/file']);
  });

  test('differ for variables whose names are the same once they are safe, in whatever order they come', () => {
    const long = 'x'.repeat(200);
    const variables = ['é', 'e\u0301', 'a\ud800', 'a\ud801', long, safeSegment(long, 100), '', 'variable'];
    const keysOf = (names: string[]) =>
      Object.fromEntries(
        attachmentKeys(
          'k.json',
          names.map((variable) => ({ variable, fileName: 'f' })),
        ).map((key, index) => [names[index], key]),
      );
    expect(new Set(Object.values(keysOf(variables))).size).toBe(variables.length);
    expect(keysOf([...variables].reverse())).toEqual(keysOf(variables));
  });
});

test.each([
  ['application/pdf', 'application/pdf'],
  [' text/plain; charset=utf-8 ', 'text/plain; charset=utf-8'],
  ['text/plain; name="a b"', 'text/plain; name="a b"'],
  ['', 'application/octet-stream'],
  ['pdf', 'application/octet-stream'],
  ['text/plain\r\nx-amz-acl: public-read', 'application/octet-stream'],
  ['text/größe', 'application/octet-stream'],
  [`text/${'x'.repeat(300)}`, 'application/octet-stream'],
])('the content type %j is stored as %j', (given, stored) => {
  expect(safeContentType(given)).toBe(stored);
});

function expectSafe(segment: string, maxBytes: number): void {
  expect(segment).not.toBe('');
  expect(segment).not.toMatch(/^\.\.?$|[/\\\p{Cc}\p{Cs}\ufffe\uffff]|^\p{White_Space}|\p{White_Space}$/u);
  expect(segment.normalize('NFC')).toBe(segment);
  expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(maxBytes);
}
