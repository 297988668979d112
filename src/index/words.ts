/**
 * What a submission can be found by, and the same words as a query names them.
 *
 * Both sides cut text by one rule that knows no language, so that two databases agree and a word is found as it was written.
 * What comes out is the text of a `tsvector` that answers most queries without being read itself, which is what takes time:
 *
 *   'harbour'             a word of a short text
 *   '=bf 2026 0001 '      a short text from each of its words on: what is compared with a phrase there
 *   '~gate':7             a word of a longer text, with its positions, by which phrases are found there; those of two
 *                         texts never touch
 *   '+1a3'                two words that stand side by side in a longer text, as one of some thousand numbers: of the many
 *                         submissions that have all words of a phrase, few have these, and only their positions are read
 *   'f/site visit '       the form from each of its words on, 'b/…' the submitter: for one field
 *   '*'                   is in all of them: what to begin with where a query only excludes
 */

/** Another number whenever other words come out of the same submission: an index that was built with another one is built again. */
export const WORDS_VERSION = 2;

/** Of one submission. What is beyond them is not found, but kept in the vault all the same. */
const MAX_WORDS = 10_000;
const MAX_TEXT_LENGTH = 256 * 1024;
const MAX_LEXEME_BYTES = 640 * 1024; // a tsvector has room for a megabyte, positions included
const MAX_WORD_LENGTH = 100;
/** https://www.postgresql.org/docs/current/textsearch-limitations.html */
const MAX_POSITION = 16_383;
const MAX_POSITIONS = 255;
/** Words that stand in one lexeme. */
export const MAX_CHAIN = 8;
/** Of a short text. */
const MAX_SHORT = 4;

export const EVERY_SUBMISSION = '*';
/** Each word of a chain is followed by a blank, so that a whole word can be told from the beginning of one. */
export const CHAINS = { short: '=', form: 'f/', by: 'b/' } as const;
export const LONG = '~';
const PAIR = '+';
const PAIR_BITS = 12;

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
/** Scripts that put no blank between words: each letter counts as a word, and a text of them as a phrase. */
const BLANKLESS = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => `\\p{Script_Extensions=${script}}`)
  .join('');
const HAS_BLANKLESS = new RegExp(`[${BLANKLESS}]`, 'u');
const BLANKLESS_PARTS = new RegExp(`[${BLANKLESS}]\\p{M}*|[^${BLANKLESS}]+`, 'gu');
const ASCII_WORD = /[a-z0-9]+/g;
/** People look for the date alone. */
const DATE_WITH_TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:.{0,30})$/;
const TIME_AFTER_DATE = /(\d-\d\d)t(\d\d:)/g;

/** The words of a text in their order: letters and digits of any script, in lower case; everything else separates. */
export function splitWords(text: string): string[] {
  const words = /^[\0-\x7f]*$/.test(text) ? splitAscii(text) : splitUnicode(text);
  return words.map(cutWord);
}

function splitAscii(text: string): string[] {
  return text.toLowerCase().replace(TIME_AFTER_DATE, '$1 $2').match(ASCII_WORD) ?? [];
}

function splitUnicode(text: string): string[] {
  const plain = text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(TIME_AFTER_DATE, '$1 $2');
  const words = plain.match(WORD) ?? [];
  return words.flatMap((word) => (HAS_BLANKLESS.test(word) ? (word.match(BLANKLESS_PARTS) ?? []) : [word]));
}

function cutWord(word: string): string {
  return word.length <= MAX_WORD_LENGTH ? word : [...word].slice(0, MAX_WORD_LENGTH).join('');
}

/** What stands for two words side by side. Others may share it. */
export function pairOf(first: string, second: string): string {
  const text = `${first} ${second}`;
  let hash = 0x811c9dc5; // FNV-1a, of which the upper bits are the better ones
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return `${PAIR}${(hash >>> (32 - PAIR_BITS)).toString(36)}`;
}

export type FindableText = {
  caseId: string;
  formName: string;
  title: string | null;
  submittedBy: string;
  answers: Iterable<string>;
};

/** The text of a tsvector. */
export function renderWords({ caseId, formName, title, submittedBy, answers }: FindableText): string {
  const lexemes = createLexemes();
  const left = { words: MAX_WORDS, length: MAX_TEXT_LENGTH };
  const addText = (text: string): void => {
    const words = splitWords(text.slice(0, left.length)).slice(0, left.words);
    left.words -= words.length;
    left.length -= text.length;
    if (words.length > MAX_SHORT) lexemes.addLong(words);
    else lexemes.addShort(words);
  };

  lexemes.add(EVERY_SUBMISSION);
  const form = [formName, title ?? ''];
  for (const text of form) lexemes.addChains(CHAINS.form, splitWords(text), 1);
  lexemes.addChains(CHAINS.by, splitWords(submittedBy), 1);
  for (const text of [caseId, submittedBy, ...form]) {
    lexemes.addChains(CHAINS.short, splitWords(text), 2);
    addText(text);
  }
  for (const text of answers) {
    if (left.words <= 0 || left.length <= 0) break;
    for (const part of DATE_WITH_TIME.exec(text)?.slice(1) ?? [text]) addText(part);
  }
  return lexemes.render();
}

function createLexemes() {
  const positionsOf = new Map<string, number[]>();
  let bytesLeft = MAX_LEXEME_BYTES;
  let position = 1;

  /** `null` where there is no room left. */
  function positionsFor(lexeme: string): number[] | null {
    const known = positionsOf.get(lexeme);
    if (known !== undefined) return known;
    bytesLeft -= Buffer.byteLength(lexeme);
    if (bytesLeft < 0) return null;
    const positions: number[] = [];
    positionsOf.set(lexeme, positions);
    return positions;
  }

  function addLong(words: readonly string[]): void {
    for (const [index, word] of words.entries()) {
      const positions = positionsFor(LONG + word) ?? [];
      if (position <= MAX_POSITION && positions.length < MAX_POSITIONS) positions.push(position);
      position++;
      const next = words[index + 1];
      if (next !== undefined) positionsFor(pairOf(word, next));
    }
    position++;
  }

  /** One from each of the words on, as long as there are enough of them. */
  function addChains(mark: string, words: readonly string[], fewestWords: number): void {
    for (let index = 0; index <= words.length - fewestWords; index++) {
      positionsFor(`${mark}${words.slice(index, index + MAX_CHAIN).join(' ')} `);
    }
  }

  return {
    add: (lexeme: string) => void positionsFor(lexeme),
    addShort(words: readonly string[]): void {
      for (const word of words) positionsFor(word);
      addChains(CHAINS.short, words, 2);
    },
    addLong,
    addChains,
    render(): string {
      // Nearly the database's own order, which spares it the most of sorting.
      const lexemes = [...positionsOf.keys()].sort();
      return lexemes.map((lexeme) => renderLexeme(lexeme, positionsOf.get(lexeme) ?? [])).join(' ');
    },
  };
}

/** None has a quote or a backslash in it. */
function renderLexeme(lexeme: string, positions: number[]): string {
  return positions.length === 0 ? `'${lexeme}'` : `'${lexeme}':${positions.join(',')}`;
}
