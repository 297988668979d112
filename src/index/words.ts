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
 *                         submissions that have all words of a phrase, few have these, and only they are looked at
 *   '-of the'             the same for two short words as themselves: the most frequent words of a language are short
 *   'f/site visit '       the form from each of its words on, 'b/…' the submitter: for one field
 *   '*'                   is in all of them: what to begin with where a query only excludes
 *
 * Beside it stand the pairs of longer words as numbers of 32 bits, which tell of two words what their positions would, and are
 * read in a quarter of the time. By chance such a number is that of other words, too, in one of some million submissions.
 */

/** Another number whenever other words come out of the same submission: an index that was built with another one is built again. */
export const WORDS_VERSION = 5;

/** Of one submission. What is beyond them is not found, but kept in the vault all the same. */
const MAX_WORDS = 10_000;
const MAX_TEXT_LENGTH = 256 * 1024;
const MAX_LEXEME_BYTES = 640 * 1024; // a tsvector has room for a megabyte, positions included
/** In UTF-8, of what is one place in a text here. */
const MOST_BYTES_OF_A_LETTER = 3;
/**
 * Of a word. No position may be above 16,383 either, which MAX_WORDS sees to.
 * https://www.postgresql.org/docs/current/textsearch-limitations.html
 */
const MAX_POSITIONS = 255;
/** Words that stand in one lexeme. A text of no more of them is a short one. */
export const MAX_CHAIN = 8;
/** In UTF-8, so that a whole chain with its mark and blanks keeps within the 2,046 bytes that a lexeme may have. */
const MAX_WORD_BYTES = 250;

export const EVERY_SUBMISSION = '*';
/** Each word of a chain is followed by a blank, so that a whole word can be told from the beginning of one. */
export const CHAINS = { short: '=', form: 'f/', by: 'b/' } as const;
export const LONG = '~';
const PAIR = '+';
const SHORT_PAIR = '-';
const MAX_SHORT_WORD = 4;
const PAIR_BITS = 32;
const PAIR_LEXEME_BITS = 12;
/** In their order as texts, too. */
const PAIR_LEXEMES = Array.from(
  { length: 2 ** PAIR_LEXEME_BITS },
  (_, number) => `${PAIR}${number.toString(36).padStart(3, '0')}`,
);
const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const GOLDEN_RATIO = 0x9e3779b1;

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
/** Scripts that put no blank between words: each letter counts as a word, and a text of them as a phrase. */
const BLANKLESS = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => `\\p{Script_Extensions=${script}}`)
  .join('');
const HAS_BLANKLESS = new RegExp(`[${BLANKLESS}]`, 'u');
const BLANKLESS_PARTS = new RegExp(`[${BLANKLESS}]\\p{M}*|[^${BLANKLESS}]+`, 'gu');
const ASCII_WORD = /[a-z0-9]+/g;
/** People look for the date alone, and hardly for seconds. */
const DATE_WITH_TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d).{0,28}$/;
/** The engine's ids. Nobody looks for a part of one but its beginning. */
const UUID = /(?<![\da-z])[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}(?![\da-z])/gi;
const UUID_LENGTH = 36;
const TIME_AFTER_DATE = /(\d-\d\d)t(\d\d:)/g;

/**
 * The words of a text in their order: letters and digits of any script, in lower case; everything else separates. A UUID is one
 * word, without its hyphens.
 */
export function splitWords(text: string): string[] {
  const joined = text.length < UUID_LENGTH ? text : text.replace(UUID, (uuid) => uuid.replaceAll('-', ''));
  const words = /^[\0-\x7f]*$/.test(joined) ? splitAscii(joined) : splitUnicode(joined);
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
  if (word.length * MOST_BYTES_OF_A_LETTER <= MAX_WORD_BYTES) return word;
  // It writes whole letters only.
  const { read } = new TextEncoder().encodeInto(word, new Uint8Array(MAX_WORD_BYTES));
  return word.slice(0, read);
}

/**
 * What stands for two words side by side: a lexeme, and where others share it, eight hexadecimal digits that hardly any others
 * have; of short words, the lexeme is theirs alone.
 */
export function pairOf(first: string, second: string): { lexeme: string; hex: string | null } {
  if (areShort(first, second)) return { lexeme: shortPair(first, second), hex: null };
  const number = pairNumber(hashOf(first), hashOf(second));
  return { lexeme: lexemeOf(number), hex: number.toString(16).padStart(PAIR_BITS / 4, '0') };
}

function areShort(first: string, second: string): boolean {
  return first.length <= MAX_SHORT_WORD && second.length <= MAX_SHORT_WORD;
}

function shortPair(first: string, second: string): string {
  return `${SHORT_PAIR}${first} ${second}`;
}

