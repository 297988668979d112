import { unlessBlank } from '../submission/blank.ts';
import { childrenOf, isKind } from '../submission/json-tree.ts';
import { type Answers, isContainer, memberText } from './answers.ts';
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
