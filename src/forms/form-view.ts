/**
 * A form as a person reads it: labels and answers, in the order and grouping of the form. No HTML, no markup: what somebody typed is
 * text, whatever it holds.
 */
export type FormView = {
  title: string;
  /** `definition`: by the labels of the form that was filled in. `names`: without one, by the names of the data. */
  labelledBy: 'definition' | 'names';
  items: ViewItem[];
};

export type ViewItem =
  | { kind: 'answer'; label: string; answer: Answer }
  /** A panel, field set or nested object. An empty label: no heading. */
  | { kind: 'group'; label: string; items: ViewItem[] }
  /** A data grid: rows of answers below headings. */
  | { kind: 'table'; label: string; columns: string[]; rows: Answer[][] }
  /** A list of things that are no plain answers, such as an array of nested objects. */
  | { kind: 'list'; label: string; entries: ViewItem[][] };

export type Answer =
  | { kind: 'text'; text: string }
  /** One line for each value of a multiple choice. */
  | { kind: 'choices'; texts: string[] }
  /** Ticked or not. */
  | { kind: 'checked'; checked: boolean }
  | { kind: 'file'; fileName: string; contentType: string; bytes: number; key: string | null }
  | { kind: 'files'; files: Extract<Answer, { kind: 'file' }>[] }
  /** Nothing was answered. */
  | { kind: 'none' };
