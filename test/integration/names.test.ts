import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { fileVariable, jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
const process = aProcess({ steps: [{ userTask: 'fillIn', formKey: 'files' }, { message: 'never' }] });
const date = '2026-01-02T03:04:05Z';
const time = '20260102T030405';

beforeAll(async () => {
  world = createWorld();
  await world.startFormvault();
  await world.engine.deploy(process.files);
});
afterAll(() => world.end());

/** A text from outside, and how it stands in a key. */
type Name = { text: string; segment: string };

const mark = (text: string) => `~${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;

const NAMES: Name[] = [
  { text: '../../x', segment: '..%2F..%2Fx' },
  { text: 'a/b\\c', segment: 'a%2Fb%5Cc' },
  { text: '.', segment: '%2E' },
  { text: '..', segment: '%2E%2E' },
  { text: '🦊 Straße & <co>', segment: '🦊 Straße & <co>' },
  { text: 'cafe\u0301', segment: 'café' },
  { text: ' 100 % ', segment: '%20100 %25%20' },
  { text: 'line\nbreak', segment: 'line%0Abreak' },
  { text: '?a=b#c+d', segment: '?a=b#c+d' },
];

const long = (letter: string, length: number, kept: number): Name => {
  const text = letter.repeat(length);
  return { text, segment: letter.repeat(kept) + mark(text) };
};
const LONG_NAMES = [long('n', 300, 141), long('é', 300, 70), long('🦊', 300, 35), long('/', 300, 47)].map((name) => ({
  ...name,
  segment: name.segment.replaceAll('/', '%2F'),
}));

async function keysOf(caseId: string, count: number): Promise<string[]> {
  return eventually(async () => {
    const keys = await world.vault.list(world.bucket, `${caseId}/`);
    expect(keys).toHaveLength(count);
    return keys;
  });
}

async function startWith(submissions: object[]) {
  const caseId = world.newCase();
  await world.engine.start(process.id, { businessKey: caseId, variables: { all: jsonVariable(submissions) } });
  return caseId;
}

test('any text may name a form: its key stays inside of its case, body and metadata say it as it is', async () => {
  const names = [...NAMES, ...LONG_NAMES];
  const caseId = await startWith(
    names.map(({ text }) => ({ form: { name: text, submittedBy: 'ada', submissionDate: date } })),
  );

  await expect(keysOf(caseId, names.length)).resolves.toEqual(
    names.map(({ segment }) => `${caseId}/${segment}/ada-${time}.json`).sort(),
  );
  for (const { text, segment } of names) {
    const kept = await world.vault.read(world.bucket, `${caseId}/${segment}/ada-${time}.json`);
    expect(JSON.parse(kept.text).form.name).toBe(text);
    const name = decodeURIComponent(kept.metadata.name ?? '');
    expect(name.length < 50 ? name : text.slice(0, name.length)).toBe(name.length < 50 ? text : name);
  }
});

test('any text may be a submitter, whose name is cut before the time', async () => {
  const names = [...NAMES, ...LONG_NAMES];
  const caseId = await startWith(
    names.map(({ text }) => ({ form: { name: 'form', submittedBy: text, submissionDate: date } })),
  );

  await expect(keysOf(caseId, names.length)).resolves.toEqual(
    names.map(({ segment }) => `${caseId}/form/${segment}-${time}.json`).sort(),
  );
});

test('an empty submitter and an empty form name are filled, an empty business key is none', async () => {
  const variables = { empty: jsonVariable({ form: { name: 'form', submittedBy: '', submissionDate: date } }) };
  const instance = await world.engine.start(process.id, { businessKey: '', variables });
  await expect(keysOf(instance.id, 1)).resolves.toEqual([`${instance.id}/form/unknown-${time}.json`]);

  const caseId = world.newCase();
  const named = await world.engine.start(process.id, { businessKey: caseId });
  const task = await world.engine.task(named.id);
  const form = { name: '\u200b ', submittedBy: '\t', submissionDate: date };
  await world.engine.complete(task.id, { empty: jsonVariable({ form }) });
  await expect(keysOf(caseId, 1)).resolves.toEqual([`${caseId}/files/unknown-${time}.json`]);
});

test('any text may be a business key, and none leads out of its case', async () => {
  const keys: Name[] = [
    ...NAMES,
    long('n', 255, 141),
    { text: 'tenants', segment: '%74enants' },
    { text: '.formvault', segment: '%2Eformvault' },
  ];
  for (const { text, segment } of keys) {
    const form = { name: 'form', submittedBy: 'ada', submissionDate: date };
    const answer = segment.slice(0, 3);
    await world.engine.start(process.id, { businessKey: text, variables: { all: jsonVariable({ answer, form }) } });
  }

  for (const { text, segment } of keys) {
    const key = `${segment}/form/ada-${time}.json`;
    await eventually(async () => expect(await world.vault.list(world.bucket, `${segment}/`)).toEqual([key]));
    const kept = await world.vault.read(world.bucket, key);
    expect(JSON.parse(kept.text).process.businessKey).toBe(text);
    expect(kept.metadata.businesskey).toMatch(/^[\x20-\x7e]+$/);
  }
});

test('any text may name a file or its variable', async () => {
  const cut = (letter: string, length: number, kept: number): Name => long(letter, length, kept);
  const names = [...NAMES, cut('n', 300, 91), cut('é', 300, 45)];
  const caseId = world.newCase();
  const instance = await world.engine.start(process.id, { businessKey: caseId });
  const file = (name: string) => fileVariable(name, 'text/plain', Buffer.from(name));
  await world.engine.complete((await world.engine.task(instance.id)).id, {
    ...Object.fromEntries(names.map(({ text }, index) => [`file${index}`, file(text)])),
    '../../variable': file('plain.txt'),
    unnamed: file(''),
  });

  const keys = await keysOf(caseId, names.length + 3);
  const submission = keys.find((key) => key.endsWith('.json')) ?? '';
  const folder = submission.replace(/\.json$/, '/attachments');
  expect(keys).toEqual(
    [
      submission,
      ...names.map(({ segment }, index) => `${folder}/file${index}/${segment}`),
      `${folder}/..%2F..%2Fvariable/plain.txt`,
      `${folder}/unnamed/file`,
    ].sort(),
  );
  const { attachments } = JSON.parse((await world.vault.read(world.bucket, submission)).text);
  for (const [index, { text, segment }] of names.entries()) {
    const key = `${folder}/file${index}/${segment}`;
    expect(attachments).toContainEqual(expect.objectContaining({ variable: `file${index}`, fileName: text, key }));
    await expect(world.vault.read(world.bucket, key)).resolves.toMatchObject({ text });
  }
});
