import { unlessBlank } from '../submission/blank.ts';
import { childrenOf, isKind, keyOf } from '../submission/json-tree.ts';
import { type Answers, isContainer, memberText } from './answers.ts';
import type { FormOutline, FormPart } from './form-outline.ts';
import { countOf, type FileAnswer } from './plain-answer.ts';
import { shownText } from './view-limits.ts';
import { wordsOf } from './words-of-name.ts';

export type Body = {
  title: string;
  /** Where the answers begin, however deep a form builder put them. */
  root: number;
  /** Who worked when, which is no answer; `null` where there is none. */
  shift: number | null;
  /** Files that were sent with a task, by their variable. */
  files: Map<string, FileAnswer[]>;
};

const SHIFT = 'shiftDetailsContext';

/**
 * A body as it is stored -> where what is in it. The sections that say whose it is are no answers: they are claimed here.
 *
 * In convention data the answers stand beside these sections, in task submissions in `data`.
 */
export function splitBody(answers: Answers): Body {
  const { tree } = answers;
  const body = 0;
  const isTask = isTaskSubmission(answers);
  const nameOf = (path: string): string | null => unlessBlank(memberText(answers, body, path));
  const title = nameOf('form.title') ?? (isTask ? nameOf('task.name') : null);
  const name = nameOf('form.name');
  const files = isTask ? readFiles(answers) : new Map<string, FileAnswer[]>();
  claimSections(answers, isTask);
  const shift = isTask ? null : answers.find(body, SHIFT);
  const hasShift = shift !== null && isKind(tree, shift, 'object');
  if (hasShift) answers.claim(shift);
  return {
    title: title === null ? (name === null ? 'Form' : wordsOf(name)) : shownText(title),
    root: (isTask ? answers.find(body, 'data') : null) ?? body,
    shift: hasShift ? shift : null,
    files,
  };
}

function isTaskSubmission(answers: Answers): boolean {
  const data = answers.find(0, 'data');
  const task = ['id', 'definitionKey'].map((name) => answers.find(0, `task.${name}`));
  return (
    data !== null &&
    isKind(answers.tree, data, 'object') &&
    task.every((node) => node !== null && isKind(answers.tree, node, 'string'))
  );
}

/** In `form`, what nests is no name and no date, but data that somebody put there: it is left over. */
function claimSections(answers: Answers, isTask: boolean): void {
  const { tree } = answers;
  for (const name of isTask ? ['process', 'task'] : ['process']) {
    const section = answers.find(0, name);
    if (section !== null && isKind(tree, section, 'object')) answers.claim(section);
  }
  const form = answers.find(0, 'form');
  if (form === null || !isKind(tree, form, 'object')) return;
  const members = [...childrenOf(tree, form)];
  const named = members.filter((member) => !isContainer(tree, member));
  if (named.length === members.length) answers.claim(form);
  for (const member of named) answers.claim(member);
}

/** Entries that are none of ours are left over. */
function readFiles(answers: Answers): Map<string, FileAnswer[]> {
  const { tree } = answers;
  const files = new Map<string, FileAnswer[]>();
  const list = answers.find(0, 'attachments');
  if (list === null || !isKind(tree, list, 'array')) return files;
  for (const entry of childrenOf(tree, list)) {
    const text = (name: string): string | null => memberText(answers, entry, name);
    const [variable, fileName, key] = [text('variable'), text('fileName'), text('key')];
    if (variable === null || fileName === null || key === null) continue;
    answers.claim(entry);
    const file: FileAnswer = {
      kind: 'file',
      fileName: shownText(fileName),
      contentType: text('contentType') ?? 'application/octet-stream',
      bytes: countOf(text('bytes')),
      key,
    };
    files.set(variable, [...(files.get(variable) ?? []), file]);
  }
  return files;
}

const MAX_PLACES = 200;
const MAX_PLACE_DEPTH = 3;
const MAX_PATHS = 1_000;

/**
 * The object whose names are best those of the definition, at `root` or a little below it. In doubt it is the outer one: an object
 * among the answers may have names like theirs. `null` when none of them has a single one, though something was answered: the
 * definition is that of another form.
 */
export function findAnswers(answers: Answers, definition: FormOutline, { root, files }: Body): number | null {
  const paths = [...new Set(pathsOf(definition.parts))].slice(0, MAX_PATHS);
  const scoreOf = (place: number): number =>
    paths.filter((path) => answers.find(place, path) !== null || (place === root && files.has(path))).length;
  let best = { place: root, score: scoreOf(root) };
  for (const place of placesBelow(answers, root)) {
    const score = scoreOf(place);
    const isEnvelope = keyOf(answers.tree, place) === 'data';
    if (score > best.score * (isEnvelope ? 1 : 2)) best = { place, score };
  }
  const isAnswered = answers.countValues(root) > (answers.tree.after[root] === root + 1 ? 1 : 0) || files.size > 0;
  return best.score === 0 && isAnswered ? null : best.place;
}

/** Outer objects first; bounded in number and depth. */
function placesBelow(answers: Answers, root: number): number[] {
  const { tree } = answers;
  const places: number[] = [];
  let level = [root];
  for (let depth = 0; depth < MAX_PLACE_DEPTH; depth++) {
    level = level
      .flatMap((place) => [...answers.membersOf(place).values()])
      .filter((member) => isKind(tree, member, 'object') && !answers.isClaimed(member))
      .slice(0, MAX_PLACES - places.length);
    places.push(...level);
  }
  return places;
}

function pathsOf(parts: readonly FormPart[]): string[] {
  return parts.flatMap((part) => {
    if (part.kind === 'section') return pathsOf(part.parts);
    return part.kind === 'nested' && !part.isCertain ? [part.path, ...pathsOf(part.parts)] : [part.path];
  });
}

/** Without a definition: a form builder's envelope around the answers is opened. */
export function openEnvelope(answers: Answers, root: number): number {
  const { tree } = answers;
  const open = [...childrenOf(tree, root)].filter((member) => !answers.isTouched(member));
  const [only] = open;
  const isEnvelope =
    open.length === 1 && only !== undefined && isKind(tree, only, 'object') && keyOf(tree, only) === 'data';
  return isEnvelope ? only : root;
}
