const MAX_NAME_LENGTH = 80;

/** What to do about a variable that can never be kept as it is. */
export function hintToWriteAgain(variableName: string, how: string): string {
  const name = variableName
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, MAX_NAME_LENGTH)
    .toWellFormed();
  return `Write the variable ${name} again ${how}, then retry.`;
}
