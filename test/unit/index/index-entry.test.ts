import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import { entryOf, isSubmissionKey } from '../../../src/index/index-entry.ts';
import { attachmentKey, encodeMetadata, submissionKey, suffixedKey } from '../../../src/vault/object-layout.ts';

const bucket = 'dev-cop-case';
const digest = 'c0ffee12'.repeat(8);
const submittedAtMs = Date.UTC(2024, 1, 29, 8, 5, 9);

type Given = {
  caseId?: string;
  name?: string;
  submittedBy?: string;
  title?: string;
  tenantId?: string | null;
  body?: object | string;
};

/** As `persist-submission.ts` writes it. */
function anObject(given: Given = {}) {
  const { caseId = 'CASE-1', name = 'site-visit', submittedBy = 'anna@example.com', title = 'Site visit' } = given;
  const { tenantId = null, body = {} } = given;
  const key = submissionKey({ tenantId, caseId, formName: name, submittedBy, submittedAtMs });
  const metadata = encodeMetadata({
    processInstanceId: 'p-1',
    processDefinitionId: 'visit:1:1',
    formId: 'f-1',
    formVersionId: 'v-1',
    name,
    title,
    submittedBy,
    submissionDate: '2024-02-29T08:05:09.123Z',
    businessKey: caseId,
    digest,
    source: 'detail/4711#/a b',
    taskId: 't-1',
    activityId: 'fillIn',
    tenantId,
  });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { bucket, key, metadata, body: text, bytes: Buffer.byteLength(text) };
}

const words = (entry: IndexEntry | null): string[] =>
  [...(entry?.words ?? '').matchAll(/'([^']*)'/g)].map(([, word = '']) => word);

