/** Searches, compared with a search through all texts one by one. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isVisible, type Visible } from '../../src/access/visible.ts';
import type { CaseIndex, IndexEntry } from '../../src/index/case-index.ts';
import { type CaseQuery, parseCaseQuery } from '../../src/index/parse-query.ts';
import { splitWords } from '../../src/index/words.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { anEntry, BUCKET } from './an-index-entry.ts';
import { open, startDatabases } from './index-databases.ts';

const databases = await startDatabases();
afterAll(() => databases.end(), 20_000);

const WORDS = ['gate', 'gates', 'north', 'side', 'open', 'again', 'the', 'of', '2026', '01', 'größe', '表單'];
const NAMES = ['anna.lopez@example.com', 'bob@example.com', 'anna'];
const FORMS = [
  { formName: 'site-visit', title: 'Visit of the site' },
  { formName: 'gate', title: null },
  { formName: 'decision', title: 'Decision about the gates of the north side and all the others there' },
];
const TENANTS = [null, null, null, 'north', 'south'];

type Known = { entry: IndexEntry; answers: string[] };
type Term = CaseQuery['terms'][number];

const random = seededRandom(20_261_121);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

function build(count: number): Known[] {
  return times(count, (number) => {
    const answers = times(Math.floor(random() * 4), () =>
      times(1 + Math.floor(random() * 14), () => pick(WORDS)).join(' '),
    );
    // A word that nearly all have, and one that few have.
    if (random() < 0.9) answers.push('everywhere', 'in all of the many answers that there are everywhere');
    if (random() < 0.02) answers.push('seldom');
    const caseId = `BF-2026-${Math.floor(random() * 40)}`;
    const processInstanceId = pick([null, `p-${Math.floor(random() * 90)}`, `p-${Math.floor(random() * 90)}`]);
    const given = { caseId, processInstanceId, tenantId: pick(TENANTS), submittedBy: pick(NAMES), ...pick(FORMS) };
    const submittedAtMs = Date.UTC(2026, 0, 1) + Math.floor(random() * 300) * 86_400_000 + number;
    return { entry: anEntry({ ...given, answers, submittedAtMs }), answers };
  });
}

function buildQuery(): CaseQuery {
  const words = [
    ...WORDS,
    'everywhere',
    'seldom',
    'bf',
    '1',
    'anna',
    'lopez',
    'example',
    'visit',
    'decision',
    'nowhere',
  ];
  const terms = times(Math.floor(random() * 4), (): Term => {
    const field = pick([null, null, null, 'form', 'by'] as const);
    const list = times(pick([1, 1, 1, 2, 2, 3, 4]), () => pick(words)).flatMap(splitWords);
    const prefix = random() < 0.2;
    const last = list.at(-1) ?? '';
    const cut = prefix && random() < 0.5 ? [...list.slice(0, -1), last.slice(0, 2)] : list;
    return { words: cut, prefix, not: random() < 0.2, field };
  });
  const day = (): number | null => (random() < 0.15 ? Date.UTC(2026, Math.floor(random() * 10), 1) : null);
  return { terms, fromMs: day(), toMs: day(), ignored: [] };
}

function buildVisible(): Visible {
  const ids = times(Math.floor(random() * 60), () => `p-${Math.floor(random() * 95)}`);
  const tenants = pick([[], ['north'], ['north', 'south'], ['east']]);
  const kind = random();
  if (kind < 0.4) return 'everything';
  return { instances: kind < 0.7 ? { allExcept: ids } : { only: ids }, tenants };
}

function matches({ entry, answers }: Known, { terms, fromMs, toMs }: CaseQuery): boolean {
  const { submittedAtMs, submittedBy, formName, title, caseId } = entry;
  if (submittedAtMs < (fromMs ?? submittedAtMs) || submittedAtMs > (toMs ?? submittedAtMs)) return false;
  const form = [formName, title ?? ''];
  return terms.every((term) => {
    const texts = { form, by: [submittedBy], all: [...form, submittedBy, caseId, ...answers] }[term.field ?? 'all'];
    return texts.some((text) => hasPhrase(splitWords(text), term)) !== term.not;
  });
}

function hasPhrase(words: string[], { words: wanted, prefix }: Term): boolean {
  return words.some((_, start) =>
    wanted.every((word, index) => {
      const there = words[start + index] ?? '';
      return prefix && index === wanted.length - 1 ? there.startsWith(word) : there === word;
    }),
  );
}

function searchOneByOne(known: Known[], query: CaseQuery, visible: Visible) {
  const seen = known.filter(({ entry }) => isVisible(visible, entry));
  const found = new Set(seen.filter((each) => matches(each, query)).map(({ entry }) => entry.caseId));
  const cases = [...found].map((caseId) => {
    const all = seen.filter(({ entry }) => entry.caseId === caseId).map(({ entry }) => entry);
    const newest = all.reduce((latest, entry) => (entry.submittedAtMs > latest.submittedAtMs ? entry : latest));
    return {
      caseId,
      processInstanceIds: new Set(all.flatMap(({ processInstanceId }) => processInstanceId ?? [])),
      submissions: all.length,
      latestMs: newest.submittedAtMs,
      latestTitle: newest.title ?? newest.formName,
    };
  });
  return cases.sort((a, b) => b.latestMs - a.latestMs);
}

const known = build(600);
const searches = times(400, () => ({ query: buildQuery(), visible: buildVisible() }));

describe.each(databases.places)('a search on $name', ({ create }) => {
  let index: CaseIndex;

  beforeAll(async () => {
    ({ index } = await open(await create()));
    await index.put(known.map(({ entry }) => entry));
  }, 60_000);
  afterAll(() => index.close());

  const compare = async (): Promise<number> => {
    let hits = 0;
    for (const { query, visible } of searches) {
      const { total, cases } = await index.searchCases(query, visible, { number: 0, size: 100 });
      const expected = searchOneByOne(known, query, visible);
      const found = cases.map((hit) => ({ ...hit, processInstanceIds: new Set(hit.processInstanceIds) }));
      expect({ query, visible, total, found }).toEqual({ query, visible, total: expected.length, found: expected });
      hits += total;
    }
    return hits;
  };

  test('finds what a search through all texts finds', async () => {
    expect(await compare()).toBeGreaterThan(1_000);
  }, 60_000);

  test('finds the same after a reindex, and after words were taken out of the list of new ones', async () => {
    const run = await index.beginReindex();
    await run.put(known.map(({ entry }) => entry));
    await run.finish([BUCKET]);
    await compare();
  }, 60_000);

  test.each([
    ['two answers side by side are no phrase', '"everywhere in"', 0],
    ['two words of one answer are', '"in all of"', 40],
    ['the title of a form is a phrase of any length', 'form:"about the gates of the north side and all the others"', 1],
    ['of business keys the beginning', 'BF-2026*', 40],
    ['a business key, whole', 'BF-2026-1', 1],
    ['one whose next word goes on', 'BF-2026-1*', 11],
  ])('knows that %s', async (_, text, atLeast) => {
    const { total } = await index.searchCases(parseCaseQuery(text), 'everything', { number: 0, size: 100 });
    expect(total).toBe(searchOneByOne(known, parseCaseQuery(text), 'everything').length);
    expect(total).toBeGreaterThanOrEqual(atLeast);
    if (atLeast === 0) expect(total).toBe(0);
  });
});
