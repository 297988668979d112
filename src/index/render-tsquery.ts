/** Words that are looked for, as a `tsquery` on what `words.ts` makes of a submission. */
import type { CaseQuery } from './parse-query.ts';
import { CHAINS, EVERY_SUBMISSION, LONG, MAX_CHAIN, pairOf } from './words.ts';

type Term = CaseQuery['terms'][number];

/** A question and its opposite. */
export type WordsQuery = {
  /** What matches. */
  matching: string;
  /** What does not. */
  others: string;
  /** Nothing but exclusions: `others` is the shorter question. */
  onlyExcludes: boolean;
};

/** `null` where nothing is asked of the words. */
export function renderTsquery(terms: readonly Term[]): WordsQuery | null {
  return renderQuery(terms, { short: true, long: renderPhrase });
}

/**
 * Of terms among which there are phrases. `surely` is what can be told without reading anything of a submission. Whatever else
 * matches is among `perhaps`: those of them that have the `pairs` (see `pairOf`) and, unless `pairs` tell all, whose positions say
 * so. `null` where everything can be told, or where there is a phrase to exclude.
 */
export function renderPhrases(
  terms: readonly Term[],
): { surely: WordsQuery | null; perhaps: string; pairs: string[]; doPairsTellAll: boolean } | null {
  const phrases = terms.filter(({ words, field }) => field === null && words.length > 1);
  const phrase = phrases.find(({ words, prefix }) => shortPairsOf(words, prefix).length === 0);
  if (phrase === undefined || phrases.some(({ not }) => not)) return null;
  const isShort = phrases.every(({ words }) => words.length <= MAX_CHAIN);
  const surely = isShort ? renderQuery(terms, { short: true, long: shortPairsOf }) : null;
  const inLong: RenderLong = (words, prefix) => [...pairLexemesOf(words, prefix), ...longWordsOf(words, prefix)];
  if (phrases.length === 1) {
    const pairs = pairsOf(phrase.words, phrase.prefix).flatMap(({ hex }) => hex ?? []);
    const perhaps = renderQuery(terms, { short: false, long: inLong })?.matching ?? '';
    return { surely, perhaps, pairs, doPairsTellAll: pairs.length === 1 && phrase.words.length === 2 };
  }
  // Which of the phrases stand in a short text, where no pairs are, is not known.
  const all = renderQuery(terms, { short: true, long: inLong })?.matching ?? '';
  const perhaps = surely === null ? all : `(${all}) & !(${surely.matching})`;
  return { surely, perhaps, pairs: [], doPairsTellAll: false };
}

/** What is asked of a longer text for its having these words side by side: all of it; nothing, where none is to be looked at. */
type RenderLong = (words: readonly string[], prefix: boolean) => string[];
/** Where phrases are looked for. */
type Texts = { short: boolean; long: RenderLong };

function renderQuery(terms: readonly Term[], texts: Texts): WordsQuery | null {
  const asked = terms.filter(({ words }) => words.length > 0);
  if (asked.length === 0) return null;
  const every = quote(EVERY_SUBMISSION);
  const onlyExcludes = asked.every(({ not }) => not);
  const parts = asked.map((term) => `(${renderTerm(term, texts)})`);
  if (onlyExcludes) {
    const others = parts.join(' | ');
    // From exclusions alone the index would have to read all of itself.
    return { matching: `${every} & !(${others})`, others, onlyExcludes };
  }
  const matching = asked.map(({ not }, index) => `${not ? '!' : ''}${parts[index]}`).join(' & ');
  return { matching, others: `${every} & !(${matching})`, onlyExcludes };
}

function renderTerm({ words, prefix, field }: Term, texts: Texts): string {
  if (field !== null) return renderInField(CHAINS[field], words, prefix);
  const open = prefix ? ':*' : '';
  const [first = ''] = words;
  if (words.length === 1) return `${quote(first)}${open} | ${quote(LONG + first)}${open}`;
  const inShort = !texts.short || words.length > MAX_CHAIN ? [] : [renderChain(CHAINS.short, words, prefix)];
  const inLong = texts.long(words, prefix);
  return [...inShort, ...(inLong.length === 0 ? [] : [`(${inLong.join(' & ')})`])].join(' | ');
}

/** Their positions tell, where no pair of theirs alone does; the pairs, where to look at all. */
function renderPhrase(words: readonly string[], prefix: boolean): string[] {
  const shortPairs = shortPairsOf(words, prefix);
  if (shortPairs.length > 0) return shortPairs;
  return [...pairLexemesOf(words, prefix), `(${longWordsOf(words, prefix).join(' <-> ')})`];
}

function pairLexemesOf(words: readonly string[], prefix: boolean): Set<string> {
  return new Set(pairsOf(words, prefix).map(({ lexeme }) => quote(lexeme)));
}

/** A phrase of two short words, as a pair that is nobody else's. */
function shortPairsOf(words: readonly string[], prefix: boolean): string[] {
  const pairs = words.length === 2 ? pairsOf(words, prefix) : [];
  return pairs.filter(({ hex }) => hex === null).map(({ lexeme }) => quote(lexeme));
}

/** Of a word that is only begun, no pair is known. */
function pairsOf(words: readonly string[], prefix: boolean): ReturnType<typeof pairOf>[] {
  const whole = prefix ? words.slice(0, -1) : words;
  return whole.slice(1).map((word, index) => pairOf(whole[index] ?? '', word));
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
