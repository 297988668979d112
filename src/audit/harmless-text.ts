/** Control characters, marks that turn the direction of a text, and all else that is not seen or not text. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A text from outside as a terminal may show it: what is not seen stands there as its code. */
export function harmlessText(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${hexOf(character)}}`);
}

/** JSON that says the same, with everything unseen escaped. */
export function harmlessJson(json: string): string {
  return json.replace(UNSEEN, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${hexOf(character, at).padStart(4, '0')}`).join(''),
  );
}

function hexOf(character: string, unit?: number): string {
  return ((unit === undefined ? character.codePointAt(0) : character.charCodeAt(unit)) ?? 0).toString(16);
}
