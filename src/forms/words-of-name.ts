const MAX_LENGTH = 300;
const IDENTIFIER = /^\p{L}[\p{L}\p{N}]*(?:[_.-][\p{L}\p{N}]+)*$/u;

/** A name of data as words: `rentPerWeek` and `rent_per_week` are "Rent per week". What is no plain name stays as it is. */
export function wordsOf(name: string): string {
  if (name.trim() === '') return 'Without a name';
  if (name.length > MAX_LENGTH) return `${name.slice(0, MAX_LENGTH).toWellFormed()}…`;
  if (!IDENTIFIER.test(name)) return name.toWellFormed();
  const words = name
    .replaceAll(/[_.-]/g, ' ')
    .replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .replaceAll(/(\p{L})(\p{N})/gu, '$1 $2')
    .split(' ')
    .map((word) => (isAcronym(word) ? word : word.toLowerCase()))
    .join(' ');
  return words.replace(/^\p{L}/u, (first) => first.toUpperCase());
}

/** Of a path, its last name. */
export function wordsOfPath(path: string): string {
  return wordsOf(path.slice(path.lastIndexOf('.') + 1) || path);
}

function isAcronym(word: string): boolean {
  return word.length > 1 && word === word.toUpperCase();
}
