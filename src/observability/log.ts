import { type DestinationStream, pino } from 'pino';
import { errorChain, stackText } from './error-text.ts';
import { LOG_FIELDS, type LogFieldKind, type LogFields } from './log-fields.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

type Write = (fields: LogFields, sentence: string) => void;

/** A constant sentence; everything that varies stands in fields of the table. */
export type Log = Record<Exclude<LogLevel, 'silent'>, Write>;

/** JSON lines on standard output, or where `destination` leads. */
export function createLog({ level, destination }: { level: LogLevel; destination?: DestinationStream }): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: onlyTableFields },
    // Pino's own serialiser would go through the error once more.
    serializers: { err: (fields: unknown) => fields },
  };
  // Not synchronous: lines that come while one is being written go out together. What is left is written at the exit.
  const logger = pino(options, destination ?? pino.destination({ dest: 1, sync: false }));
  const writer = (name: keyof Log): Write => {
    return (fields, sentence) => logger[name](fields, sentence);
  };
  return {
    fatal: writer('fatal'),
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
    trace: writer('trace'),
  };
}

/** Holds also where a type was bent: what is not in the table does not get into the log. */
function onlyTableFields(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const kind = Object.hasOwn(LOG_FIELDS, name) ? LOG_FIELDS[name as keyof LogFields] : undefined;
    if (kind === undefined || value === undefined) continue;
    if (kind === 'error') kept[name] = errorFields(value);
    else if (isOfKind(value, kind)) kept[name] = value;
  }
  return kept;
}

function isOfKind(value: unknown, kind: Exclude<LogFieldKind, 'error'>): boolean {
  if (kind === 'texts') return Array.isArray(value) && value.every((each) => typeof each === 'string');
  return value === null || typeof value === (kind === 'text' ? 'string' : 'number');
}

function errorFields(error: unknown): Record<string, unknown> {
  const [first, ...causes] = errorChain(error);
  if (first === undefined) return { message: 'no error' };
  const { code, message, context, hint } = first;
  return {
    code,
    message,
    ...(context !== null && { context }),
    ...(hint !== null && { hint }),
    stack: stackText(first),
    ...(causes.length > 0 && {
      causes: causes.map((cause) => ({ code: cause.code, message: cause.message, stack: stackText(cause) })),
    }),
  };
}
