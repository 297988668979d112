/**
 * A foreign error without what it carries along: an axios error holds the request with its credentials and both bodies.
 * Kept are name, code, message and stack.
 */
export function slimCause(error: unknown): Error {
  if (!(typeof error === 'object' && error !== null)) return new Error(`something that is no error (${typeof error})`);
  const { name, code, message, stack, errors } = error as Partial<Record<string, unknown>>;
  const slim = new Error(messageOf(message, code, errors));
  slim.name = typeof name === 'string' ? name : 'Error';
  if (typeof stack === 'string') slim.stack = `${slim.name}: ${slim.message}\n${framesOf(stack)}`;
  return slim;
}

function messageOf(message: unknown, code: unknown, errors: unknown): string {
  const text = typeof message === 'string' && message !== '' ? message : nestedMessages(errors);
  return typeof code === 'string' && !text.includes(code) ? `${code}: ${text}` : text;
}

/** Node answers with an AggregateError without a message when a name has several addresses and none of them listens. */
function nestedMessages(errors: unknown): string {
  if (!Array.isArray(errors)) return 'no message';
  return errors.map((each) => (each instanceof Error ? each.message : typeof each)).join('; ');
}

function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
