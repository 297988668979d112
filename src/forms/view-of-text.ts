import type { FormView } from './form-view.ts';

const MAX_LENGTH = 100_000;

/** An object that is no JSON, shown as it is. */
export function viewOfText(title: string, text: string): FormView {
  const shown = text.slice(0, MAX_LENGTH).toWellFormed();
  const more = text.length > MAX_LENGTH ? ` … ${text.length - MAX_LENGTH} more characters: see the raw data` : '';
  return {
    title,
    labelledBy: 'names',
    items: [{ kind: 'answer', label: 'Text', answer: { kind: 'text', text: `${shown}${more}` } }],
  };
}
