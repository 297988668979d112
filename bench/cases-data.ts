/** Submissions to find cases by: five forms of about 2 KB, one of them the one that all other measurements submit. */
import type { IndexEntry } from '../src/index/case-index.ts';
import { entryOf } from '../src/index/index-entry.ts';
import { encodeMetadata, submissionKey } from '../src/vault/object-layout.ts';
import { bucketOf } from './formvault-process.ts';
import { siteVisitJson } from './site-visit.ts';
import { randomNumbers } from './statistics.ts';

export const CASES_ENVIRONMENT = 'bench-cases';
export const CASES_BUCKET = bucketOf(CASES_ENVIRONMENT);
/** Everybody who submits, and the business keys' common beginning. */
export const SUBMITTERS = 200;
export const KEY_PREFIX = 'BF-2026';
export const INSTANCES_PER_CASE = 3;

const TEXT_LENGTH = 1_000;
const VOCABULARY = 20_000;
const START_MS = Date.UTC(2025, 0, 1);
const SPAN_MS = 700 * 24 * 3600 * 1000;
const FORMS = [
  { name: 'site-visit', title: 'Site visit form' },
  { name: 'benefit-claim', title: 'Housing benefit claim form' },
  { name: 'evidence-check', title: 'Form for the evidence' },
  { name: 'home-interview', title: 'Interview form' },
  { name: 'decision-letter', title: 'Form of the decision' },
];
const STATES = ['not applicable', 'in progress', 'waiting for the applicant', 'accepted', 'refused in part'];
const TOWNS = ['Port Example', 'Northfield', 'Old Harbour', 'Westbridge', 'Milltown', 'Sankt Größen', 'Łódź Nowa'];

/** Each word with what it is drawn by: the first ones stand in nearly every text, the last in few. */
export const vocabulary: readonly string[] = buildVocabulary();

export function caseIdOf(number: number): string {
  return `${KEY_PREFIX}-${String(number).padStart(5, '0')}`;
}

export function instanceIdOf(caseNumber: number, instance: number): string {
  return `${hex(caseNumber * INSTANCES_PER_CASE + instance, 8)}-5f0c-11f0-9b3a-0242ac120002`;
}

export function submitterOf(number: number): string {
  return `${vocabulary[300 + number]}.${vocabulary[700 + number]}@bench.example`;
}

/** An object of the vault, as Formvault writes it. */
export type CaseObject = { caseId: string; key: string; metadata: Record<string, string>; body: string };

/** What the index makes of the objects. */
export function* buildEntries(submissions: number, cases: number): Generator<IndexEntry> {
  for (const { key, metadata, body } of buildObjects(submissions, cases)) {
    const entry = entryOf({ bucket: CASES_BUCKET, key, metadata, body, bytes: Buffer.byteLength(body) });
    if (entry !== null) yield entry;
  }
}

/** In the order in which they were submitted; the same numbers give the same objects. */
export function* buildObjects(submissions: number, cases: number): Generator<CaseObject> {
  const random = randomNumbers(4711);
  const draw = (): number => random.next().value;
  for (let number = 0; number < submissions; number++) {
    const caseNumber = number < cases ? number : Math.floor(draw() * cases);
    const { name, title } = FORMS[Math.floor(draw() * FORMS.length)] ?? { name: '', title: '' };
    const submittedAtMs = START_MS + Math.floor((number / submissions) * SPAN_MS);
    const submittedBy = submitterOf(Math.floor(draw() * SUBMITTERS));
    const submissionDate = new Date(submittedAtMs).toISOString();
    const caseId = caseIdOf(caseNumber);
    const instanceId = instanceIdOf(caseNumber, Math.floor(draw() * INSTANCES_PER_CASE));
    const taskId = `${hex(number, 8)}-7c1e-11f0-8f0a-0242ac120002`;
    const form = { name, formId: formIdOf(name), formVersionId: formIdOf(title), title, submittedBy, submissionDate };
    const process = { definitionId: `${name}:1:8f0a-0242ac120002`, instanceId, businessKey: caseId };
    const data = name === 'site-visit' ? JSON.parse(siteVisitJson(number)) : answers(draw, number);
    const body = JSON.stringify({ ...data, form, process, task: { id: taskId, name: title } });
    const metadata = encodeMetadata({
      ...form,
      processInstanceId: instanceId,
      processDefinitionId: process.definitionId,
      businessKey: caseId,
      digest: hex(number, 64),
      source: `task/${taskId}`,
      taskId,
      activityId: name,
      tenantId: null,
    });
    const key = submissionKey({ tenantId: null, caseId, formName: name, submittedBy, submittedAtMs });
    yield { caseId, key, metadata, body };
  }
}

function answers(draw: () => number, number: number): object {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(draw() * from.length)];
  let remarks = '';
  while (remarks.length < TEXT_LENGTH) remarks += `${drawWord(draw)}${draw() < 0.1 ? '. ' : ' '}`;
  return {
    reference: `claim-${String(number).padStart(8, '0')}`,
    applicant: {
      firstName: drawWord(draw),
      lastName: drawWord(draw),
      dateOfBirth: `19${40 + Math.floor(draw() * 60)}-0${1 + Math.floor(draw() * 9)}-1${Math.floor(draw() * 10)}`,
      telephone: `+44 20 ${Math.floor(1e7 * (1 + draw()))}`,
    },
    address: { street: `${Math.floor(draw() * 200)} ${drawWord(draw)} Road`, town: pick(TOWNS), country: 'GB' },
    rent: Math.floor(draw() * 200_000) / 100,
    state: pick(STATES),
    children: draw() < 0.5,
    confirmed: 'I confirm that the information given is complete',
    remarks,
  };
}

/** As often as words of a language: the second half as often as the first, the third a third… */
function drawWord(draw: () => number): string {
  return vocabulary[Math.floor(Math.exp(draw() * Math.log(VOCABULARY))) - 1] ?? '';
}

function buildVocabulary(): string[] {
  const syllables = 'ba co di fe gu ha jo ki le mu na po ra se ti vo wa xi ya zu'.split(' ');
  const words = new Set<string>();
  const random = randomNumbers(99);
  while (words.size < VOCABULARY) {
    let word = '';
    const length = 2 + Math.floor(random.next().value * 3);
    while (word.length < length * 2) word += syllables[Math.floor(random.next().value * syllables.length)];
    words.add(word);
  }
  return [...words];
}

function formIdOf(text: string): string {
  return `${hex(text.length * 1_234_567, 8)}-0f6e-4a58-9b3a-3d1f2f6a7c11`;
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
