import type { FormOutline } from '../../../src/forms/form-outline.ts';
import type { Answer, FormView, ViewItem } from '../../../src/forms/form-view.ts';
import { readCamundaForm } from '../../../src/forms/read-camunda-form.ts';
import { readFormio } from '../../../src/forms/read-formio.ts';
import { viewOfForm } from '../../../src/forms/view-of-form.ts';
import { parseJsonTree } from '../../../src/submission/json-tree.ts';

const FORM = { name: 'site-visit', submittedBy: 'anna', submissionDate: '2026-11-21T08:53:07.057Z' };

/** Convention data as the vault has it; a text is taken as the JSON that it is. */
export function viewOfAnswers(answers: object | string, definition: FormOutline | null = null): FormView {
  const json = typeof answers === 'string' ? answers : JSON.stringify(answers);
  const comma = json === '{}' ? '' : ',';
  const body = `${json.slice(0, -1)}${comma}"form":${JSON.stringify(FORM)},"process":{"instanceId":"p1"}}`;
  return viewOfForm(definition, parseJsonTree(body));
}

export function aTaskBody(data: object, more: object = {}): object {
  const task = { id: 't1', definitionKey: 'describe', name: 'Describe the site', assignee: 'anna' };
  return { data, form: { ...FORM, name: 'describe' }, process: { instanceId: 'p1' }, task, ...more };
}

export function viewOfBody(body: unknown, definition: FormOutline | null = null): FormView {
  return viewOfForm(definition, parseJsonTree(JSON.stringify(body)));
}

/** What a Form.io form with these components shows of answers. */
export function formio(components: object[], answers: object | string): string[] {
  return linesOf(viewOfAnswers(answers, readFormio({ title: 'Visit', components })));
}

/** What a Camunda form with these components shows of the data of a task. */
export function camundaForm(components: object[], data: object): string[] {
  return linesOf(viewOfBody(aTaskBody(data), readCamundaForm({ type: 'default', components })));
}

/** One line for each answer: `Place › City: Oslo`; tables have a line for each row. */
export function linesOf(view: FormView): string[] {
  return itemLines(view.items, '');
}

function itemLines(items: ViewItem[], above: string): string[] {
  return items.flatMap((item) => linesOfItem(item, `${above}${item.label}`));
}

function linesOfItem(item: ViewItem, at: string): string[] {
  switch (item.kind) {
    case 'answer':
      return [`${at}: ${textOfAnswer(item.answer)}`];
    case 'group':
      return itemLines(item.items, `${at} › `);
    case 'list':
      return item.entries.flatMap((entry, i) => itemLines(entry, `${at} ${i + 1} › `));
    case 'table':
      return [item.columns, ...item.rows.map((row) => row.map(textOfAnswer))].map(
        (cells) => `${at} | ${cells.join(' | ')}`,
      );
  }
}

export function textOfAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'text':
      return answer.text;
    case 'choices':
      return answer.texts.join(' + ');
    case 'checked':
      return answer.checked ? 'yes' : 'no';
    case 'file':
      return `${answer.fileName} (${answer.contentType}, ${answer.bytes} bytes, ${answer.key ?? 'not kept'})`;
    case 'files':
      return answer.files.map(textOfAnswer).join(' + ');
    case 'none':
      return '–';
  }
}

export function countItems(items: ViewItem[]): number {
  return items.reduce((count, item) => {
    if (item.kind === 'group') return count + 1 + countItems(item.items);
    if (item.kind === 'list') return count + 1 + item.entries.reduce((sum, entry) => sum + countItems(entry), 0);
    if (item.kind === 'table') return count + 1 + item.rows.reduce((sum, row) => sum + row.length, 0);
    return count + (item.answer.kind === 'choices' ? item.answer.texts.length : 1);
  }, 0);
}
