const MAX_NAME_LENGTH = 80;

/** What to do about a variable that can never be kept as it is. */
export function hintToWriteAgain(variableName: string, how: string): string {
  return `Write the variable ${cut(variableName.replace(/[\s\p{Cc}]+/gu, ' '))} again ${how}, then retry.`;
}

/** On the border of a character. */
function cut(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name.toWellFormed();
  return `${name.slice(0, MAX_NAME_LENGTH).replace(/[\uD800-\uDBFF]$/, '')}…`.toWellFormed();
}
