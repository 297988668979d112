/** Words that are looked for, as a `tsquery` on what `words.ts` makes of a submission. */
import type { CaseQuery } from './parse-query.ts';
import { CHAINS, EVERY_SUBMISSION, LONG, MAX_CHAIN, pairOf } from './words.ts';

type Term = CaseQuery['terms'][number];

/** `null` where nothing is asked of the words. */
export function renderTsquery(terms: readonly Term[]): string | null {
  return renderTerms(terms, renderPhrase);
}

/**
 * Of terms among which there are phrases: `surely` is only what can be told without reading positions, `perhaps` is everything that
 * matches and some more. `null` where no position has to be read anyway, or only to exclude.
 */
export function renderWithoutPositions(terms: readonly Term[]): { surely: string | null; perhaps: string } | null {
  const phrases = terms.filter(({ words, field }) => field === null && words.length > 1);
  const perhaps = renderTerms(terms, (words, prefix) => [...pairsOf(words, prefix), ...longWordsOf(words, prefix)]);
  if (phrases.length === 0 || phrases.some(({ not }) => not) || perhaps === null) return null;
  const isShort = phrases.every(({ words }) => words.length <= MAX_CHAIN);
  return { surely: isShort ? renderTerms(terms, () => []) : null, perhaps };
}

/** What is asked of a longer text for its having these words side by side: all of it; nothing, where none is to be looked at. */
type RenderLong = (words: readonly string[], prefix: boolean) => string[];

function renderTerms(terms: readonly Term[], renderLong: RenderLong): string | null {
  const asked = terms.filter(({ words }) => words.length > 0);
  if (asked.length === 0) return null;
  const parts = asked.map((term) => `${term.not ? '!' : ''}(${renderTerm(term, renderLong)})`);
  // From exclusions alone the index would have to read all of itself.
  const all = asked.every(({ not }) => not) ? [quote(EVERY_SUBMISSION), ...parts] : parts;
  return all.join(' & ');
}

/** What does not match. */
export function renderOpposite(tsquery: string): string {
  return `${quote(EVERY_SUBMISSION)} & !(${tsquery})`;
}

function renderTerm({ words, prefix, field }: Term, renderLong: RenderLong): string {
  if (field !== null) return renderInField(CHAINS[field], words, prefix);
  const open = prefix ? ':*' : '';
  const [first = ''] = words;
  if (words.length === 1) return `${quote(first)}${open} | ${quote(LONG + first)}${open}`;
  const inShort = words.length > MAX_CHAIN ? [] : [renderChain(CHAINS.short, words, prefix)];
  const inLong = renderLong(words, prefix);
  return [...inShort, ...(inLong.length === 0 ? [] : [`(${inLong.join(' & ')})`])].join(' | ');
}

/** Their positions tell; the pairs, where to look at all. */
function renderPhrase(words: readonly string[], prefix: boolean): string[] {
  return [...pairsOf(words, prefix), `(${longWordsOf(words, prefix).join(' <-> ')})`];
}

/** Of a word that is only begun, no pair is known. */
function pairsOf(words: readonly string[], prefix: boolean): Set<string> {
  const whole = prefix ? words.slice(0, -1) : words;
  return new Set(whole.slice(1).map((word, index) => quote(pairOf(whole[index] ?? '', word))));
}

function longWordsOf(words: readonly string[], prefix: boolean): string[] {
  return words.map((word, index) => `${quote(LONG + word)}${prefix && index === words.length - 1 ? ':*' : ''}`);
}

/** More words than a chain holds: each run of them as long as a chain. */
function renderInField(mark: string, words: readonly string[], prefix: boolean): string {
  const last = Math.max(0, words.length - MAX_CHAIN);
  const starts = Array.from({ length: last + 1 }, (_, index) => index);
  return starts
    .map((start) => renderChain(mark, words.slice(start, start + MAX_CHAIN), prefix && start === last))
    .join(' & ');
}

/** Chains go on to the end of their text, so that a whole word is the beginning of one too, with the blank behind it. */
function renderChain(mark: string, words: readonly string[], prefix: boolean): string {
  return `${quote(`${mark}${words.join(' ')}${prefix ? '' : ' '}`)}:*`;
}

function quote(lexeme: string): string {
  return `'${lexeme.replaceAll('\0', '').replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
