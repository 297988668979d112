import type { Log } from '../../src/observability/log.ts';
import type { LogFields } from '../../src/observability/log-fields.ts';

export type LogLine = { level: keyof Log; sentence: string; fields: LogFields };

/** A log that remembers its lines. */
export function createRememberingLog(): Log & { lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write = (level: keyof Log) => (fields: LogFields, sentence: string) => {
    lines.push({ level, sentence, fields });
  };
  return {
    lines,
    fatal: write('fatal'),
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
  };
}
