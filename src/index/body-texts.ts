/** What the index reads from the body of a submission. */
import {
  childrenOf,
  findMember,
  isKind,
  JSON_KIND,
  type JsonTree,
  parseJsonTree,
  textOf,
} from '../submission/json-tree.ts';

const MAX_BODY_LENGTH = 32 * 1024 * 1024;
/** Of an id or a name; what is longer was made up. */
const MAX_FIELD_LENGTH = 1_000;
/** A text of this length without a blank is no language: a picture, a signature, a file. */
const BLOB = /^"(?:data:[\w.+-]+\/[\w.+-]+[;,]|[\x21-\x7e]{1000})/;
const BLOB_HEAD_LENGTH = 1_100;

type FormField = 'name' | 'title' | 'formId' | 'formVersionId' | 'submittedBy' | 'submissionDate';

export type ReadBody = {
  businessKey: string | null;
  instanceId: string | null;
  definitionId: string | null;
  form: Record<FormField, string | null>;
  /** Every string, number and boolean, as it stands there; of files their names. */
  answers(): Iterable<string>;
};

/** A body that is not JSON, or is larger than one can sensibly read, tells nothing. */
export function readBody(body: string | Uint8Array): ReadBody {
  const tree = body.length > MAX_BODY_LENGTH ? null : findTree(typeof body === 'string' ? body : decode(body));
  const field = (section: string, name: string): string | null => (tree === null ? null : fieldOf(tree, section, name));
  return {
    businessKey: field('process', 'businessKey'),
    instanceId: field('process', 'instanceId'),
    definitionId: field('process', 'definitionId'),
    form: {
      name: field('form', 'name'),
      title: field('form', 'title'),
      formId: field('form', 'formId'),
      formVersionId: field('form', 'formVersionId'),
      submittedBy: field('form', 'submittedBy'),
      submissionDate: field('form', 'submissionDate'),
    },
    answers: () => (tree === null ? [] : answersOf(tree)),
  };
}

function decode(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

function findTree(text: string): JsonTree | null {
  try {
    return parseJsonTree(text);
  } catch {
    return null;
  }
}

function fieldOf(tree: JsonTree, section: string, name: string): string | null {
  const object = findMember(tree, 0, section);
  const member = object === null ? null : findMember(tree, object, name);
  const text = member === null ? null : textOf(tree, member);
  return text === null || text === '' || text.length > MAX_FIELD_LENGTH ? null : text;
}

function* answersOf(tree: JsonTree): Generator<string> {
  const files = findFiles(tree);
  const end = tree.after[0] ?? 0;
  for (let node = 0; node < end; ) {
    const fileName = files.get(node);
    if (fileName !== undefined) {
      yield textOf(tree, fileName) ?? '';
      node = tree.after[node] ?? end;
      continue;
    }
    const text = isBlob(tree, node) ? null : textOf(tree, node);
    if (text !== null) yield text;
    node++;
  }
}

function isBlob(tree: JsonTree, node: number): boolean {
  if (tree.kinds[node] !== JSON_KIND.string) return false;
  const [start = 0, end = 0] = [tree.starts[node], tree.ends[node]];
  return BLOB.test(tree.text.slice(start, Math.min(end, start + BLOB_HEAD_LENGTH)));
}

/** The entries of `attachments` that tell of a file in the vault, each with the place of the file's name. */
function findFiles(tree: JsonTree): Map<number, number> {
  const files = new Map<number, number>();
  const list = findMember(tree, 0, 'attachments');
  if (list === null || !isKind(tree, list, 'array')) return files;
  for (const entry of childrenOf(tree, list)) {
    const fileName = findMember(tree, entry, 'fileName');
    if (fileName !== null && findMember(tree, entry, 'sha256') !== null) files.set(entry, fileName);
  }
  return files;
}
