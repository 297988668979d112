import { decodeEntities } from './plain-text.ts';

export type HtmlTag = { kind: 'tag'; name: string; isEnd: boolean; attributes: ReadonlyMap<string, string> };
export type HtmlPiece = HtmlTag | { kind: 'text'; text: string };

const NAME = /<(\/?)([a-z][\w:-]*)/iy;
const ATTRIBUTE = /[\s/]*([^\s/>="'][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?/y;
/** What stands in them is no HTML. */
const RAW = new Set(['script', 'style', 'textarea', 'title']);

/** Tags and texts of HTML, in their order; whatever cannot be read as a tag is text. Texts are as they stand, entities and all. */
export function* scanHtml(html: string): Generator<HtmlPiece> {
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open < 0) break;
    if (open > at) yield { kind: 'text', text: html.slice(at, open) };
    at = open;
    if (html.startsWith('<!', at)) {
      const end = html.startsWith('<!--', at) ? html.indexOf('-->', at + 4) : html.indexOf('>', at);
      at = end < 0 ? html.length : end + (html[end] === '>' ? 1 : 3);
      continue;
    }
    NAME.lastIndex = at;
    const [all = '', slash, written = ''] = NAME.exec(html) ?? [];
    if (all === '') {
      yield { kind: 'text', text: '<' };
      at++;
      continue;
    }
    const name = written.toLowerCase();
    const attributes = new Map<string, string>();
    at = readAttributes(html, at + all.length, attributes);
    yield { kind: 'tag', name, isEnd: slash === '/', attributes };
    if (RAW.has(name) && slash !== '/') at = endOfRaw(html, at, name);
  }
  if (at < html.length) yield { kind: 'text', text: html.slice(at) };
}

/** Returns the position behind the tag. */
function readAttributes(html: string, start: number, attributes: Map<string, string>): number {
  let at = start;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const found = ATTRIBUTE.exec(html);
    if (found === null) break;
    const [all, name = '', double, single, bare] = found;
    at += all.length;
    // Of two with the same name browsers take the first.
    const key = name.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, decodeEntities(double ?? single ?? bare ?? ''));
  }
  const end = html.indexOf('>', at);
  return end < 0 ? html.length : end + 1;
}

function endOfRaw(html: string, start: number, name: string): number {
  const end = new RegExp(`</${name}`, 'i').exec(html.slice(start));
  return end === null ? html.length : start + end.index;
}
