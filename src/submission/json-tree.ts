/**
 * JSON as positions in its own text.
 *
 * What people submitted must come out as it went in: numbers with all their digits, doubled keys, the order of the members.
 * So the text is never turned into JavaScript values and back; the tree only says where each value begins and ends, and a
 * body is the old text with a few insertions. Parsing uses no recursion (10,000 levels are valid JSON) and flat arrays
 * (a million elements take some 25 MB). Do not "simplify" it to `JSON.parse`.
 *
 * Grammar: RFC 8259, strictly. A node is an index; the root is node 0; the nodes of a subtree are `node … tree.after[node] - 1`.
 */
export type JsonTree = {
  text: string;
  kinds: Uint8Array;
  /** Position of the value's first character, and of the character behind its last. */
  starts: Int32Array;
  ends: Int32Array;
  /** First node that is not in this node's subtree. */
  after: Int32Array;
  /** -1 for the root. */
  parents: Int32Array;
  /** Members: position of the key's opening quote. Elements of an array: their index. */
  labels: Int32Array;
};

export const JSON_KIND = { object: 1, array: 2, string: 3, number: 4, boolean: 5, null: 6 } as const;

/** The text is not JSON. Says where, never what stands there. */
export class JsonSyntaxError extends Error {
  constructor(where: { position: number; length: number }) {
    super(
      where.position >= where.length
        ? `the JSON text ends too early, after ${where.length} characters`
        : `not JSON at character ${where.position + 1} of ${where.length}`,
    );
    this.name = 'JsonSyntaxError';
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORDS: [string, number][] = [
  ['true', JSON_KIND.boolean],
  ['false', JSON_KIND.boolean],
  ['null', JSON_KIND.null],
];

class TreeBuilder {
  kinds = new Uint8Array(64);
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  after = new Int32Array(64);
  parents = new Int32Array(64);
  labels = new Int32Array(64);
  count = 0;

  add(kind: number, start: number, end: number, parent: number, label: number): number {
    if (this.count === this.kinds.length) this.grow();
    const node = this.count++;
    this.kinds[node] = kind;
    this.starts[node] = start;
    this.ends[node] = end;
    this.after[node] = node + 1;
    this.parents[node] = parent;
    this.labels[node] = label;
    return node;
  }

  private grow(): void {
    const size = this.kinds.length * 2;
    const wider = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(size);
      next.set(old);
      return next;
    };
    const kinds = new Uint8Array(size);
    kinds.set(this.kinds);
    this.kinds = kinds;
    this.starts = wider(this.starts);
    this.ends = wider(this.ends);
    this.after = wider(this.after);
    this.parents = wider(this.parents);
    this.labels = wider(this.labels);
  }
}

/** @throws JsonSyntaxError */
export function parseJsonTree(text: string): JsonTree {
  const tree = new TreeBuilder();
  const length = text.length;
  let at = 0;
  let open = -1; // the object or array that is being filled
  let elements = 0; // how many it has so far
  const counts: number[] = []; // the same of those around it
  let label = 0; // of the value that comes next

  const fail = (): never => {
    throw new JsonSyntaxError({ position: at, length });
  };
  const skipBlanks = (): void => {
    for (; at < length; at++) {
      const c = text.charCodeAt(at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
    }
  };
  const readString = (): void => {
    if (text.charCodeAt(at) !== 0x22) fail();
    at++;
    for (;;) {
      const c = text.charCodeAt(at);
      if (c === 0x22) break;
      if (c === 0x5c) {
        ESCAPE.lastIndex = at;
        if (!ESCAPE.test(text)) fail();
        at = ESCAPE.lastIndex;
      } else if (c >= 0x20) at++;
      else fail(); // a control character, or NaN at the end
    }
    at++;
  };
  const readKey = (): void => {
    skipBlanks();
    label = at;
    readString();
    skipBlanks();
    if (text.charCodeAt(at) !== 0x3a) fail();
    at++;
  };
  const close = (): void => {
    at++;
    tree.ends[open] = at;
    tree.after[open] = tree.count;
    open = tree.parents[open] ?? -1;
    elements = counts.pop() ?? 0;
  };

  for (;;) {
    // A value is due here.
    skipBlanks();
    const start = at;
    const c = text.charCodeAt(at);
    if (c === 0x7b || c === 0x5b) {
      const isObject = c === 0x7b;
      open = tree.add(isObject ? JSON_KIND.object : JSON_KIND.array, start, start, open, label);
      counts.push(elements);
      elements = 0;
      at++;
      skipBlanks();
      if (text.charCodeAt(at) === (isObject ? 0x7d : 0x5d)) close();
      else {
        if (isObject) readKey();
        else label = 0;
        continue;
      }
    } else if (c === 0x22) {
      readString();
      tree.add(JSON_KIND.string, start, at, open, label);
    } else {
      NUMBER.lastIndex = at;
      if (NUMBER.test(text)) {
        at = NUMBER.lastIndex;
        tree.add(JSON_KIND.number, start, at, open, label);
      } else {
        const word = WORDS.find(([spelled]) => text.startsWith(spelled, at)) ?? fail();
        at += word[0].length;
        tree.add(word[1], start, at, open, label);
      }
    }
    // A value has ended here: close what ends with it, or go on to the next one.
    for (;;) {
      skipBlanks();
      if (open < 0) {
        if (at < length) fail();
        return { ...tree, text } satisfies JsonTree;
      }
      const isObject = tree.kinds[open] === JSON_KIND.object;
      const next = text.charCodeAt(at);
      if (next === 0x2c) {
        at++;
        elements++;
        if (isObject) readKey();
        else label = elements;
        break;
      }
      if (next !== (isObject ? 0x7d : 0x5d)) fail();
      close();
    }
  }
}

export function isKind(tree: JsonTree, node: number, kind: keyof typeof JSON_KIND): boolean {
  return tree.kinds[node] === JSON_KIND[kind];
}

/** The value's text, just as it stands. */
export function sliceOf(tree: JsonTree, node: number): string {
  return tree.text.slice(tree.starts[node], tree.ends[node]);
}

/** The members of an object or the elements of an array, in their order. */
export function* childrenOf(tree: JsonTree, node: number): Generator<number> {
  const end = tree.after[node] ?? 0;
  for (let child = node + 1; child < end; child = tree.after[child] ?? end) yield child;
}

/** The key of an object's member, without its quotes and escapes. */
export function keyOf(tree: JsonTree, member: number): string {
  const start = tree.labels[member] ?? 0;
  let end = start + 1;
  let escaped = false;
  for (let c = tree.text.charCodeAt(end); c !== 0x22; c = tree.text.charCodeAt(end)) {
    if (c === 0x5c) escaped = true;
    end += c === 0x5c ? 2 : 1;
  }
  return escaped ? JSON.parse(tree.text.slice(start, end + 1)) : tree.text.slice(start + 1, end);
}

/** The member with this key; of doubled keys the last one, as in every JSON reader. */
export function findMember(tree: JsonTree, object: number, key: string): number | null {
  if (!isKind(tree, object, 'object')) return null;
  let found: number | null = null;
  for (const member of childrenOf(tree, object)) if (keyOf(tree, member) === key) found = member;
  return found;
}

/** A string without its quotes and escapes; a number or boolean as its text; `null` for anything else. */
export function textOf(tree: JsonTree, node: number): string | null {
  switch (tree.kinds[node]) {
    case JSON_KIND.string:
      return JSON.parse(sliceOf(tree, node));
    case JSON_KIND.number:
    case JSON_KIND.boolean:
      return sliceOf(tree, node);
    default:
      return null;
  }
}

/** RFC 6901. */
export function pointerOf(tree: JsonTree, node: number): string {
  const steps: string[] = [];
  for (let at = node, parent = tree.parents[at] ?? -1; parent >= 0; at = parent, parent = tree.parents[at] ?? -1) {
    const step = isKind(tree, parent, 'array') ? String(tree.labels[at]) : keyOf(tree, at);
    steps.push(`/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
  return steps.reverse().join('');
}