describe('the entry of a submission', () => {
  test('says what the metadata say', () => {
    const { words: _words, pairs: _pairs, ...entry } = entryOf(anObject({ body: { note: 'all well' } })) as IndexEntry;
    expect(entry).toEqual({
      bucket,
      key: 'CASE-1/site-visit/anna@example.com-20240229T080509.json',
      caseId: 'CASE-1',
      tenantId: null,
      processInstanceId: 'p-1',
      processDefinitionId: 'visit:1:1',
      formName: 'site-visit',
      title: 'Site visit',
      formId: 'f-1',
      formVersionId: 'v-1',
      submittedBy: 'anna@example.com',
      submissionDate: '2024-02-29T08:05:09.123Z',
      submittedAtMs: submittedAtMs + 123,
      taskId: 't-1',
      activityId: 'fillIn',
      digest,
      source: 'detail/4711#/a b',
      bytes: 19,
    });
  });

  test('is found by its answers: texts, numbers to the last digit, booleans; not by the names of fields', () => {
    const body = '{"fieldName": ["Harbour depot", {"deep": 12345678901234567890}], "inOrder": true, "none": null}';
    const found = words(entryOf(anObject({ body })));
    expect(found).toEqual(expect.arrayContaining(['harbour', 'depot', '12345678901234567890', 'true']));
    expect(found).not.toEqual(expect.arrayContaining(['fieldname']));
    expect(found).not.toEqual(expect.arrayContaining(['null']));
  });

  test('is found by the names of its files, not by their hashes and keys', () => {
    const file = {
      variable: 'photo',
      fileName: 'gate north.png',
      contentType: 'image/png',
      sha256: 'abc123',
      key: 'k/e/y',
    };
    const found = words(entryOf(anObject({ body: { attachments: [file, { own: 'word' }] } })));
    expect(found).toEqual(expect.arrayContaining(['gate', 'north', 'png', 'word']));
    for (const hidden of ['abc123', 'photo', 'image', 'k']) expect(found).not.toContain(hidden);
  });

  test('is not found by pictures and other bytes in its answers', () => {
    const picture = `data:image/png;base64,${'iVBORw0KGgo+'.repeat(20_000)}`;
    const entry = entryOf(anObject({ body: { picture, signature: 'A'.repeat(5_000), note: 'behind' } }));
    expect(words(entry)).toContain('behind');
    expect(words(entry).length).toBeLessThan(40);
  });

  test('is not found by its digest', () => {
    expect(entryOf(anObject())?.words).not.toContain('c0ffee12');
  });

  test.each(['no JSON', '{"open": ', '', '[1', '\u0000'])('with the body %j goes by metadata and key alone', (body) => {
    expect(entryOf(anObject({ body }))).toMatchObject({
      caseId: 'CASE-1',
      formName: 'site-visit',
      title: 'Site visit',
    });
  });

  test.each(['null', '[]', '"text"', '42', '{"form": 1, "process": [], "attachments": {}}'])(
    'takes the body %s',
    (body) => {
      expect(entryOf(anObject({ body }))).toMatchObject({ caseId: 'CASE-1', formName: 'site-visit' });
    },
  );

  test('takes bytes as it takes text', () => {
    const object = anObject({ body: { note: 'Größe' } });
    expect(entryOf({ ...object, body: Buffer.from(object.body) })).toEqual(entryOf(object));
  });

  test('takes a body of 10,000 levels, and one of a megabyte', () => {
    const deep = `${'['.repeat(10_000)}"inside"${']'.repeat(10_000)}`;
    expect(words(entryOf(anObject({ body: deep })))).toContain('inside');
    const large = { first: 'beginning', text: 'many words '.repeat(100_000), last: 'end' };
    expect(words(entryOf(anObject({ body: large })))).toContain('beginning');
  });

  test('knows the whole of what metadata and key hold a part of, from the body', () => {
    const long = {
      caseId: `BF-${'x'.repeat(300)}`,
      name: 'ö'.repeat(400),
      submittedBy: 'é'.repeat(300),
      title: 'ü'.repeat(900),
    };
    const form = { name: long.name, submittedBy: long.submittedBy, title: long.title };
    const whole = anObject({ ...long, body: { form, process: { businessKey: long.caseId } } });
    expect(whole.metadata.name?.length).toBeLessThan(100);
    const { name: formName, ...rest } = long;
    expect(entryOf(whole)).toMatchObject({ ...rest, formName });
    expect(entryOf(anObject(long))?.caseId).toMatch(/^BF-x+~[0-9a-f]{8}$|^BF-x{300}$/);
  });

  test('believes a body about its case only where the key agrees', () => {
    const object = anObject({ body: { process: { businessKey: 'CASE-2', instanceId: 'p-2' } } });
    const { businesskey: _, ...metadata } = object.metadata;
    expect(entryOf({ ...object, metadata })).toMatchObject({ caseId: 'CASE-1', processInstanceId: 'p-1' });
  });

  test('gives back whatever case, form and submitter were called', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
      fc.constantFrom(
        'tenants',
        '.formvault',
        '.',
        '..',
        'a/b',
        '%41',
        ' ',
        'attachments',
        'x.json',
        'anna-20240101T000000',
      ),
    );
    fc.assert(
      fc.property(name, name, name, fc.option(name), (caseId, formName, submittedBy, tenantId) => {
        const form = { name: formName, submittedBy };
        const object = anObject({
          caseId,
          name: formName,
          submittedBy,
          tenantId,
          body: { form, process: { businessKey: caseId } },
        });
        const same = (text: string) => text.toWellFormed();
        const entry = entryOf(object);
        expect(entry).toMatchObject({ caseId: same(caseId), formName: same(formName), submittedBy: same(submittedBy) });
        if (tenantId === null) expect(entry?.tenantId).toBeNull();
      }),
    );
  });

  test('belongs to the tenant of its key', () => {
    expect(entryOf(anObject({ tenantId: 'north/a' }))).toMatchObject({ tenantId: 'north/a', caseId: 'CASE-1' });
    const object = anObject({ tenantId: 'north' });
    const { tenantid: _, ...metadata } = object.metadata;
    expect(entryOf({ ...object, metadata })).toMatchObject({ tenantId: 'north' });
    expect(entryOf({ ...object, metadata: { ...metadata, tenantid: 'south' } })).toMatchObject({ tenantId: 'north' });
  });

  test('with a tenant in its metadata alone belongs to that one', () => {
    const object = anObject();
    expect(entryOf({ ...object, metadata: { ...object.metadata, tenantid: 'north' } })?.tenantId).toBe('north');
  });
});

