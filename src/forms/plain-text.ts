const MAX_LABEL = 1_000;
const MAX_HTML = 20_000;

const TAG = /<\/?[a-z][^<>]*>/gi;
/** After these a new line, or at least a new word, begins. */
const BREAK = /^<(?:(?:br|hr)\b|\/(?:p|div|li|tr|h[1-6]|blockquote|pre|td|th|figure)\b)/i;
const PICTURE = /^<img\b/i;
const LINK = /^<a\b[^<>]*?\shref="([^"<>]*)"/i;
const END_OF_LINK = /^<\/a\b/i;
const OF_AN_EDITOR =
  /^(?:a|b|blockquote|br|code|div|em|figure|h[1-6]|hr|i|img|li|ol|p|pre|s|span|strong|sub|sup|table|tbody|td|th|thead|tr|u|ul)$/i;

const ENTITIES = new Map(
  Object.entries({
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    nbsp: '\u00a0',
    pound: '£',
    euro: '€',
    cent: '¢',
    yen: '¥',
    hellip: '…',
    ndash: '–',
    mdash: '—',
    lsquo: '‘',
    rsquo: '’',
    ldquo: '“',
    rdquo: '”',
    bull: '•',
    middot: '·',
    deg: '°',
    copy: '©',
    reg: '®',
    trade: '™',
    frac12: '½',
    times: '×',
    auml: 'ä',
    ouml: 'ö',
    uuml: 'ü',
    Auml: 'Ä',
    Ouml: 'Ö',
    Uuml: 'Ü',
    szlig: 'ß',
    eacute: 'é',
    egrave: 'è',
    agrave: 'à',
    ccedil: 'ç',
  }),
);

/** The words of a label, without its markup, on one line. Empty where it has none. */
export function plainLabel(html: string): string {
  const text = withoutComments(html.slice(0, MAX_HTML)).replaceAll(TAG, (tag) => (BREAK.test(tag) ? ' ' : ''));
  const words = decodeEntities(text).replaceAll(/\s+/g, ' ').trim().toWellFormed();
  return words.length <= MAX_LABEL ? words : `${words.slice(0, MAX_LABEL).toWellFormed()}…`;
}

/**
 * What somebody wrote in an editor, as lines. `null` for markup that no editor makes: that is shown as it is, so that
 * nothing can hide in it.
 */
export function plainLines(html: string): string | null {
  const names = [...html.matchAll(/<\/?([a-z][\w:-]*)/gi)].map(([, name]) => name ?? '');
  if (html.includes('<!') || !names.every((name) => OF_AN_EDITOR.test(name))) return null;
  let href = '';
  const text = html.replaceAll(TAG, (tag) => {
    if (END_OF_LINK.test(tag)) {
      const target = href === '' ? '' : ` (${href})`;
      href = '';
      return target;
    }
    href = LINK.exec(tag)?.[1] ?? href;
    if (PICTURE.test(tag)) return '[picture]';
    return BREAK.test(tag) ? '\n' : '';
  });
  return decodeEntities(text)
    .replaceAll(/[^\S\n]+/g, ' ')
    .replaceAll(/ ?\n ?/g, '\n')
    .trim();
}

function withoutComments(html: string): string {
  const [first = '', ...others] = html.split('<!--');
  return first + others.map((text) => text.slice(text.indexOf('-->') < 0 ? 0 : text.indexOf('-->') + 3)).join(' ');
}

export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{1,10}));/gi, (reference, hex, decimal, named) => {
    if (named !== undefined) return ENTITIES.get(named) ?? reference;
    const point = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
    return point > 0 && point <= 0x10_ffff ? String.fromCodePoint(point).toWellFormed() : reference;
  });
}
