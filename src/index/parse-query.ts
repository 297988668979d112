/** What somebody looks for; all parts must hold for one and the same submission. */
export type CaseQuery = {
  /** Each as its words in a row; `prefix`: the last word may go on. `field`: in the name or title of the form, or its submitter. */
  terms: readonly { words: readonly string[]; prefix: boolean; not: boolean; field: 'form' | 'by' | null }[];
  /** Inclusive, in ms since 1970; `from` at the beginning of its day in UTC, `to` at its end. */
  fromMs: number | null;
  toMs: number | null;
  /** What could not be understood, as it was written: told to the person, and left out of the search. */
  ignored: readonly string[];
};
