/** Deeper levels of data are counted, not shown. */
export const MAX_LEVELS = 200;
/** Wider tables cannot be read on a page: their rows become lists. */
export const MAX_COLUMNS = 8;
const MAX_ITEMS = 20_000;
/** Looks at parts of a definition; a definition may ask for many in each of many rows. */
const MAX_LOOKS = 1_000_000;
const MAX_TEXT = 100_000;

/** How much a view may hold: answers, headings, cells and lines together. What is beyond is counted. */
export type ViewLimits = ReturnType<typeof createViewLimits>;

export function createViewLimits() {
  let items = MAX_ITEMS;
  let looks = MAX_LOOKS;
  let omitted = 0;

  return {
    left: () => items,
    /** Whether there is patience for one more look; without it, the definition is followed no further. */
    look: () => looks-- > 0,
    isPatient: () => looks > 0,
    /** How many of `wanted` items there is room for. */
    take(wanted: number): number {
      const granted = Math.min(wanted, items);
      items -= granted;
      return granted;
    },
    /** Room that was taken for what is not shown after all. */
    giveBack(unused: number): void {
      items += unused;
    },
    omit(values: number): void {
      omitted += values;
    },
    omitted: () => omitted,
  };
}

/** A text as it is, unless it is of absurd length. */
export function shownText(text: string): string {
  const whole = text.toWellFormed();
  if (whole.length <= MAX_TEXT) return whole;
  const more = withCommas(whole.length - MAX_TEXT);
  return `${whole.slice(0, MAX_TEXT).toWellFormed()} … ${more} more characters: see the raw data`;
}

export function withCommas(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}
