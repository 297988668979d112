import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SubmissionMetadata } from '../../../src/submission/submission.ts';
import { decodeMetadataValue, encodeMetadata } from '../../../src/vault/object-layout.ts';

const metadata: SubmissionMetadata = {
  processInstanceId: '3f1b7a52-0c1e-11ef-9a40-0242ac120002',
  processDefinitionId: 'visit:3:2c9e',
  formId: 'f-1',
  formVersionId: 'v-2',
  name: 'site-visit',
  title: 'Site visit',
  submittedBy: 'anna@example.com',
  submissionDate: '2024-02-29T08:05:09Z',
  businessKey: 'CASE-1',
  digest: 'c0ffee12'.repeat(8),
  source: 'detail/4711#/visits/0',
  taskId: null,
  activityId: 'fillIn',
  tenantId: null,
};
const ids = ['processinstanceid', 'processdefinitionid', 'digest', 'activityid', 'formid', 'formversionid'];

test('metadata carries every value that is there under its name', () => {
  expect(encodeMetadata({ ...metadata, taskId: 't-9', tenantId: 'north' })).toEqual({
    processinstanceid: metadata.processInstanceId,
    processdefinitionid: 'visit:3:2c9e',
    formid: 'f-1',
    formversionid: 'v-2',
    name: 'site-visit',
    title: 'Site visit',
    submittedby: 'anna@example.com',
    submissiondate: '2024-02-29T08:05:09Z',
    businesskey: 'CASE-1',
    digest: metadata.digest,
    source: 'detail/4711#/visits/0',
    taskid: 't-9',
    activityid: 'fillIn',
    tenantid: 'north',
  });
});

test('metadata leaves out what is absent', () => {
  const encoded = encodeMetadata({ ...metadata, formId: null, formVersionId: null, title: null, businessKey: null });
  expect(Object.keys(encoded).sort()).toEqual([
    'activityid',
    'digest',
    'name',
    'processdefinitionid',
    'processinstanceid',
    'source',
    'submissiondate',
    'submittedby',
  ]);
});

test.each([
  ['Anna (North) & "Bob" <x>', 'Anna (North) & "Bob" <x>'],
  ['100%', '100%25'],
  ['größe', 'gr%C3%B6%C3%9Fe'],
  ['a\nb', 'a%0Ab'],
  ['a\ud83d', 'a%EF%BF%BD'],
  [' a', '%20a'],
  ['a  b', 'a%20%20b'],
  ['=?UTF-8?Q?a?=', '%3D%3FUTF-8%3FQ%3Fa%3F%3D'],
])('the title %j is stored as %j', (title, stored) => {
  expect(encodeMetadata({ ...metadata, title }).title).toBe(stored);
});

test('a value of the older system with a bare percent sign is read as it is', () => {
  expect(decodeMetadataValue('100% sure')).toBe('100% sure');
});

test('a title that is too long is cut on a character border, and nothing else', () => {
  const encoded = encodeMetadata({ ...metadata, title: '🧾'.repeat(1000) });
  const { title, ...others } = encodeMetadata(metadata);
  expect(encoded).toMatchObject(others);
  expect(bytesOf(encoded)).toBeGreaterThan(2048 - 12);
  expect(decodeMetadataValue(encoded.title ?? '')).toMatch(/^(🧾)+$/u);
  expect(title).toBe('Site visit');
});

test('title, name, submitter and business key are cut in this order, each to 64 bytes before the next', () => {
  const long = 'x'.repeat(1000);
  const lengthsOf = (changed: Partial<SubmissionMetadata>) => {
    const { title = '', name = '', submittedby = '', businesskey = '' } = encodeMetadata({ ...metadata, ...changed });
    return [title, name, submittedby, businesskey].map((value) => value.length);
  };
  const all = { title: long, name: long, submittedBy: long, businessKey: long };
  expect(lengthsOf({ ...all, name: 'n', submittedBy: 's' })).toEqual([expect.any(Number), 1, 1, 1000]);
  expect(lengthsOf({ ...all, submittedBy: 's' })).toEqual([64, expect.any(Number), 1, 1000]);
  expect(lengthsOf(all)).toEqual([64, 64, expect.any(Number), 1000]);
  expect(lengthsOf({ ...all, title: '🧾'.repeat(90) })[0]).toBe(72);
});

