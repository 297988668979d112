import { type FailureContext, failureCodeOf } from '../errors.ts';

const MAX_CAUSES = 10;
const MAX_MESSAGE_LENGTH = 1_000;
const MAX_FRAMES = 50;

/** What may be told about an error: nothing that a library hung on it, such as a request, its headers or its body. */
export type ErrorLink = {
  name: string;
  /** One of ours, or the one of the system or of a library, such as `ECONNREFUSED`. */
  code: string | null;
  message: string;
  context: FailureContext | null;
  hint: string | null;
  /** Without the message in front. */
  frames: string;
};

/** The error and its causes, outermost first. */
export function errorChain(error: unknown): ErrorLink[] {
  const seen = new Set<unknown>();
  const chain: ErrorLink[] = [];
  for (
    let at = error;
    at !== undefined && at !== null && !seen.has(at) && chain.length <= MAX_CAUSES;
    at = causeOf(at)
  ) {
    seen.add(at);
    chain.push(linkOf(at));
  }
  return chain;
}

/** The whole stack trace with its causes: what stands behind an incident. */
export function errorText(error: unknown): string {
  return errorChain(error)
    .map((link, depth) => `${depth === 0 ? '' : 'Caused by: '}${describe(link)}`)
    .join('\n');
}

/** The stack of one error, its head rebuilt from name, code and message. */
export function stackText(link: ErrorLink): string {
  return link.frames === '' ? headOf(link) : `${headOf(link)}\n${link.frames}`;
}

function describe(link: ErrorLink): string {
  const lines = [headOf(link)];
  for (const [name, value] of Object.entries(link.context ?? {})) lines.push(`  ${name}: ${value}`);
  if (link.hint !== null) lines.push(`  ${link.hint}`);
  if (link.frames !== '') lines.push(link.frames);
  return lines.join('\n');
}

function headOf({ name, code, message }: ErrorLink): string {
  return code === null ? `${name}: ${message}` : `${name} ${code}: ${message}`;
}

function linkOf(error: unknown): ErrorLink {
  if (typeof error !== 'object' || error === null) {
    // A thrown text may be anything, also an answer.
    return { name: 'Error', code: null, message: `a thrown ${typeof error}`, context: null, hint: null, frames: '' };
  }
  const { name, code, message, stack, context, hint } = error as Partial<Record<string, unknown>>;
  const isOurs = failureCodeOf(error) === code;
  return {
    name: typeof name === 'string' && name !== '' ? name : 'Error',
    code: typeof code === 'string' ? code : null,
    message: messageOf(name, message, (error as { errors?: unknown }).errors),
    context: isOurs && typeof context === 'object' && context !== null ? scalarsOf(context) : null,
    hint: isOurs && typeof hint === 'string' ? hint : null,
    frames: typeof stack === 'string' ? framesOf(stack, message) : '',
  };
}

function messageOf(name: unknown, message: unknown, errors: unknown): string {
  // The JSON parser quotes what it could not read, which is what a person typed.
  if (name === 'SyntaxError') return 'the text could not be parsed';
  if (typeof message === 'string' && message !== '') return message.slice(0, MAX_MESSAGE_LENGTH);
  if (!Array.isArray(errors)) return 'no message';
  return errors
    .map((each: { name?: unknown; message?: unknown } | null) => messageOf(each?.name, each?.message, undefined))
    .join('; ')
    .slice(0, MAX_MESSAGE_LENGTH);
}

/** A stack begins with the message, which may have lines that look like frames. */
function framesOf(stack: string, message: unknown): string {
  const start = typeof message === 'string' && message !== '' ? stack.indexOf(message) : -1;
  const end = start < 0 ? 0 : start + String(message).length;
  return stack
    .slice(end)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MAX_FRAMES)
    .join('\n');
}

function scalarsOf(context: object): FailureContext {
  const scalars: FailureContext = {};
  for (const [name, value] of Object.entries(context)) {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) scalars[name] = value;
  }
  return scalars;
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as { cause?: unknown }).cause : undefined;
}
