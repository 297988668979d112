/**
 * JSON variable -> the submissions in it, by the convention of the seeds: an object with a form section, anywhere.
 *
 * The outer ones come first, each with what is nested in it as it was. They are found one at a time: a variable can hold a
 * million of them.
 */
import { FormvaultError } from '../errors.ts';
import { unlessBlank } from './blank.ts';
import type { VariableChange } from './change.ts';
import { digestOf } from './digest.ts';
import { findMember, isKind, JsonSyntaxError, type JsonTree, parseJsonTree, pointerOf, textOf } from './json-tree.ts';
import type { FormSection, ProcessSection, Submission } from './submission.ts';
import { hintToWriteAgain } from './write-again.ts';

const FORM_SECTION_FIELDS = ['name', 'formId', 'formVersionId', 'submissionDate', 'submittedBy'] as const;
/** In a failure; a pointer can be as long as the variable is deep. */
const MAX_POINTER_LENGTH = 200;
const MAY_HOLD_FORM = /"form"|\\u/;

/**
 * What stands at one place of a variable: a submission, or the reason why it is none. A bad one does not hold up the good
 * ones beside it.
 */
export type Found = { submission: Submission } | { invalid: FormvaultError };

type Text = Pick<VariableChange, 'ref' | 'text' | 'variableName'>;

export function* splitConvention(change: Text): Generator<Found> {
  if (!MAY_HOLD_FORM.test(change.text)) return;
  let tree: JsonTree;
  try {
    tree = parseJsonTree(change.text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const attempted = 'could not parse the variable as JSON';
    if (change.text.includes('"form"')) yield { invalid: invalid(attempted, 'as valid JSON', change, '', error) };
    return;
  }
  const emailOfRoot = readEmail(tree, 0);
  for (const { node, section } of formSections(tree)) {
    const pointer = pointerOf(tree, node);
    const wrong = FORM_SECTION_FIELDS.find((field) => isStructure(tree, findMember(tree, section, field)));
    if (wrong !== undefined) {
      const attempted = `could not read form.${wrong}, which is an object or an array instead of a text`;
      yield { invalid: invalid(attempted, `with a text in form.${wrong}`, change, pointer) };
      continue;
    }
    yield {
      submission: {
        tree,
        node,
        source: `${change.ref}#${pointer}`,
        form: readFormSection(tree, section),
        process: readProcessSection(tree, node),
        email: readEmail(tree, node) ?? emailOfRoot,
        digest: digestOf(tree, node),
        attachments: [],
      },
    };
  }
}

/** Whether a text holds convention data, good or bad; a text that is not JSON holds none. */
export function holdsConvention(text: string): boolean {
  if (!MAY_HOLD_FORM.test(text)) return false;
  try {
    return !formSections(parseJsonTree(text)).next().done;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false;
    throw error;
  }
}

/** The objects with a form section of the convention, outer ones first; anything else called `form` is just data. */
function* formSections(tree: JsonTree): Generator<{ node: number; section: number }> {
  const count = tree.after[0] ?? 0;
  // From the objects, not from the members called `form`: each member is looked at once, also where thousands are doubled.
  for (let node = 0; node < count; node++) {
    const section = findMember(tree, node, 'form');
    if (section === null || !isKind(tree, section, 'object')) continue;
    if (FORM_SECTION_FIELDS.some((field) => findMember(tree, section, field) !== null)) yield { node, section };
  }
}

function readFormSection(tree: JsonTree, section: number): FormSection {
  const field = (key: string): string | null => memberText(tree, section, key);
  return {
    name: field('name'),
    formId: field('formId'),
    formVersionId: field('formVersionId'),
    title: field('title'),
    submittedBy: field('submittedBy'),
    submissionDate: field('submissionDate'),
  };
}

function readProcessSection(tree: JsonTree, node: number): ProcessSection {
  const section = findMember(tree, node, 'process');
  const field = (key: string): string | null => (section === null ? null : memberText(tree, section, key));
  return { definitionId: field('definitionId'), instanceId: field('instanceId'), businessKey: field('businessKey') };
}

function readEmail(tree: JsonTree, node: number): string | null {
  const context = findMember(tree, node, 'shiftDetailsContext');
  return context === null ? null : memberText(tree, context, 'email');
}

function memberText(tree: JsonTree, object: number, key: string): string | null {
  const member = findMember(tree, object, key);
  return member === null ? null : unlessBlank(textOf(tree, member));
}

function isStructure(tree: JsonTree, node: number | null): boolean {
  return node !== null && (isKind(tree, node, 'object') || isKind(tree, node, 'array'));
}

function invalid(
  attempted: string,
  how: string,
  { ref, variableName }: Text,
  pointer: string,
  cause?: unknown,
): FormvaultError {
  return new FormvaultError('SUBMISSION_INVALID', attempted, {
    cause,
    hint: hintToWriteAgain(variableName, how),
    context: { source: `${ref}#${pointer.slice(0, MAX_POINTER_LENGTH)}` },
  });
}
