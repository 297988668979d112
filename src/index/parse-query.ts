/**
 * What a person types into the search, understood as far as it can be: it never fails.
 *
 *   gate "north side" harb* -closed BF-2026-0001 form:site-visit by:"anna lopez" from:2026-11 to:2026-11-21
 *
 * Blanks separate; what stands together (`BF-2026-0001`, `anna@example.com`) is a phrase of its words, as quotes make one.
 */
import { parseSpan } from '../time/parse-span.ts';
import { splitWords } from './words.ts';

/** What somebody looks for; all parts must hold for one and the same submission. */
export type CaseQuery = {
  /** Each as its words in a row; `prefix`: the last word may go on. `field`: in the name or title of the form, or its submitter. */
  terms: readonly { words: readonly string[]; prefix: boolean; not: boolean; field: 'form' | 'by' | null }[];
  /** Inclusive, in ms since 1970; `from` at the beginning of its day in UTC, `to` at its end. */
  fromMs: number | null;
  toMs: number | null;
  /** What could not be understood, as it was written: told to the person, and left out of the search. */
  ignored: readonly string[];
};

type Term = CaseQuery['terms'][number];
type Token = { text: string; not: boolean; field: string | null; value: string };

const MAX_LENGTH = 2_000;
const MAX_TERMS = 24;
const MAX_WORDS = 32;
const MAX_IGNORED = 20;

/** A sign, a field, then a text in quotes (the last of which may be missing) or up to the next blank. */
const TOKEN = /(-?)(?:(form|by|from|to):)?(?:"([^"]*)(?:"(\*?)|$)|(\S+)|(?=\s|$))/giy;
const OTHER_QUOTES = /[“”„«»]/g;

export function parseCaseQuery(text: string): CaseQuery {
  const terms: Term[] = [];
  const ignored: string[] = [];
  let fromMs: number | null = null;
  let toMs: number | null = null;
  if (text.length > MAX_LENGTH) ignored.push(cut(text.slice(MAX_LENGTH)));
  for (const token of tokensOf(text.slice(0, MAX_LENGTH).replace(OTHER_QUOTES, '"'))) {
    if (token.field === 'from' || token.field === 'to') {
      const span = token.not ? null : parseSpan(token.value);
      if (span === null) ignored.push(token.text);
      else if (token.field === 'from') fromMs = Math.max(fromMs ?? span.fromMs, span.fromMs);
      else toMs = Math.min(toMs ?? span.toMs, span.toMs);
      continue;
    }
    const term = termOf(token);
    if (term === null || terms.length === MAX_TERMS) ignored.push(token.text);
    else terms.push(term);
  }
  return { terms, fromMs, toMs, ignored: ignored.slice(0, MAX_IGNORED).map(cut) };
}

function* tokensOf(text: string): Generator<Token> {
  for (let at = text.search(/\S/); at >= 0 && at < text.length; ) {
    TOKEN.lastIndex = at;
    const [whole = '', sign = '', field, quoted, star = '', plain = ''] = TOKEN.exec(text) ?? [];
    yield {
      text: whole,
      not: sign !== '',
      field: field?.toLowerCase() ?? null,
      value: quoted === undefined ? plain : quoted + star,
    };
    at += Math.max(1, whole.length);
    at += text.slice(at).search(/\S|$/);
  }
}

/** `null` where there is no word in it. */
function termOf({ value, not, field }: Token): Term | null {
  const words = splitWords(value).slice(0, MAX_WORDS);
  if (words.length === 0) return null;
  return { words, prefix: isOpen(value), not, field: field === 'form' || field === 'by' ? field : null };
}

/** A star right behind a word; behind a hyphen it only says that something may follow. */
function isOpen(value: string): boolean {
  return /[\p{L}\p{N}\p{M}]\*+$/u.test(value);
}

function cut(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
