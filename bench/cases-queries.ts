/** What people look for. */
import { caseIdOf, KEY_PREFIX, SUBMITTERS, submitterOf, vocabulary } from './cases-data.ts';

export type SearchKind = {
  name: string;
  /** Each number asks for something else, where there is something else to ask for. */
  query(number: number, cases: number): string;
  page?(cases: number): number;
};

export const PAGE_SIZE = 20;

const EVERYWHERE = ['form', 'bench', 'example'];
const STATES = ['"in progress"', '"not applicable"', '"waiting for the applicant"'];
const SAID_BY_ALL = ['"information given"', '"the information given is complete"', '"i confirm that"'];
const A_FIFTH = ['form:site-visit', 'form:interview'];

/** From the most frequent on. */
const word = (rank: number): string => vocabulary[rank] ?? '';
const oneOf = (queries: string[], number: number): string => queries[number % queries.length] ?? '';
const month = (number: number): string => `2026-${String(1 + (number % 11)).padStart(2, '0')}`;

export const KINDS: SearchKind[] = [
  { name: 'nothing: all cases', query: () => '' },
  { name: 'nothing: a page in the middle', query: () => '', page: (cases) => cases / PAGE_SIZE / 2 },
  { name: 'a rare word', query: (number) => word(5_000 + number) },
  { name: 'a common word', query: (number) => word(60 + number) },
  { name: 'a word of half of the submissions', query: (number) => word(3 + (number % 5)) },
  { name: 'a word of nearly all', query: (number) => word(number % 2) },
  { name: 'a word of all', query: (number) => oneOf(EVERYWHERE, number) },
  { name: 'a word of all, a page in the middle', query: () => 'form', page: (cases) => cases / PAGE_SIZE / 2 },
  { name: 'three common words', query: (number) => [10, 20, 30].map((rank) => word(rank + number)).join(' ') },
  { name: 'a common word without another', query: (number) => `${word(20 + number)} -${word(40 + number)}` },
  { name: 'without a common word', query: (number) => `-${word(10 + number)}` },
  { name: 'the beginning of a word', query: (number) => `${word(number).slice(0, 4)}*` },
  { name: 'a phrase: a short answer', query: (number) => oneOf(STATES, number) },
  { name: 'a phrase: common words', query: (number) => `"${word(30 + number)} ${word(31 + number)}"` },
  { name: 'a phrase: words of nearly all', query: (number) => `"${word(number % 3)} ${word(1 + (number % 3))}"` },
  { name: 'a phrase: what every form says', query: (number) => oneOf(SAID_BY_ALL, number) },
  { name: 'a business key', query: (number, cases) => caseIdOf((number * 37) % cases) },
  { name: 'business keys by prefix: a tenth', query: (number) => `${KEY_PREFIX}-0${number % 10}*` },
  { name: 'business keys by prefix: all', query: () => `${KEY_PREFIX}*` },
  { name: 'form: a fifth', query: (number) => oneOf(A_FIFTH, number) },
  { name: 'form: all', query: () => 'form:form' },
  { name: 'by:', query: (number) => `by:${submitterOf(number % SUBMITTERS)}` },
  { name: 'a month', query: (number) => `from:${month(number)} to:${month(number)}` },
  { name: 'a word of half, in a year', query: (number) => `${word(3 + (number % 5))} from:2026` },
];
