import { DateTime } from 'luxon';
import { isLoopback } from './sign-in/loopback.ts';

/** How the text of a setting is read. `rule` completes the sentence "X must be …". */
export type Kind<T> = {
  rule: string;
  /** `undefined` where the text breaks the rule. */
  parse(text: string): T | undefined;
};

export const anyText: Kind<string> = { rule: 'a text', parse: (text) => text };

export const flag: Kind<boolean> = {
  rule: 'true or false',
  parse(text) {
    if (/^true$/i.test(text)) return true;
    return /^false$/i.test(text) ? false : undefined;
  },
};

/** Compared without case. */
export function oneOf<const T extends string>(...choices: T[]): Kind<T> {
  return {
    rule: `one of ${choices.join(', ')}`,
    parse: (text) => choices.find((choice) => choice.toLowerCase() === text.toLowerCase()),
  };
}

/** Without doubles, in the order in which they are given. */
export function listOf<const T extends string>(...choices: T[]): Kind<readonly T[]> {
  const one = oneOf(...choices);
  return {
    rule: `a list of ${choices.join(', ')}, with commas between`,
    parse(text) {
      const items = everyItem(text, one.parse);
      return items && [...new Set(items)];
    },
  };
}

export function wholeNumber(least: number, most: number): Kind<number> {
  return {
    rule: `a whole number from ${least} to ${most}`,
    parse(text) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most ? value : undefined;
    },
  };
}

export function wholeNumbers(least: number, most: number): Kind<readonly number[]> {
  const one = wholeNumber(least, most);
  return {
    rule: `whole numbers from ${least} to ${most}, with commas between`,
    parse: (text) => everyItem(text, one.parse),
  };
}

/** Read without the slashes at its end, so that a path can be put behind it. */
export const webAddress: Kind<string> = {
  rule: 'an http or https address without user, password, query and fragment',
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !/^https?:\/\//i.test(text) || !/^https?:$/.test(url.protocol)) return undefined;
    if (url.username !== '' || url.password !== '' || /[?#\s]/.test(text)) return undefined;
    return url.href.replace(/\/+$/, '');
  },
};

/** Whom we believe who somebody is: nobody on the way may answer in the provider's place. */
export const issuerAddress: Kind<string> = {
  rule: 'an https address without user, password, query and fragment; plain http for a provider on this machine only',
  parse(text) {
    const address = webAddress.parse(text);
    const url = address === undefined ? null : new URL(address);
    return url !== null && (url.protocol === 'https:' || isLoopback(url)) ? address : undefined;
  },
};

export const databaseAddress: Kind<string> = {
  rule: 'an address that begins with postgres:// or postgresql://',
  parse: (text) => (/^postgres(ql)?:\/\/\S/i.test(text) && URL.canParse(text) ? text : undefined),
};

export const hostName: Kind<string> = {
  rule: 'a host name or an IP address',
  parse: (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
};

export const bucket: Kind<string> = {
  rule: 'a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends',
  parse: (text) => (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text) && !text.includes('..') ? text : undefined),
};

/** ISO 8601 with a date; UTC where it names no zone. */
export const feedStart: Kind<'now' | 'beginning' | Date> = {
  rule: 'now, beginning, or a time such as 2024-05-31T08:00:00Z',
  parse(text) {
    const word = text.toLowerCase();
    if (word === 'now' || word === 'beginning') return word;
    const time = DateTime.fromISO(text, { zone: 'utc' });
    return /^\d{4}-\d{2}-\d{2}/.test(text) && time.isValid ? time.toJSDate() : undefined;
  },
};

export const timeOfDay: Kind<string> = {
  rule: 'a time of day such as 02:00, or off',
  parse: (text) => (/^(?:([01]\d|2[0-3]):[0-5]\d|off)$/i.test(text) ? text.toLowerCase() : undefined),
};

function everyItem<T>(text: string, parse: (item: string) => T | undefined): T[] | undefined {
  const items: T[] = [];
  for (const part of text.split(',')) {
    const item = parse(part.trim());
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