function pairNumber(first: number, second: number): number {
  return Math.imul(Math.imul(first, FNV_PRIME) ^ second, GOLDEN_RATIO) >>> 0;
}

/** The upper bits of a product are the better ones. */
function lexemeOf(pair: number): string {
  return PAIR_LEXEMES[pair >>> (PAIR_BITS - PAIR_LEXEME_BITS)] ?? '';
}

/** FNV-1a. */
function hashOf(word: string): number {
  let hash = FNV_START;
  for (let index = 0; index < word.length; index++) hash = Math.imul(hash ^ word.charCodeAt(index), FNV_PRIME);
  return hash;
}

export type FindableText = {
  caseId: string;
  formName: string;
  title: string | null;
  submittedBy: string;
  answers: Iterable<string>;
};

/** The text of a tsvector, and the pairs of longer words in hexadecimal, one after the other. */
export function renderWords({ caseId, formName, title, submittedBy, answers }: FindableText): {
  words: string;
  pairs: string;
} {
  const lexemes = createLexemes();
  const left = { words: MAX_WORDS, length: MAX_TEXT_LENGTH };
  const addText = (text: string): void => {
    const words = splitWords(text.slice(0, left.length)).slice(0, left.words);
    left.words -= words.length;
    left.length -= text.length;
    if (words.length > MAX_CHAIN) lexemes.addLong(words);
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
  const plain = new Set<string>();
  const longWords = new Map<string, { hash: number; positions: number[] }>();
  const pairs: number[] = [];
  let bytesLeft = MAX_LEXEME_BYTES;
  let position = 1;

  function takeRoomFor(lexeme: string): boolean {
    bytesLeft -= MOST_BYTES_OF_A_LETTER * lexeme.length;
    return bytesLeft >= 0;
  }

  function add(lexeme: string): void {
    if (!plain.has(lexeme) && takeRoomFor(lexeme)) plain.add(lexeme);
  }

  function longWordOf(word: string) {
    const known = longWords.get(word);
    if (known !== undefined) return known;
    const added = { hash: hashOf(word), positions: [] as number[] };
    if (takeRoomFor(word)) longWords.set(word, added);
    return added;
  }

  function addLong(words: readonly string[]): void {
    let before: { word: string; hash: number } | null = null;
    for (const word of words) {
      const { hash, positions } = longWordOf(word);
      if (positions.length < MAX_POSITIONS) positions.push(position);
      position++;
      if (before !== null && areShort(before.word, word)) add(shortPair(before.word, word));
      else if (before !== null) pairs.push(pairNumber(before.hash, hash));
      before = { word, hash };
    }
    position++;
  }

  /** One from each of the words on, as long as there are enough of them. */
  function addChains(mark: string, words: readonly string[], fewestWords: number): void {
    for (let index = 0; index <= words.length - fewestWords; index++) {
      add(`${mark}${words.slice(index, index + MAX_CHAIN).join(' ')} `);
    }
  }

  function renderLong(word: string): string {
    return `'${LONG}${word}':${longWords.get(word)?.positions.join(',')}`;
  }

  return {
    add,
    addShort(words: readonly string[]): void {
      for (const word of words) add(word);
      addChains(CHAINS.short, words, 2);
    },
    addLong,
    addChains,
    render() {
      // Nearly the database's own order, which spares it the most of sorting.
      const lexemes = [...plain].sort();
      const behindLong = lexemes.findIndex((lexeme) => lexeme > LONG);
      const [every = '', ...others] = behindLong < 0 ? lexemes : lexemes.slice(0, behindLong);
      const { inPairs, hex } = renderPairs(new Uint32Array(pairs).sort());
      const inLong = [...longWords.keys()].sort().map(renderLong);
      const last = behindLong < 0 ? [] : lexemes.slice(behindLong);
      const parts = [quoteAll([every, ...inPairs, ...others]), ...inLong, quoteAll(last)];
      return { words: parts.filter((part) => part !== '').join(' '), pairs: hex };
    },
  };
}

function quoteAll(lexemes: readonly string[]): string {
  return lexemes.length === 0 ? '' : `'${lexemes.join("' '")}'`;
}

/** Each once. */
function renderPairs(sorted: Uint32Array): { inPairs: string[]; hex: string } {
  const bytes = Buffer.allocUnsafe(sorted.byteLength);
  const inPairs: string[] = [];
  let length = 0;
  let [lastNumber, lastLexeme] = [-1, ''];
  for (const number of sorted) {
    if (number === lastNumber) continue;
    length = bytes.writeUInt32BE(number, length);
    const lexeme = lexemeOf(number);
    if (lexeme !== lastLexeme) inPairs.push(lexeme);
    [lastNumber, lastLexeme] = [number, lexeme];
  }
  return { inPairs, hex: bytes.toString('hex', 0, length) };
}