test('a foreign form id of 3,000 characters is left out, after the version id', () => {
  const encoded = encodeMetadata({ ...metadata, formId: 'x'.repeat(3000) });
  expect(encoded).not.toHaveProperty('formid');
  expect(encoded).not.toHaveProperty('formversionid');
  expect(encoded).toMatchObject({
    digest: metadata.digest,
    businesskey: 'CASE-1',
    submissiondate: metadata.submissionDate,
  });

  const onlyVersion = encodeMetadata({ ...metadata, formVersionId: 'x'.repeat(3000) });
  expect(onlyVersion).toMatchObject({ formid: 'f-1' });
});

test('a long JSON pointer is cut to 512 bytes and ends in its hash', () => {
  const source = `detail/4711#/${'a/'.repeat(400)}`;
  expect(encodeMetadata({ ...metadata, source }).source).toMatch(/^detail\/4711#[a/]{503}~[0-9a-f]{8}$/);

  const accented = encodeMetadata({ ...metadata, source: `detail/4711#/${'é'.repeat(400)}` }).source ?? '';
  expect(accented.length).toBeLessThanOrEqual('detail%2F4711%23'.length + 512);
  expect(decodeMetadataValue(accented)).toMatch(/^detail\/4711#\/é+~[0-9a-f]{8}$/);
});

test('metadata is printable ASCII of at most 2 KB, keeps its ids and can be read back, whatever the values are', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
    fc.string({ unit: 'binary', minLength: 200, maxLength: 4000 }),
    fc
      .array(fc.constantFrom('a', '%', ' ', '\ud800', '🧾', 'é'), { minLength: 1, maxLength: 900 })
      .map((u) => u.join('')),
  );
  const free = fc.record({ name: value, title: fc.option(value), submittedBy: value, businessKey: fc.option(value) });
  fc.assert(
    fc.property(free, value, (free, pointer) => {
      const given = { ...metadata, ...free, source: `detail/4711#/${pointer}` };
      const encoded = encodeMetadata(given);
      expect(bytesOf(encoded)).toBeLessThanOrEqual(2048);
      for (const stored of Object.values(encoded)) expect(stored).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      for (const id of ids) expect(encoded[id]).toBe(encodeMetadata(metadata)[id]);
      const pairs = [
        [encoded.title, given.title],
        [encoded.name, given.name],
        [encoded.submittedby, given.submittedBy],
        [encoded.businesskey, given.businessKey],
      ] as const;
      for (const [stored, text] of pairs) {
        const whole = text?.toWellFormed() ?? '';
        const read = decodeMetadataValue(stored ?? '');
        expect(whole.startsWith(read)).toBe(true);
        expect(read === whole || (stored ?? '').length >= 64).toBe(true);
      }
    }),
  );
});

test('metadata stays within 2 KB when everything in it is long', () => {
  const long = 'é'.repeat(5000);
  const everything = Object.fromEntries(Object.keys(metadata).map((field) => [field, long]));
  const encoded = encodeMetadata({
    ...metadata,
    ...everything,
    processInstanceId: metadata.processInstanceId,
    digest: metadata.digest,
    source: `detail/4711#/${long}`,
  });
  expect(bytesOf(encoded)).toBeLessThanOrEqual(2048);
  expect(encoded).toMatchObject({ processinstanceid: metadata.processInstanceId, digest: metadata.digest });
});

function bytesOf(encoded: Record<string, string>): number {
  return Object.entries(encoded).reduce((sum, [name, value]) => sum + `x-amz-meta-${name}${value}`.length, 0);
}