describe('the entry of an object of the older system', () => {
  const key = 'CASE-1/site visit/anna@example.com-20200131T235900.json';
  const older = { bucket, key, body: '{"note": "all well", "form": {"formVersionId": "v-9"}}', bytes: 54 };

  test('has no digest, and URL-encoded metadata', () => {
    const metadata = {
      processinstanceid: 'p-1',
      processdefinitionid: 'visit:1:1',
      formversionid: 'v-1',
      name: 'site visit',
      title: 'Site visit',
      submittedby: 'anna%40example.com',
      submissiondate: '2020-01-31T23:59:00',
    };
    expect(entryOf({ ...older, metadata })).toMatchObject({
      caseId: 'CASE-1',
      formName: 'site visit',
      submittedBy: 'anna@example.com',
      submittedAtMs: Date.UTC(2020, 0, 31, 23, 59),
      formVersionId: 'v-1',
      digest: null,
      source: null,
    });
  });

  test('goes by its key and body where there are no metadata', () => {
    expect(entryOf({ ...older, metadata: {} })).toMatchObject({
      caseId: 'CASE-1',
      formName: 'site visit',
      title: null,
      submittedBy: 'anna@example.com',
      submissionDate: null,
      submittedAtMs: Date.UTC(2020, 0, 31, 23, 59),
      formVersionId: 'v-9',
      processInstanceId: null,
    });
  });

  test('may have a percent sign, a slash or no time in its key', () => {
    const at = (oddKey: string) => entryOf({ ...older, key: oddKey, metadata: {} });
    expect(at('100%/a/b.json')).toMatchObject({ caseId: '100%', formName: 'a', submittedBy: 'b', submittedAtMs: 0 });
    expect(at('c/forms/site.html/anna-20200131T235900.json')).toMatchObject({
      caseId: 'c',
      formName: 'forms/site.html',
    });
    expect(at('tenants/form/anna-20200131T235900.json')).toMatchObject({ caseId: 'tenants', tenantId: null });
  });
});

describe('a key', () => {
  const plain = submissionKey({ tenantId: null, caseId: 'c', formName: 'f', submittedBy: 'anna', submittedAtMs });
  const ofTenant = submissionKey({ tenantId: 'north', caseId: 'c', formName: 'f', submittedBy: 'anna', submittedAtMs });

  test.each([
    plain,
    ofTenant,
    suffixedKey(plain, digest),
    suffixedKey(plain, digest, 32),
    'c/attachments/anna-20240229T080509.json',
  ])('of a submission is one: %s', (key) => {
    expect(isSubmissionKey(key)).toBe(true);
  });

  test.each([
    attachmentKey(plain, 'photo', 'gate.json'),
    attachmentKey(ofTenant, 'photo', 'gate.json'),
    attachmentKey(plain, 'photo', 'gate.png'),
    '.formvault/feed.json',
    '.formvault/audit/2026/a.json',
    'c/f/anna.txt',
    'c/f.json',
    'feed.json',
    '',
    '/f/anna.json',
  ])('of something else is none: %s', (key) => {
    expect(isSubmissionKey(key)).toBe(false);
    expect(entryOf({ bucket, key, metadata: {}, body: '{}', bytes: 2 })).toBeNull();
  });

  test('with the suffix of its digest belongs to the same submitter', () => {
    const object = { bucket, key: suffixedKey(plain, digest), metadata: {}, body: '{}', bytes: 2 };
    expect(entryOf(object)).toMatchObject({ submittedBy: 'anna', submittedAtMs });
  });
});
