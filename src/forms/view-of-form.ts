/**
 * A stored submission -> the form as a person reads it.
 *
 * Total and bounded, whatever was submitted and whatever the definition is. Nothing that was submitted gets lost between the two:
 * what no part of the definition claims comes last, as it can be read without one; what there is no room for is counted.
 */
import { isKind, type JsonTree } from '../submission/json-tree.ts';
import { createAnswers } from './answers.ts';
import { findAnswers, openEnvelope } from './find-answers.ts';
import type { FormOutline } from './form-outline.ts';
import type { Answer, FormView, ViewItem } from './form-view.ts';
import { createNamesView, groupOf } from './names-view.ts';
import { createOutlineView } from './outline-view.ts';
import { type FileAnswer, NO_ANSWER } from './plain-answer.ts';
import { splitBody } from './split-body.ts';
import { createViewLimits, withCommas } from './view-limits.ts';
import { wordsOf } from './words-of-name.ts';

export function viewOfForm(definition: FormOutline | null, submission: JsonTree): FormView {
  const answers = createAnswers(submission);
  const limits = createViewLimits();
  const names = createNamesView(answers, limits);
  if (!isKind(submission, 0, 'object')) {
    const item = names.itemOf('Submission', 0, 0);
    return { title: definition?.title ?? 'Form', labelledBy: 'names', items: [...listed(item), ...more()] };
  }

  const body = splitBody(answers);
  const place = definition === null ? null : findAnswers(answers, definition, body);
  const items: ViewItem[] = [];
  if (definition !== null && place !== null) {
    const outline = createOutlineView(answers, limits, names, { root: place, takeFiles });
    items.push(...outline.itemsOf(definition.parts, place, 0));
    items.push(...listed(groupOf('More data', leftOver(place))));
  } else items.push(...leftOver(openEnvelope(answers, body.root)));
  if (body.shift !== null) {
    items.push(...listed(groupOf('Shift details', names.itemsOf(body.shift, 0))));
  }
  return {
    title: definition?.title ?? body.title,
    labelledBy: place === null ? 'names' : 'definition',
    items: [...items, ...more()],
  };

  /** What has no place yet: of the answers, of the files, of all that stands around them. */
  function leftOver(inner: number): ViewItem[] {
    const rest: ViewItem[] = [];
    for (const object of new Set([inner, body.root])) {
      rest.push(...names.itemsOf(object, 0));
      answers.claim(object);
    }
    for (const variable of [...body.files.keys()]) {
      rest.push(...listed(names.shown(wordsOf(variable), takeFiles(variable) ?? NO_ANSWER, null)));
    }
    return [...rest, ...names.itemsOf(0, 0)];
  }

  function takeFiles(variable: string): Answer | null {
    const files: FileAnswer[] = body.files.get(variable) ?? [];
    body.files.delete(variable);
    const [first] = files;
    if (first === undefined) return null;
    return files.length === 1 ? first : { kind: 'files', files };
  }

  function more(): ViewItem[] {
    const count = limits.omitted();
    if (count === 0) return [];
    const text = `… ${withCommas(count)} more ${count === 1 ? 'value' : 'values'}: see the raw data`;
    return [{ kind: 'answer', label: 'Not shown here', answer: { kind: 'text', text } }];
  }
}

function listed(item: ViewItem | null): ViewItem[] {
  return item === null ? [] : [item];
}
