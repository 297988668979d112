const VISIBLE = /[^\p{Cc}\p{Cf}\p{Z}\s]/u;

/** The text, or `null` where it is blank: missing, null, or without a visible character. */
export function unlessBlank(text: string | null | undefined): string | null {
  return text !== null && text !== undefined && VISIBLE.test(text) ? text : null;
}
