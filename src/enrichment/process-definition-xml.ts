import { XMLParser } from 'fast-xml-parser';

const MAX_DEPTH = 1_000;
const ATTRIBUTES = ':@';
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const NAMED_ENTITIES = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** One element with its namespaces resolved; texts and comments are left out. */
export type XmlElement = {
  namespace: string;
  name: string;
  /** By `name` or, for one with a prefix, `{namespace}name`. */
  attributes: Map<string, string>;
  children: XmlElement[];
};

type Scope = ReadonlyMap<string, string>;
type RawNode = Record<string, unknown>;

/** XML -> its root element; `null` where it cannot be read. Entities of a document type are not replaced. */
export function parseXml(xml: string): XmlElement | null {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    // The parser's limits on entities are for whole files, which may well hold a thousand `&amp;`; see `attributeText`.
    processEntities: false,
    strictReservedNames: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
    maxNestedTags: MAX_DEPTH,
  });
  let nodes: unknown;
  try {
    nodes = parser.parse(xml);
  } catch {
    return null;
  }
  return elementsIn(nodes, new Map([['xml', XML_NAMESPACE]]))[0] ?? null;
}

export function attributeOf(element: XmlElement, name: string, namespace?: string): string | null {
  return element.attributes.get(namespace === undefined ? name : `{${namespace}}${name}`) ?? null;
}

export function childrenNamed(element: XmlElement, namespaces: readonly string[], name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name && namespaces.includes(child.namespace));
}

/** At any depth, in document order; the element itself is not among them. */
export function* descendantsNamed(
  element: XmlElement,
  namespaces: readonly string[],
  name: string,
): Generator<XmlElement> {
  for (const child of element.children) {
    if (child.name === name && namespaces.includes(child.namespace)) yield child;
    yield* descendantsNamed(child, namespaces, name);
  }
}

function elementsIn(nodes: unknown, scope: Scope): XmlElement[] {
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node: RawNode) => {
    const tag = Object.keys(node).find((key) => key !== ATTRIBUTES && !key.startsWith('#'));
    return tag === undefined ? [] : [elementOf(tag, node, scope)];
  });
}

function elementOf(tag: string, node: RawNode, outer: Scope): XmlElement {
  const written = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, unknown>).map(
    ([name, value]) => [name.slice(1), attributeText(String(value))] as const,
  );
  const declared = written.filter(([name]) => name === 'xmlns' || name.startsWith('xmlns:'));
  const prefixes = declared.map(([name, uri]) => [name.slice('xmlns:'.length), uri] as const);
  const scope = declared.length === 0 ? outer : new Map([...outer, ...prefixes]);
  const attributes = new Map<string, string>();
  for (const [name, value] of written) {
    const { prefix, local } = splitName(name);
    // An attribute without a prefix is in no namespace, whatever the default namespace is.
    attributes.set(prefix === '' ? local : `{${scope.get(prefix) ?? ''}}${local}`, value);
  }
  const { prefix, local } = splitName(tag);
  return { namespace: scope.get(prefix) ?? '', name: local, attributes, children: elementsIn(node[tag], scope) };
}

function splitName(name: string): { prefix: string; local: string } {
  const colon = name.indexOf(':');
  return { prefix: name.slice(0, Math.max(colon, 0)), local: name.slice(colon + 1) };
}

/** XML 1.0, 3.3.3: line breaks and tabs are blanks, unless they are written as references. */
function attributeText(raw: string): string {
  const blanked = raw.replace(/\r\n|[\t\n\r]/g, ' ');
  if (!blanked.includes('&')) return blanked;
  return blanked.replace(/&(?:#x([0-9a-f]+)|#([0-9]+)|(\w+));/gi, (reference, hex, decimal, named) => {
    if (named !== undefined) return NAMED_ENTITIES.get(named) ?? reference;
    const point = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
    return point <= 0x10_ffff ? String.fromCodePoint(point) : reference;
  });
}
