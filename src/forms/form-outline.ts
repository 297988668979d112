/**
 * What a form definition says to a reader, whatever tool it was made with: which answers there are, in which order, below which
 * headings, and how each is written. Paths are names of members with dots between them, below the object around them.
 */
export type FormOutline = {
  /** `null` where the definition has none. */
  title: string | null;
  parts: FormPart[];
};

export type FormPart = FieldPart | SectionPart | NestedPart | RowsPart | UnshownPart;

export type FieldPart = { kind: 'field'; path: string; label: string; format: AnswerFormat; when: Condition };

/** A heading over some parts; without a label only a condition on them. */
export type SectionPart = { kind: 'section'; label: string; parts: FormPart[]; when: Condition };

export type NestedPart = {
  kind: 'nested';
  path: string;
  label: string;
  /** Below the object at `path`. */
  parts: FormPart[];
  when: Condition;
  /** `false`: it may be mere layout, and its parts stand beside it where there is nothing at `path`. */
  isCertain: boolean;
};

/** An array of objects; `parts` are those of one of them. */
export type RowsPart = { kind: 'rows'; path: string; label: string; parts: FormPart[]; when: Condition };

/** A value that the person never saw: hidden fields, buttons. It is left out on purpose. */
export type UnshownPart = { kind: 'unshown'; path: string };

/** When a part was there to be answered; `null` is always, `unknown` takes more than reading to tell. */
export type Condition = null | 'unknown' | { path: string; equals: string; isShown: boolean };

export type AnswerFormat =
  | { as: 'text'; before: string; after: string }
  /** HTML of an editor. */
  | { as: 'rich-text' }
  | { as: 'password' }
  | { as: 'money'; currency: string }
  | { as: 'choice'; options: Options }
  /** An object of booleans, as check boxes in a group make it. */
  | { as: 'ticks'; options: Options }
  | { as: 'tags'; delimiter: string }
  | { as: 'date' | 'time' | 'date-time' }
  /** Day, month and year in one text with slashes, by the parts that were asked for. */
  | { as: 'day'; order: readonly DayPart[]; shown: readonly DayPart[] }
  | { as: 'files' }
  | { as: 'signature' }
  | { as: 'address' }
  /** By what the value itself looks like. */
  | { as: 'anything' };

export type DayPart = 'day' | 'month' | 'year';

export type Options = {
  /** By the text of a value; of an object or array, its canonical JSON. */
  labels: ReadonlyMap<string, string>;
  /** How a value that is an object is written, such as `{{ item.name }}`. */
  template: string | null;
  /** Where the answers hold the options themselves. */
  source: string | null;
};

export const PLAIN_TEXT: AnswerFormat = { as: 'text', before: '', after: '' };
