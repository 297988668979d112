/** Words that are looked for, as a `tsquery` on what `words.ts` makes of a submission. */
import type { CaseQuery } from './parse-query.ts';
import { CHAINS, EVERY_SUBMISSION, LONG, MAX_CHAIN, pairOf } from './words.ts';

type Term = CaseQuery['terms'][number];

/** `null` where nothing is asked of the words. */
export function renderTsquery(terms: readonly Term[]): string | null {
  const asked = terms.filter(({ words }) => words.length > 0);
  if (asked.length === 0) return null;
  const parts = asked.map((term) => (term.not ? `!(${renderTerm(term)})` : `(${renderTerm(term)})`));
  // From exclusions alone the index would have to read all of itself.
  const all = asked.every(({ not }) => not) ? [quote(EVERY_SUBMISSION), ...parts] : parts;
  return all.join(' & ');
}

/** What does not match. */
export function renderOpposite(tsquery: string): string {
  return `${quote(EVERY_SUBMISSION)} & !(${tsquery})`;
}

function renderTerm({ words, prefix, field }: Term): string {
  if (field !== null) return renderInField(CHAINS[field], words, prefix);
  const open = prefix ? ':*' : '';
  const [first = ''] = words;
  if (words.length === 1) return `${quote(first)}${open} | ${quote(LONG + first)}${open}`;
  const inLong = renderPhrase(words, prefix);
  return words.length > MAX_CHAIN ? inLong : `${renderChain(CHAINS.short, words, prefix)} | ${inLong}`;
}

/** Their positions tell; the pairs, where to look at all. Of a word that is only begun, no pair is known. */
function renderPhrase(words: readonly string[], prefix: boolean): string {
  const whole = prefix ? words.slice(0, -1) : words;
  const pairs = whole.slice(1).map((word, index) => quote(pairOf(whole[index] ?? '', word)));
  const phrase = `(${words.map((word) => quote(LONG + word)).join(' <-> ')}${prefix ? ':*' : ''})`;
  return `(${[...new Set(pairs), phrase].join(' & ')})`;
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
